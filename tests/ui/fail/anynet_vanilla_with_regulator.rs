use regnet::anynet;

type Net = anynet!(depths = [1, 3], widths = [48, 96], block = vanilla, regulator = lstm);

fn main() {}
