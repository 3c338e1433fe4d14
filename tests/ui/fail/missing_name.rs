use regnet::regnet;

regnet! {
    pub struct = RegNetX-200MF;
}

fn main() {}
