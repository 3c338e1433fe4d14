use regnet::anynet;

type Net = anynet!(depths = [1, 3], widths = [48, 96], groups = 8, space = AnyNetX);

fn main() {}
