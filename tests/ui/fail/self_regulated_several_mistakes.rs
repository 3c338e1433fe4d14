use regnet::self_regulated;

self_regulated! {
    pub struct Net = < depth = 18, cell = lsm, conv = ful >;
    share   = all;
    classes = 0;
    stem    = cifar(16);
}

fn main() {}
