//! The forms of a declaration, and what the compiler knows of each.
//!
//! ```sh
//! cargo run --release --example declare
//! ```

use dfdx::prelude::*;
use regnet::{Declared, regnet};

// In type position: RegNet's generating parameters (paper letters), in any order.
type Net = regnet!(< d=16, w0=48, wa=37, wm=2.2, g=24, b=1, se=true >);

// A published model by name, with another head.
type Small = regnet!(RegNetX - 200MF, classes = 10);

// Published parameters, one of them changed; squeeze-and-excitation of another ratio.
type Wider = regnet!(RegNetY - 400MF, g = 16, se = 0.5);

// Small images: a stem that keeps the resolution.
type Tiny = regnet!(< d=8, w0=24, wa=20, wm=2.4, g=8 >, stem = cifar(16), classes = 10);

// In item position: a name of its own, constants, and the stage table in its documentation.
regnet! {
    /// Tells the leaves of 38 plant diseases apart.
    pub struct LeafNet = < d=16, w0=48, wa=36.97, wm=2.24, g=24, b=1, se=true >;
    input   = 3 x 224 x 224;
    classes = 38;
    stem    = simple(32);
}

fn describe<N: Declared>(name: &str) {
    let spec = N::spec();
    let [_, height, width] = N::INPUT;
    let figures = spec.complexity(height, width).expect("a declared network is valid");
    let column = |f: fn(&regnet::space::Stage) -> usize| spec.stages.iter().map(f).collect::<Vec<_>>();
    println!("{name}: widths {:?}, depths {:?}", column(|s| s.width), column(|s| s.depth));
    println!(
        "  {:.1} M multiply-adds, {:.2} M parameters, {:.2} M activations at {height} x {width}",
        figures.flops as f64 / 1e6,
        figures.params as f64 / 1e6,
        figures.acts as f64 / 1e6,
    );
}

fn main() {
    describe::<Net>("Net");
    describe::<Small>("Small");
    describe::<Wider>("Wider");
    describe::<Tiny>("Tiny");
    describe::<LeafNet>("LeafNet");

    // An item's figures are constants, so they can be used where constants are.
    const _: () = assert!(LeafNet::PARAMS < 7_000_000);
    println!("LeafNet's stages: {:?} channels wide", LeafNet::STAGE_WIDTHS);

    // Shapes are types: the batch, the resolution and the classes below are all checked by the compiler.
    let dev = Cpu::default();
    let net = dev.build_module::<Tiny, f32>();
    let images: Tensor<Rank4<2, 3, 32, 32>, f32, _> = dev.sample_normal();
    let logits: Tensor<Rank2<2, 10>, f32, _> = net.forward(images);
    println!("Tiny's logits for two images: {:.3?}", logits.array());

    // The same network on a batch whose size and resolution are only known at run time.
    let (batch, height, width) = (3, 48, 40);
    let images: Tensor<(usize, Const<3>, usize, usize), f32, _> =
        dev.sample_normal_like(&(batch, Const, height, width));
    let logits: Tensor<(usize, Const<10>), f32, _> = net.forward(images);
    println!("and for a run-time batch of {batch}: {:.3?}", logits.as_vec());
}
