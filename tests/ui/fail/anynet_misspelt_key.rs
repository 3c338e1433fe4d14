use regnet::anynet;

type Net = anynet!(depth = [1, 3], widths = [48, 96]);

fn main() {}
