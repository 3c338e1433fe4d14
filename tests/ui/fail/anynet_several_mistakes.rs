use regnet::anynet;

anynet! {
    /// Everything wrong, and still a network: nothing but the declaration is reported.
    pub struct Net = < depths=[1, 2.5, 5], widths=[48, 96], groups=[0], block=big >;
    classes = 0;
}

fn blocks() -> usize {
    Net::STAGE_DEPTHS[0] + Net::CLASSES
}

fn main() {}
