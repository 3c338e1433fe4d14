use regnet::anynet;

type Net = anynet!(depths = [1, 20], widths = [44, 96], groups = 2, space = AnyNetXA);

fn main() {}
