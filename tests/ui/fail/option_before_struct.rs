use regnet::regnet;

regnet! {
    classes = 10;
    pub struct Net = RegNetX-200MF;
}

fn main() {}
