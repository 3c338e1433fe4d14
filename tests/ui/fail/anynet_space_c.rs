use regnet::anynet;

type Net = anynet!(depths = [1, 3, 5], widths = [48, 96, 192], groups = [8, 8, 16], space = AnyNetXC);

fn main() {}
