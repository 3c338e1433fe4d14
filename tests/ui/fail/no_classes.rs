use regnet::regnet;

type Net = regnet!(RegNetX-200MF, classes = 0);

fn main() {}
