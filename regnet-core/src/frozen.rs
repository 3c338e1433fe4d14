//! Networks frozen for inference: the fastest way to run them on a CPU.
//!
//! ```
//! use dfdx::prelude::*;
//! use regnet_core::builders::{Head, RegNet, SimpleStem, XStage};
//!
//! type Net = RegNet<SimpleStem<3, 16>, (XStage<1, 16, 24, 24, 8, 2>, XStage<2, 24, 56, 56, 8, 2>), Head<56, 10>>;
//!
//! let dev = Cpu::default();
//! let net = dev.build_module::<Net, f32>();
//! let engine = net.freeze::<Rank3<3, 64, 64>>()?;
//! drop(net); // The engine has weights of its own.
//! let image: Tensor<Rank3<3, 64, 64>, f32, _> = dev.sample_normal();
//! let logits: [f32; 10] = engine.run(&image)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A network that is shaped at run time freezes for a size that is chosen at run time, [`DynRegNet::freeze`], and so does
//! a file of weights, [`WeightFile::freeze`](crate::weights::WeightFile::freeze); a typed engine is one such [`Engine`]
//! behind types. What the engine does, and how, its own
//! [documentation](regnet_engine::frozen) says.
//!
//! # Fewer bits
//!
//! On a processor with the instructions for it, convolutions run faster in bf16 or int8 ([`Precision`]); elsewhere an
//! engine stays with f32, as [`Engine::precision`] says. For int8, a [`Calibration`] watches some images first.
//!
//! ```
//! # use dfdx::prelude::*;
//! # use regnet_core::builders::{Head, RegNet, SimpleStem, XStage};
//! # type Net = RegNet<SimpleStem<3, 16>, (XStage<1, 16, 24, 24, 8, 2>, XStage<2, 24, 56, 56, 8, 2>), Head<56, 10>>;
//! use regnet_core::frozen::{Options, Precision};
//!
//! # let dev = Cpu::default();
//! # let net = dev.build_module::<Net, f32>();
//! let images: Tensor<Rank4<8, 3, 64, 64>, f32, _> = dev.sample_normal();
//! let mut calibration = net.calibration::<Rank3<3, 64, 64>>()?;
//! calibration.watch(&images.as_vec())?;
//! let precision = Precision::Int8(calibration.ranges()?);
//! let engine = net.freeze_with::<Rank3<3, 64, 64>>(&Options { precision, ..Options::default() })?;
//! let logits: [[f32; 10]; 8] = engine.run_batch(&images)?;
//! println!("{} gives {logits:?}", engine.engine().precision());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod tuning;

use std::collections::HashMap;
use std::marker::PhantomData;

use dfdx::prelude::*;
use regnet_space::{AnyNet, SpecError};

use crate::backend::elements;
use crate::model::Head;
use crate::state::{self, Entry};
use crate::tensors::{Flat, flat};
use crate::weights::WeightsError;
use crate::{Accepts, BuiltFrom, Declared, DynRegNet, model};

pub use regnet_engine::frozen::{
    Calibration, Engine, FreezeError as EngineError, Isa, Options, Precision, Ranges, StepTime, Tuning, Way,
    peak,
};

/// Why a network could not be frozen or run.
#[derive(Debug, thiserror::Error)]
pub enum FreezeError {
    /// The network does not take images of this size.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The weights are not the network's.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// See there.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Freezes `model`, the network of `spec`, for images of `height` x `width` pixels. Its norms take their running
/// statistics; elements of other types than `f32` are rounded to it.
///
/// # Errors
/// Any [`FreezeError`].
pub fn freeze<E: Dtype, D: Device<E>, M: TensorCollection<E, D>>(
    model: &M,
    spec: &AnyNet,
    height: usize,
    width: usize,
    options: &Options,
) -> Result<Engine, FreezeError> {
    let graph = spec.graph(height, width)?;
    let mut tensors = tensors(model);
    Ok(Engine::new(&graph, |name| tensors.remove(name), options)?)
}

/// Prepares to watch the activations of `model`, the network of `spec`, on images of `height` x `width` pixels, for
/// [`Precision::Int8`].
///
/// # Errors
/// As [`freeze`].
pub fn calibration<E: Dtype, D: Device<E>, M: TensorCollection<E, D>>(
    model: &M,
    spec: &AnyNet,
    height: usize,
    width: usize,
    options: &Options,
) -> Result<Calibration, FreezeError> {
    let graph = spec.graph(height, width)?;
    let mut tensors = tensors(model);
    Ok(Calibration::new(&graph, |name| tensors.remove(name), options)?)
}

/// A model's tensors by name, in f32.
fn tensors<E: Dtype, D: Device<E>, M: TensorCollection<E, D>>(model: &M) -> HashMap<String, Vec<f32>> {
    let mut tensors = HashMap::new();
    state::read(model, |Entry { name, values, .. }: Entry<E>| {
        // Of `f32`, this keeps the memory it is in.
        let values: Vec<f32> = values.into_iter().map(|value| value.to_f32().unwrap_or(f32::NAN)).collect();
        tensors.insert(name, values);
    });
    tensors
}

/// The names of the results that an [`Engine`] hands out as features if [`Options::features`] asks for them: the stem's
/// and each stage's.
pub fn stage_features(spec: &AnyNet) -> Vec<String> {
    let stem = if spec.stem.kind.pools() { "stem.pool" } else { "stem.af" };
    let last = if spec.block.has_shortcut() { "af" } else { "b_af" };
    let stages = spec.stages.iter().enumerate();
    let stages = stages.map(|(stage, numbers)| format!("s{}.b{}.{last}", stage + 1, numbers.depth));
    [stem.to_owned()].into_iter().chain(stages).collect()
}

impl<E: Dtype, D: Device<E>> DynRegNet<E, D>
where
    Self: TensorCollection<E, D>,
{
    /// Freezes the network for images of `height` x `width` pixels.
    ///
    /// # Errors
    /// Any [`FreezeError`].
    pub fn freeze(&self, height: usize, width: usize, options: &Options) -> Result<Engine, FreezeError> {
        freeze(self, self.spec(), height, width, options)
    }

    /// Prepares to watch the network on images of `height` x `width` pixels, for [`Precision::Int8`].
    ///
    /// # Errors
    /// Any [`FreezeError`].
    pub fn calibration(
        &self,
        height: usize,
        width: usize,
        options: &Options,
    ) -> Result<Calibration, FreezeError> {
        calibration(self, self.spec(), height, width, options)
    }
}

impl<Stem, Stages, const IN: usize, const CLASSES: usize, E, D>
    model::RegNet<Stem, Stages, Head<Const<IN>, Const<CLASSES>, E, D>>
where
    Self: BuiltFrom<Builder: Declared> + TensorCollection<E, D>,
    E: Dtype,
    D: Device<E>,
{
    /// Freezes the network for images of the shape `S`, with all processors and the best instructions.
    ///
    /// # Errors
    /// Any [`FreezeError`].
    pub fn freeze<S: ImageShape>(&self) -> Result<Frozen<S, CLASSES>, FreezeError>
    where
        Self: Accepts<S::Batch>,
    {
        self.freeze_with(&Options::default())
    }

    /// Freezes the network for images of the shape `S`.
    ///
    /// # Errors
    /// Any [`FreezeError`].
    pub fn freeze_with<S: ImageShape>(&self, options: &Options) -> Result<Frozen<S, CLASSES>, FreezeError>
    where
        Self: Accepts<S::Batch>,
    {
        let spec = <Self as BuiltFrom>::Builder::spec();
        let engine = freeze(self, &spec, S::HEIGHT, S::WIDTH, options)?;
        Ok(Frozen { engine, shape: PhantomData })
    }

    /// Prepares to watch the network on images of the shape `S`, for [`Precision::Int8`].
    ///
    /// # Errors
    /// Any [`FreezeError`].
    pub fn calibration<S: ImageShape>(&self) -> Result<Calibration, FreezeError>
    where
        Self: Accepts<S::Batch>,
    {
        let spec = <Self as BuiltFrom>::Builder::spec();
        calibration(self, &spec, S::HEIGHT, S::WIDTH, &Options::default())
    }
}

/// The tensor as one contiguous run.
fn run_of<S: Shape>(tensor: &Tensor<S, f32, Cpu>) -> Flat<f32, Cpu>
where
    S::Concrete: Shape<Concrete = S::Concrete>,
{
    flat(tensor.clone()).expect("a tensor has as many elements as its shape says")
}

/// The shape of an image, channels first.
pub trait ImageShape: Shape {
    /// That of a batch of them.
    type Batch: Shape;
    /// Rows.
    const HEIGHT: usize;
    /// Columns.
    const WIDTH: usize;
}

impl<const C: usize, const H: usize, const W: usize> ImageShape for Rank3<C, H, W> {
    type Batch = (usize, Const<C>, Const<H>, Const<W>);
    const HEIGHT: usize = H;
    const WIDTH: usize = W;
}

/// A network that is frozen for images of the shape `S`.
#[derive(Debug)]
pub struct Frozen<S, const CLASSES: usize> {
    engine: Engine,
    shape: PhantomData<fn() -> S>,
}

impl<S: ImageShape, const CLASSES: usize> Frozen<S, CLASSES> {
    /// The logits of an image, normalised as in training.
    ///
    /// # Errors
    /// None of its own: shapes are checked by the compiler. An engine that hands out features returns
    /// [`EngineError::Features`]; call its [`Engine::run_features`].
    pub fn run(&self, image: &Tensor<S, f32, Cpu>) -> Result<[f32; CLASSES], EngineError>
    where
        S::Concrete: Shape<Concrete = S::Concrete>,
    {
        let mut logits = [0.0; CLASSES];
        self.engine.run(elements(&run_of(image)), &mut logits)?;
        Ok(logits)
    }

    /// The logits of `N` images.
    ///
    /// # Errors
    /// As [`Frozen::run`].
    pub fn run_batch<const N: usize, B>(
        &self,
        images: &Tensor<B, f32, Cpu>,
    ) -> Result<[[f32; CLASSES]; N], EngineError>
    where
        B: Shape<Concrete: Shape<Concrete = B::Concrete>>,
        S: BatchOf<N, Batch = B>,
    {
        let mut logits = [[0.0; CLASSES]; N];
        self.engine.run(elements(&run_of(images)), logits.as_flattened_mut())?;
        Ok(logits)
    }

    /// The engine without its types, for slices and batches of any number.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}

/// The shape of `N` images.
pub trait BatchOf<const N: usize> {
    /// It.
    type Batch: Shape;
}

impl<const N: usize, const C: usize, const H: usize, const W: usize> BatchOf<N> for Rank3<C, H, W> {
    type Batch = Rank4<N, C, H, W>;
}
