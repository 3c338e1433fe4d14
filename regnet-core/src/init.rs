//! How parameters start.

use std::collections::BTreeSet;

use dfdx::prelude::*;
use rand_distr::{Distribution, StandardNormal};
use regnet_space::Cell;

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

/// A 1x1 convolution's start, of weights whose first dimension are its outputs: He et al. with fan-out.
///
/// # Errors
/// The device's.
pub(crate) fn pointwise<S: Shape, E: Dtype, D: Device<E>>(
    weight: &mut Tensor<S, E, D>,
) -> Result<(), D::Err> {
    let out = weight.shape().concrete()[0].max(1);
    weight.try_fill_with_distr(Normal { deviation: (2.0 / out as f64).sqrt() })
}

/// The start of a regulator's gates, `(gates, out, in, kernel, kernel)` for the features' or the hidden state's half of
/// the channels: Glorot and Bengio (2010), which suits sigmoid and tanh.
///
/// # Errors
/// The device's.
pub(crate) fn gates<S: Shape<Concrete = [usize; 5]>, E: Dtype, D: Device<E>>(
    weight: &mut Tensor<S, E, D>,
) -> Result<(), D::Err> {
    let [_, out, half, height, width] = weight.shape().concrete();
    glorot(weight, 2 * half * height * width, out * height * width)
}

/// The start of the efficient form's 1x1 convolution, of two inputs and one output a group.
///
/// # Errors
/// The device's.
pub(crate) fn gate_scales<S: Shape, E: Dtype, D: Device<E>>(
    weight: &mut Tensor<S, E, D>,
) -> Result<(), D::Err> {
    glorot(weight, 2, 1)
}

/// The start of its 3x3 convolution, `(gates, channels, 1, kernel, kernel)`.
///
/// # Errors
/// The device's.
pub(crate) fn depthwise<S: Shape<Concrete = [usize; 5]>, E: Dtype, D: Device<E>>(
    weight: &mut Tensor<S, E, D>,
) -> Result<(), D::Err> {
    let [_, _, _, height, width] = weight.shape().concrete();
    glorot(weight, height * width, height * width)
}

/// The start of a state's projection from stage to stage, `(maps, out, in)`.
///
/// # Errors
/// The device's.
pub(crate) fn carry<S: Shape<Concrete = [usize; 3]>, E: Dtype, D: Device<E>>(
    weight: &mut Tensor<S, E, D>,
) -> Result<(), D::Err> {
    let [_, out, previous] = weight.shape().concrete();
    glorot(weight, previous, out)
}

fn glorot<S: Shape, E: Dtype, D: Device<E>>(
    weight: &mut Tensor<S, E, D>,
    fan_in: usize,
    fan_out: usize,
) -> Result<(), D::Err> {
    let fans = (fan_in + fan_out).max(1);
    weight.try_fill_with_distr(Normal { deviation: (2.0 / fans as f64).sqrt() })
}

/// The start of a regulator's biases, `(gates, channels)`: 0, and 1 for the gate by which an lstm forgets, the second
/// of its four, so that it remembers at first.
///
/// # Errors
/// The device's.
pub(crate) fn gate_bias<S: Shape<Concrete = [usize; 2]>, E: Dtype, D: Device<E>>(
    bias: &mut Tensor<S, E, D>,
) -> Result<(), D::Err> {
    let [gates, channels] = bias.shape().concrete();
    bias.try_fill_with_zeros()?;
    if gates == Cell::Lstm.gates() {
        let mut values = vec![E::default(); gates * channels];
        values[channels..2 * channels].fill(E::ONE);
        bias.copy_from(&values);
    }
    Ok(())
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
