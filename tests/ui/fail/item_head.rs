use regnet::regnet;

regnet! {
    #derive(Debug) pub struct Net = RegNetX-200MF;
}

fn main() {}
