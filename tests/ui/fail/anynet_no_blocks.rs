use regnet::anynet;

type Net = anynet!(depths = [1, 0], widths = [48, 96]);

fn main() {}
