use regnet::regnet;

type NetA = regnet!(RegNetX-200MF, se = 2.0);
type NetB = regnet!(RegNetX-200MF, se = yes);

fn main() {}
