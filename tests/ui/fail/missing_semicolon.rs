use regnet::regnet;

regnet! {
    pub struct Net = RegNetX-200MF
}

fn main() {}
