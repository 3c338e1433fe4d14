//! How parameters start.

use std::collections::BTreeSet;

use dfdx::prelude::*;
use rand_distr::{Distribution, StandardNormal};

use crate::state::{self, Entry};

/// A normal distribution of mean 0 in any element type.
struct Normal {
    deviation: f64,
}

impl<E: Dtype> Distribution<E> for Normal {
    fn sample<R: rand::Rng + ?Sized>(&self, rng: &mut R) -> E {
        let standard: f64 = StandardNormal.sample(rng);
        E::from_f64(standard * self.deviation).expect("a float type holds every f64, rounded")
    }
}

/// He et al. (2015) with fan-out, as pycls: deviation `sqrt(2 / (kernel² out))`, groups not counted.
///
/// # Errors
/// The device's.
pub(crate) fn he_fan_out<S: Shape<Concrete = [usize; 4]>, E: Dtype, D: Device<E>>(
    weight: &mut Tensor<S, E, D>,
) -> Result<(), D::Err> {
    let [out, _, height, width] = weight.shape().concrete();
    let fan_out = (out * height * width).max(1);
    weight.try_fill_with_distr(Normal { deviation: (2.0 / fan_out as f64).sqrt() })
}

/// The linear head's start: deviation 0.01, as pycls.
///
/// # Errors
/// The device's.
pub(crate) fn head<S: Shape, E: Dtype, D: Device<E>>(weight: &mut Tensor<S, E, D>) -> Result<(), D::Err> {
    weight.try_fill_with_distr(Normal { deviation: 0.01 })
}

/// Sets the scale of each residual block's last batch norm to zero, so that every block starts as its shortcut
/// (Goyal et al., 2017, section 5.1; pycls's `ZERO_INIT_FINAL_GAMMA`).
pub fn zero_last_gammas<E: Dtype, D: Device<E>, M: TensorCollection<E, D>>(model: &mut M) {
    let mut names = BTreeSet::new();
    state::read(model, |entry: Entry<E>| {
        names.insert(entry.name);
    });
    state::write(model, |entry| {
        is_last_gamma(&names, &entry.name).then(|| vec![E::default(); entry.values.len()])
    });
}

/// Whether this is the scale of a branch's last norm: `c_bn`, or `b_bn` in a basic block, which has no `c_bn`.
fn is_last_gamma(names: &BTreeSet<String>, name: &str) -> bool {
    let basic = |block: &str| !names.contains(&format!("{block}f.c_bn.weight"));
    name.ends_with("c_bn.weight") || name.strip_suffix("f.b_bn.weight").is_some_and(basic)
}
