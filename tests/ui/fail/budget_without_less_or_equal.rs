use regnet::regnet;

type A = regnet!(RegNetX-200MF, budget = flops < 200M, params 3M);
type B = regnet!(RegNetX-200MF, budget = acts);

fn main() {}
