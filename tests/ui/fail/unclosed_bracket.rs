use regnet::regnet;

type Net = regnet!(< d=16, w0=48, wa=36.97, wm=2.24, g=24);

fn main() {}
