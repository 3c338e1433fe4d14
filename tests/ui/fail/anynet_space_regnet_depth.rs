use regnet::anynet;

type Net = anynet!(depths = [1, 63], widths = [24, 48], groups = 8, space = RegNetX);

fn main() {}
