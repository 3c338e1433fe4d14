//! A population causes no warning, knows the crate by any name, and stands beside names that shadow the prelude's.
#![deny(warnings, missing_docs, unreachable_pub, unused)]

extern crate regnet as nets;

use nets::population as draw;

/// Shadows what careless expansions name.
pub struct Option;
/// Shadows what careless expansions name.
pub struct Visitor;

draw! {
    mod unused = RegNetX[2] { seed = 7; flops = ..=6M; classes = 10; stem = cifar(16); }
}

draw! {
    /// Two kinds.
    pub mod kinds = RegNetX[1] { seed = 0; flops = 1M..=6.5M; stem = cifar(16); classes = 10; }
}

mod inner {
    nets::population! {
        pub(super) mod deeper = RegNetY[1] { seed = 1; flops = 1M..=6M; stem = cifar(16); }
    }
}

fn main() {
    assert_eq!(kinds::COUNT + inner::deeper::COUNT, 2);
    let (Option, Visitor) = (Option, Visitor);
}
