use regnet::regnet;

type NetA = regnet!(RegNetX-200MF, input = 224);
type NetB = regnet!(RegNetX-200MF, input = 3 * 224 * 224);
type NetC = regnet!(RegNetX-200MF, input = 0 x 224 x 224);
type NetD = regnet!(RegNetX-200MF, input = 3 x 224 x 100000);

fn main() {}
