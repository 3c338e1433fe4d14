use regnet::regnet;

type Net = regnet!(RegNetX-200MF, budget = flop <= 200M, latency <= 3);

fn main() {}
