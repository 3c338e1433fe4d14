use regnet::regnet;

const DEPTH: usize = 16;

type NetA = regnet!(< d=DEPTH, w0=48, wa=36.97, wm=2.24, g=24 >);
type NetB = regnet!(RegNetX-200MF, d = 8 * 2);
type NetC = regnet!(RegNetX-200MF, d = "16");

fn main() {}
