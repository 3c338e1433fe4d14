use regnet::regnet;

type NetA = regnet!(< d=70, w0=48, wa=36.97, wm=2.24, g=24 >);
type NetB = regnet!(RegNetX-32GF, wa = 300);
type NetC = regnet!(RegNetX-200MF, wm = 3.5);

fn main() {}
