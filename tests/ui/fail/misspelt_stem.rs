use regnet::regnet;

type Net = regnet!(RegNetX-200MF, stem = cifra(16));

fn main() {}
