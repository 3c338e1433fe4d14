use regnet::population;

population! { pub mod candidates = RegNetZ[2] { seed = 7; stem = cifar(16); } }
population! { pub mod others = ResNet[2] { seed = 7; stem = cifar(16); } }

fn main() {}
