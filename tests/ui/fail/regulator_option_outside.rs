use regnet::regnet;

type Net = regnet!(RegNetX-200MF, regulator = gru, conv = efficient);

fn main() {}
