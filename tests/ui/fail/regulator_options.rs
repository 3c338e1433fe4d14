use regnet::regnet;

type Key = regnet!(RegNetX-200MF, regulator = gru(kernel = 3));
type Misspelt = regnet!(RegNetX-200MF, regulator = gru(cary = true));
type Conv = regnet!(RegNetX-200MF, regulator = gru(conv = eficient));
type Share = regnet!(RegNetX-200MF, regulator = gru(share = network));
type Carry = regnet!(RegNetX-200MF, regulator = gru(carry = 1));
type Twice = regnet!(RegNetX-200MF, regulator = gru(conv = full, conv = efficient));
type Alone = regnet!(RegNetX-200MF, regulator = gru(carry));

fn main() {}
