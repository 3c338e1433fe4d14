//! Budgets that are kept, and a network that is almost a published one, under strict lints.

#![deny(warnings, missing_docs)]

use regnet::space::nearest_preset;
use regnet::{Declared, regnet};

regnet! {
    /// Leaves, 38 diseases.
    pub struct Leaves = < d=16, w0=48, wa=36.97, wm=2.24, g=24, b=1, se=true >;
    classes = 38;
    budget  = flops <= 700M, params <= 7M, memory(training, batch = 32) <= 2.5G;
}

regnet! {
    /// RegNetX-600MF's parameters, rounded; a note in its documentation says that it is another network.
    pub struct Rounded = < d=16, w0=48, wa=37, wm=2.2, g=24 >;
}

/// A budget among other entries.
type Net = regnet!(RegNetX-400MF, budget = flops <= 400M, params <= 6M, memory <= 64M, classes = 10);

/// A budget after the brackets.
type Bracketed = regnet!(< RegNetX-400MF >, budget = acts <= 4M,);

fn main() {
    assert_eq!(Leaves::CLASSES, 38);
    assert_eq!(Net::spec().stages, Bracketed::spec().stages);
    assert_eq!(nearest_preset(&Net::spec()), None);
    assert_eq!(nearest_preset(&Rounded::spec()).map(|near| near.preset.name), Some("RegNetX-600MF"));
}
