use regnet::regnet;

type Net = regnet!(< d=60, w0=8, wa=200, wm=1.5, g=8 >);

fn main() {}
