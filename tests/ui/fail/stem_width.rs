use regnet::regnet;

type NetA = regnet!(RegNetX-200MF, stem = simple(0));
type NetB = regnet!(RegNetX-200MF, stem = simple[32]);
type NetC = regnet!(RegNetX-200MF, stem = simple());

fn main() {}
