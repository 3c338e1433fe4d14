use regnet::regnet;

type NetA = regnet!(RegNetX-200MF, d = -16);
type NetB = regnet!(RegNetX-200MF, wa = -0.5);

fn main() {}
