use regnet::regnet;

type Net = regnet!(RegNetX-200MF, budget = flops <= 200MF, memory <= 2GiB);

fn main() {}
