use regnet::regnet;

type Net = regnet!(RegNetX-200MF, budget = flops <= 200M params <= 3M);

fn main() {}
