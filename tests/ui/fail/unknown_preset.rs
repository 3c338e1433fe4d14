use regnet::regnet;

type NetA = regnet!(RegNetX-300MF);
type NetB = regnet!(RegNetZ-400MF);
type NetC = regnet!("RegNetX-400MF");

fn main() {}
