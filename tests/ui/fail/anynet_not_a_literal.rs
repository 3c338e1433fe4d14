use regnet::anynet;

const WIDE: usize = 96;

type Net = anynet!(depths = [1, 3], widths = [48, WIDE], groups = 24);

fn main() {}
