use regnet::anynet;

type Net = anynet!(depths = [1, 5, 3], widths = [48, 96, 192], groups = 8, space = AnyNetXE);

fn main() {}
