use regnet::anynet;

type Net = anynet!(depths = [], widths = [48, 96]);

fn main() {}
