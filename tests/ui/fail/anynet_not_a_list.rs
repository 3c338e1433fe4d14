use regnet::anynet;

type Net = anynet!(depths = 4, widths = [48]);

fn main() {}
