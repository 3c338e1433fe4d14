use regnet::population;

population! { pub mod candidates = RegNetX[2] { seed = 7; flops = 100M..=80M; } }

fn main() {}
