use regnet::population;

population! { pub mod candidates = RegNetX[2] { flops = 4M..=6M; stem = cifar(16); } }

fn main() {}
