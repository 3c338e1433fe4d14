use regnet::anynet;

type Net = anynet!(
    depths = [1, 1, 4, 7], widths = [24, 56, 152, 368], groups = 8, strides = [2, 1, 2, 2], space = RegNetX
);

fn main() {}
