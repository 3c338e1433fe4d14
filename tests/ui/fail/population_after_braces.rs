use regnet::population;

population! { mod candidates = RegNetX[2] { seed = 7; classes = 10; stem = cifar(16); } mod others }

fn main() {}
