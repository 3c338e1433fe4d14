//! A population: a module of networks and a visitor, the same networks as at run time.

use regnet::space::{AnyNet, DesignSpace, Drawn, Sampler, SpaceName};
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

population! {
    mod stages = AnyNetXE[2] { seed = 7; flops = 4M..=6M; classes = 10; stem = cifar(16); }
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

    let mut space = DesignSpace::new(SpaceName::RegNetY);
    space.constrain("stem = cifar(16), classes = 10, flops = 4M..=6M, params = ..=800K").unwrap();
    let drawn = Sampler::new(space, 7).draw(candidates::COUNT).unwrap();
    for (i, (Drawn { net, .. }, (name, spec, input))) in drawn.iter().zip(&visited.0).enumerate() {
        assert_eq!(name, &format!("Candidate{i}"));
        assert_eq!(spec, net);
        assert_eq!(input, &[3, 32, 32]);
    }

    let of_stages = DesignSpace::parse("AnyNetXE, stem = cifar(16), classes = 10, flops = 4M..=6M").unwrap();
    let drawn = Sampler::new(of_stages, 7).draw(stages::COUNT).unwrap();
    assert_eq!([stages::Candidate0::spec(), stages::Candidate1::spec()], [drawn[0].net.clone(), drawn[1].net.clone()]);
    assert_eq!(candidates::Candidate0::spec(), visited.0[0].1);
    assert!((4_000_000..=6_000_000).contains(&candidates::Candidate2::FLOPS));
    assert!(candidates::Candidate1::PARAMS <= 800_000);
}
