use regnet::regnet;

type NetA = regnet!(< d=16, w0=50, wa=36.97, wm=2.24, g=24 >);
type NetB = regnet!(RegNetX-200MF, w0 = 0);

fn main() {}
