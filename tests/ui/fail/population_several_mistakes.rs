use regnet::population;

population! {
    /// Everything wrong, and still a module: nothing but the declaration is reported.
    pub mod candidates = RegNetW[100] {
        flops   = 6M..=4M;
        input   = 32;
        classes = 0,
        stem    = large
    }
}

fn main() {
    let _ = (candidates::COUNT, candidates::Candidate0::FLOPS);
}
