use regnet::anynet;

type Net = anynet!(depths = [1, 3], widths = [48, 100000]);

fn main() {}
