use regnet::regnet;

type Net = regnet!(< d=0, w0=50, wa=36.97px, wm=1, gg=24 >, classes = 0, stem = large);

fn main() {}
