use regnet::population;

population! { pub struct Candidates = RegNetX[2] { seed = 7; } }
population! { pub mod candidates RegNetX[2] { seed = 7; } }
population! { pub mod others = RegNetX[2]; }
population! {}

fn main() {}
