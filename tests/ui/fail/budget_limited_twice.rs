use regnet::regnet;

type Net = regnet!(RegNetX-200MF, budget = flops <= 200M, flops <= 1G);

fn main() {}
