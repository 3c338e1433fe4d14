use regnet::regnet;

type Net = regnet!(RegNetX-200MF, space = all);

fn main() {}
