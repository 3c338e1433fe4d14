use regnet::regnet;

type NetA = regnet!(RegNetX-200MF, stem = large);
type NetB = regnet!(RegNetX-200MF, stem = 32);

fn main() {}
