use regnet::regnet;

type NetA = regnet!(RegNetX-200MF,, classes = 10);
type NetB = regnet!(, RegNetX-200MF);

fn main() {}
