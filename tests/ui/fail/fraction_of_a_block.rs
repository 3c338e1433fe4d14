use regnet::regnet;

type NetA = regnet!(RegNetX-200MF, d = 16.5);
type NetB = regnet!(RegNetX-200MF, d = 16.0);

fn main() {}
