use regnet::regnet;

regnet! {
    pub struct Leaves = RegNetX-600MF;
    classes = 38;
    budget  = flops <= 400M, params <= 7M, acts <= 3M;
}

fn main() {
    println!("{}", Leaves::FLOPS);
}
