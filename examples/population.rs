//! Four small networks drawn from the RegNetX design space while this file is compiled, and generic code run on each.
//!
//! ```sh
//! cargo run --release --example population
//! ```

use regnet::dfdx::prelude::*;
use regnet::{Candidate, Run, Visitor, population};

population! {
    /// Four ways to spend five million multiply-adds on an image of 32 x 32 pixels.
    pub mod candidates = RegNetX[4] {
        seed    = 7;
        flops   = 4M..=6M;
        input   = 3 x 32 x 32;
        classes = 10;
        stem    = cifar(16);
    }
}

/// Says what each network is and runs it once.
struct Tour {
    device: Cpu,
}

impl Visitor for Tour {
    fn visit<N: Candidate>(&mut self) {
        let (spec, [channels, height, width]) = (N::spec(), N::INPUT);
        let cost = spec.complexity(height, width).expect("a declared network is valid");
        let widths: Vec<usize> = spec.stages.iter().map(|stage| stage.width).collect();
        let (flops, params) = (cost.flops as f64 / 1e6, cost.params as f64 / 1e3);
        println!(
            "{:?}: widths {widths:?}, {flops:.2} M multiply-adds, {params:.1} k parameters",
            N::default()
        );

        let net = self.device.build_module::<N, f32>();
        let images = self.device.sample_normal_like(&(2, channels, height, width));
        let logits = net.try_run(images).expect("two images fit in memory");
        println!("  the first of two images: {:.2?}", &logits.as_vec()[..spec.classes]);
    }
}

fn main() {
    println!("{} networks", candidates::COUNT);
    candidates::visit_all(&mut Tour { device: Cpu::seed_from_u64(7) });

    // Each is a type like any that `regnet!` names.
    const _: () = assert!(candidates::Candidate0::FLOPS <= 6_000_000);
    println!("Candidate0's stages: {:?} channels wide", candidates::Candidate0::STAGE_WIDTHS);
}
