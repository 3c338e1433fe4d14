use regnet::regnet;

type NetA = regnet!(< d=16, w0=48, wa=36.97, wm=2.24, g=24, d=18 >);
type NetB = regnet!(RegNetX-200MF, classes = 10, classes = 100);

fn main() {}
