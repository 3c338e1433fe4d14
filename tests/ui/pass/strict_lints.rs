//! What the macro writes is quiet under strict lints.

#![deny(warnings, missing_docs, missing_debug_implementations, missing_copy_implementations)]
#![deny(unused_qualifications, unreachable_pub, unsafe_code, rust_2018_idioms, dead_code)]
#![deny(trivial_numeric_casts, unused_results, single_use_lifetimes, let_underscore_drop)]

use regnet::{Declared, regnet, self_regulated};

regnet! {
    /// Only its spec is asked for.
    struct Private = RegNetX-200MF;
}

regnet! {
    struct Undocumented = RegNetY-400MF;
    classes = 10;
}

self_regulated! {
    struct Regulated = depth = 8, cell = gru;
    conv  = efficient;
    carry = true;
}

/// A type.
type Net = regnet!(RegNetX-200MF, stem = cifar(16));

fn main() {
    assert_eq!(Private::spec().classes + Net::spec().classes, 200 * Undocumented::CLASSES);
    assert_eq!(Regulated::spec().stages.len(), 3);
}
