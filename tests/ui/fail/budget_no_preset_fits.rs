use regnet::regnet;

type Net = regnet!(RegNetX-200MF, budget = flops <= 100M);

fn main() {}
