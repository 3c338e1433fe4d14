use regnet::regnet;

type NetA = regnet!(< d=16, w0=48, wa=36.97, wm=2.24, g=24, clases=10 >);
type NetB = regnet!(< d=16, w0=48, wa=36.97, wm=2.24, g=24, resolution=224 >);

fn main() {}
