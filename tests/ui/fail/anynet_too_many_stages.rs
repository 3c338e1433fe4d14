use regnet::anynet;

type Net = anynet!(depths = [1, 1, 1, 1, 1, 1, 1], widths = [8, 8, 16, 16, 32, 32, 64]);

fn main() {}
