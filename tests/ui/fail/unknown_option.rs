use regnet::regnet;

regnet! {
    pub struct Net = RegNetX-200MF;
    resolution = 224;
}

fn main() {}
