//! A population: a module of networks and a visitor, the same networks as at run time.

use regnet::space::{AnyNet, SampledSpace, Sampler, Stem, StemKind};
use regnet::{Candidate, Declared, Visitor, population};

population! {
    /// Small networks for small images.
    pub mod candidates = RegNetY[3] {
        seed    = 7;
        flops   = 4M..=6M;
        params  = ..=800K;
        input   = 3 x 32 x 32;
        classes = 10;
        stem    = cifar(16);
    }
}

struct Specs(Vec<(String, AnyNet, [usize; 3])>);

impl Visitor for Specs {
    fn visit<N: Candidate>(&mut self) {
        self.0.push((format!("{:?}", N::default()), N::spec(), N::INPUT));
    }
}

fn main() {
    let mut visited = Specs(Vec::new());
    candidates::visit_all(&mut visited);
    assert_eq!(visited.0.len(), candidates::COUNT);

    let stem = Stem { kind: StemKind::Cifar, width: 16 };
    let mut sampler =
        Sampler { stem, input: [3, 32, 32], classes: 10, ..Sampler::new(SampledSpace::RegNetY, 7) };
    sampler.windows.flops = Some(4_000_000..=6_000_000);
    sampler.windows.params = Some(0..=800_000);
    let drawn = sampler.draw(candidates::COUNT).unwrap();
    for (i, (net, (name, spec, input))) in drawn.iter().zip(&visited.0).enumerate() {
        assert_eq!(name, &format!("Candidate{i}"));
        assert_eq!(spec, &net.to_anynet().unwrap());
        assert_eq!(input, &[3, 32, 32]);
    }
    assert_eq!(candidates::Candidate0::spec(), visited.0[0].1);
    assert!((4_000_000..=6_000_000).contains(&candidates::Candidate2::FLOPS));
    assert!(candidates::Candidate1::PARAMS <= 800_000);
}
