use regnet::regnet;

type Net = regnet!(RegNetX-200MF, 10 = classes);

fn main() {}
