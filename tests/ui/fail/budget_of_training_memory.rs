use regnet::regnet;

type Net = regnet!(RegNetY-1.6GF, budget = memory(training, batch = 64) <= 4G, classes = 10);

fn main() {}
