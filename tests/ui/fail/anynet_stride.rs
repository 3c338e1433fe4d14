use regnet::anynet;

type Net = anynet!(depths = [1, 3], widths = [48, 96], strides = [1, 4]);

fn main() {}
