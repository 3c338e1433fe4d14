//! The `regnet` command line.
fn main() {}
