use regnet::anynet;

type Net = anynet!(depths = [1, 3], widths = [48, 96], block = vanilla, se = true);

fn main() {}
