use regnet::regnet;

regnet! {
    pub struct Net<E> = RegNetX-200MF;
}

fn main() {}
