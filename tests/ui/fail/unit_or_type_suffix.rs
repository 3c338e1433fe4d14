use regnet::regnet;

type NetA = regnet!(RegNetX-200MF, d = 16px);
type NetB = regnet!(RegNetX-200MF, wa = 36.97f32);
type NetC = regnet!(RegNetX-200MF, classes = 10usize);

fn main() {}
