use regnet::population;

population! { mod none = RegNetX[0] { seed = 7; } }
population! { mod many = RegNetX[1000] { seed = 7; } }
population! { mod negative = RegNetX[-8] { seed = 7; } }
population! { mod named = RegNetX[COUNT] { seed = 7; } }
population! { mod missing = RegNetX { seed = 7; } }

fn main() {}
