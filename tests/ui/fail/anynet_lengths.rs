use regnet::anynet;

type Net = anynet!(depths = [1, 3, 5, 7], widths = [48, 96, 240], groups = 24);

fn main() {}
