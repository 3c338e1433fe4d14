use regnet::regnet;

type NetA = regnet!(< d=16, w0=48, wa=36.97, wm=2.24, g=1000 >);
type NetB = regnet!(RegNetX-200MF, g = 0);

fn main() {}
