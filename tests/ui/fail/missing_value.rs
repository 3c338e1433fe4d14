use regnet::regnet;

type NetA = regnet!(RegNetX-200MF, se);
type NetB = regnet!(RegNetX-200MF, classes =);
type NetC = regnet!(RegNetX-200MF, d: 16);

fn main() {}
