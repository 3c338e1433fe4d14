use regnet::regnet;

type NetA = regnet!(< d=16, w0=48, wa=36.97, wm=1, g=24 >);
type NetB = regnet!(< d=16, w0=48, wa=36.97, wm=0.5, g=24 >);

fn main() {}
