use regnet::anynet;

type Net = anynet!(depths = [1, 1, 4, 7], widths = [24, 56, 200, 368], groups = 8, space = RegNetX);

fn main() {}
