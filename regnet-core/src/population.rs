//! Running generic code over many declared networks.

use std::fmt::Debug;

use dfdx::nn::{BuildOnDevice, TensorCollection};
use dfdx::tensor::Cpu;

use crate::{Declared, Run};

/// A declared network that generic code can name, build, run, train and save on the CPU.
///
/// Implemented by every name that `regnet!` or `population!` gives to a network. `{:?}` of its default value is that
/// name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a declared network",
    label = "this is no name declared with `regnet!` or `population!`",
    note = "derive or implement `Debug` and `Default` for a name of your own that implements `Declared`"
)]
pub trait Candidate:
    Declared
    + Debug
    + Default
    + BuildOnDevice<Cpu, f32, Built: Run<f32, Cpu, Out = (usize, usize)> + TensorCollection<f32, Cpu> + Send>
{
}

// What a name lacks is said once, by the message above, and not bound by bound.
#[diagnostic::do_not_recommend]
impl<N> Candidate for N where
    N: Declared
        + Debug
        + Default
        + BuildOnDevice<
            Cpu,
            f32,
            Built: Run<f32, Cpu, Out = (usize, usize)> + TensorCollection<f32, Cpu> + Send,
        >
{
}

/// Generic code to run on each network of a population; a closure cannot be generic.
///
/// ```
/// use regnet_core::{Candidate, Visitor};
///
/// /// The most parameters of any network.
/// struct Largest(u64);
///
/// impl Visitor for Largest {
///     fn visit<N: Candidate>(&mut self) {
///         let [_, height, width] = N::INPUT;
///         let cost = N::spec().complexity(height, width).expect("a declared network is valid");
///         self.0 = self.0.max(cost.params);
///     }
/// }
/// ```
pub trait Visitor {
    /// Called once for each network, in the order they were drawn.
    fn visit<N: Candidate>(&mut self);
}
