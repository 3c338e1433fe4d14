use regnet::regnet;

type Missing = regnet!(RegNetX-200MF, regulator = gru conv = efficient);
type Brackets = regnet!(RegNetX-200MF, regulator = gru[conv = efficient]);
type Number = regnet!(RegNetX-200MF, regulator = 3);

fn main() {}
