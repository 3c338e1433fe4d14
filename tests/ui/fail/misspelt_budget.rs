use regnet::regnet;

type Net = regnet!(RegNetX-200MF, bugdet = flops <= 200M, params <= 3M);

fn main() {}
