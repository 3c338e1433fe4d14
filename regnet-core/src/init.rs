//! How parameters start.

use std::collections::BTreeSet;

use dfdx::prelude::*;
use rand_distr::{Distribution, StandardNormal};

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
///
/// # Errors
/// The device's.
pub fn zero_last_gammas<E: Dtype, D: Device<E>, M: TensorCollection<E, D>>(
    model: &mut M,
) -> Result<(), D::Err> {
    let mut names = Names::default();
    M::iter_tensors(&mut RecursiveWalker { m: (&*model, String::new()), f: &mut names })?;
    M::iter_tensors(&mut RecursiveWalker { m: (model, String::new()), f: &mut ZeroLastGamma(names) })?;
    Ok(())
}

/// The names of all tensors.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl<E: Dtype, D: Device<E>> TensorVisitor<E, D> for Names {
    type Viewer = (ViewTensorRef, ViewTensorName);
    type Err = D::Err;
    type E2 = E;
    type D2 = D;

    fn visit<S: Shape>(
        &mut self,
        _: TensorOptions<S, E, D>,
        (_, name): (&Tensor<S, E, D>, String),
    ) -> Result<Option<Tensor<S, E, D>>, D::Err> {
        self.0.insert(name);
        Ok(None)
    }
}

impl Names {
    /// Whether this is the scale of a branch's last norm: `c_bn`, or `b_bn` in a basic block, which has no `c_bn`.
    fn is_last_gamma(&self, name: &str) -> bool {
        let basic = |block: &str| !self.0.contains(&format!("{block}f.c_bn.weight"));
        name.ends_with("c_bn.weight") || name.strip_suffix("f.b_bn.weight").is_some_and(basic)
    }
}

struct ZeroLastGamma(Names);

impl<E: Dtype, D: Device<E>> TensorVisitor<E, D> for ZeroLastGamma {
    type Viewer = (ViewTensorMut, ViewTensorName);
    type Err = D::Err;
    type E2 = E;
    type D2 = D;

    fn visit<S: Shape>(
        &mut self,
        _: TensorOptions<S, E, D>,
        (tensor, name): (&mut Tensor<S, E, D>, String),
    ) -> Result<Option<Tensor<S, E, D>>, D::Err> {
        if self.0.is_last_gamma(&name) {
            tensor.try_fill_with_zeros()?;
        }
        Ok(None)
    }
}
