use regnet::regnet;

type A = regnet!(RegNetX-200MF, budget = memory(train) <= 1G);
type B = regnet!(RegNetX-200MF, budget = memory(batch = 0) <= 1G, flops(batch = 2) <= 1G);

fn main() {}
