use regnet::regnet;

type NetA = regnet!(RegNetX-200MF, d = 1000000000);
type NetB = regnet!(RegNetX-200MF, wa = 1e308);
type NetC = regnet!(RegNetX-200MF, wm = 1e999);
type NetD = regnet!(RegNetX-200MF, classes = 18446744073709551616);

fn main() {}
