use regnet::regnet;

type Net = regnet!(RegNetY-400MF, budget = params <= 4M);

fn main() {}
