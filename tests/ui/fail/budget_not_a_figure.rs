use regnet::regnet;

const LIMIT: usize = 1;

type Net = regnet!(RegNetX-200MF, budget = flops <= LIMIT, params <= 0, acts <= -4M, memory <= 1e999);

fn main() {}
