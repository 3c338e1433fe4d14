use regnet::regnet;

regnet! {
    pub struct Net = < w0=48, wa=36.97, wm=2.24, g=24 >;
    d = 16;
}

fn main() {}
