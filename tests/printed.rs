//! What `regnet codegen` prints compiles to the network it was printed from.
//!
//! `printed/NAME.rs` is what it printed of `printed/NAME.json`, which `regnet-cli/tests/codegen.rs` checks. After a
//! deliberate change print them again:
//!
//! ```sh
//! for name in Basic Line Mixed Plain; do
//!     file=tests/printed/${name,,}
//!     cargo run -p regnet-cli -- codegen $file.json --name $name > $file.rs
//! done
//! ```
#![allow(clippy::unwrap_used)]

use regnet::train::SpecFile;
use regnet::{Declared, anynet, regnet};

include!("printed/basic.rs");
include!("printed/line.rs");
include!("printed/mixed.rs");
include!("printed/plain.rs");

/// Whether the declaration is the network of the file, for its images or else for `usual` ones.
#[track_caller]
fn same<N: Declared>(json: &str, usual: [usize; 2]) {
    let SpecFile { net, image } = SpecFile::parse(json).unwrap();
    let [height, width] = image.unwrap_or(usual);
    assert_eq!(N::INPUT, [net.input_channels, height, width]);
    assert_eq!(N::spec(), net);
}

#[test]
fn printed_declarations_are_the_networks_they_were_printed_from() {
    same::<Basic>(include_str!("printed/basic.json"), [32, 32]);
    same::<Line>(include_str!("printed/line.json"), [224, 224]);
    same::<Mixed>(include_str!("printed/mixed.json"), [224, 224]);
    same::<Plain>(include_str!("printed/plain.json"), [224, 224]);
}
