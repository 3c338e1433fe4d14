use regnet::anynet;

type Net = anynet!(depths = [1, 3, 5], widths = [48, 192, 96], groups = 8, space = AnyNetXD);

fn main() {}
