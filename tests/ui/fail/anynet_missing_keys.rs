use regnet::anynet;

type Net = anynet!(groups = 24, classes = 10);

fn main() {}
