use regnet::anynet;

type Net = anynet!(depths = [1, 3], widths = [48, 90], bottleneck = 4);

fn main() {}
