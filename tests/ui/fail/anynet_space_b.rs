use regnet::anynet;

type Net = anynet!(depths = [1, 3, 5], widths = [48, 96, 192], bottleneck = [1, 2, 1], groups = 8, space = AnyNetXB);

fn main() {}
