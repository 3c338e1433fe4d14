//! `examples/frozen.rs` on a network that was trained for a moment.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "../examples/frozen.rs"]
mod example;

use example::{Args, compare};
use regnet::dfdx::prelude::*;
use regnet::train::data::builtin_sized;
use regnet::train::{Options, Recipe, train};
use regnet::{Declared, regnet};

type Net = regnet!(< d=3, w0=16, wa=16, wm=2, g=8, b=1, se=true >, stem = cifar(16), classes = 10);

#[test]
fn every_precision_tells_nearly_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = Recipe { epochs: 2, warmup_epochs: 0.0, ..Recipe::default() };
    let data = builtin_sized(640, 10, Some(16), recipe.seed).unwrap();
    let device = Cpu::seed_from_u64(0);
    let mut net = device.build_module::<Net, f32>();
    train(&device, &mut net, &Net::spec(), &data, &recipe, folder.path(), Options::default()).unwrap();

    let rows = compare(&Args { run: folder.path().to_owned(), calibrate: 16, batch: 16 }).unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!((rows[0].precision, rows[0].agreement), ("f32", 1.0));
    for row in &rows {
        // A network that has hardly learnt is often in doubt; where it is not, it says the same.
        assert!(row.agreement > 0.9, "{}: {}", row.precision, row.agreement);
        assert!((row.accuracy - rows[0].accuracy).abs() < 0.05, "{}: {}", row.precision, row.accuracy);
    }
    let missing = compare(&Args { run: folder.path().join("nothing"), calibrate: 1, batch: 1 });
    assert!(missing.err().unwrap().to_string().contains("train a network first"));
}
