use regnet::regnet;

type NetA = regnet!();
type NetB = regnet!(<>);

fn main() {}
