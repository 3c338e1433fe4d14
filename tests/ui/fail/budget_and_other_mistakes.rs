use regnet::regnet;

regnet! {
    /// All at once: the limits that can be read are checked once the network is sound.
    pub struct Net = < d=16, w0=50, wa=36.97, wm=2.24, g=24 >;
    classes = 0;
    budget  = flop <= 400M, params <= 1K;
}

fn main() {}
