use regnet::regnet;

type NetA = regnet!(RegNetX-200MF, b = 1.5);
type NetB = regnet!(RegNetX-200MF, b = 0);

fn main() {}
