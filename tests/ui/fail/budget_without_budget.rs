use regnet::regnet;

type Net = regnet!(RegNetX-200MF, flops <= 200M);

fn main() {}
