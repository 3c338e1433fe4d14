use regnet::regnet;

type NetA = regnet!(< d=16 w0=48, wa=36.97, wm=2.24, g=24 >);
type NetB = regnet!(< RegNetX-200MF > classes = 10);
type NetC = regnet!(RegNetX-200MF; classes = 10);

fn main() {}
