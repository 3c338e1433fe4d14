use regnet::regnet;

regnet! {
    /// Everything wrong, and still a network: nothing but the declaration is reported.
    pub struct Net = < d=0, w0=50, wa=36.97, wm=1, g=24 >;
    input   = 224;
    classes = 38;
    stem    = large;
}

fn total_width() -> usize {
    <Net as regnet::Declared>::spec().stages.len() + Net::STAGE_WIDTHS[0] + Net::CLASSES
}

fn main() {}
