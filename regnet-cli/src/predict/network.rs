//! What looks at images: a frozen engine, or layer by layer where more is asked for than logits in f32.

use std::num::NonZeroUsize;

use anyhow::{Context, ensure};
use regnet::dfdx::prelude::*;
use regnet::frozen::{Calibration, Engine, Options, Precision, tuning};
use regnet::tensors::Map;
use regnet::weights::{FileElement, Head, Precision as Elements};
use regnet::{Backend, DynRegNet, Features, Run};

use super::input::{Batch, Pictures};
use super::{Args, preprocess};
use crate::precision;
use crate::weights::Subject;

/// A network with its weights.
pub enum Network<E: Dtype> {
    /// Frozen for one size of images.
    Frozen(Box<Engine>),
    /// Layer by layer.
    Layers(Box<DynRegNet<E, Cpu>>),
}

impl<E: FileElement + Into<f64>> Network<E>
where
    Cpu: Backend<E>,
{
    /// The network of `subject` for images of `height` x `width` pixels.
    pub fn new(args: &Args, subject: &Subject, [height, width]: [usize; 2]) -> anyhow::Result<Self> {
        let Subject { file, net: spec, .. } = subject;
        if args.dtype == Elements::F32 && !args.batch_statistics && args.features.is_none() {
            let (precision, tuning) = (frozen_precision(args, subject)?, tuning::load(file.path())?);
            let options = Options { precision, tuning, ..options(args) };
            let engine = file.freeze(spec, height, width, &options)?;
            precision::warn_of_fallback(args.precision, &engine);
            return Ok(Self::Frozen(Box::new(engine)));
        }
        let mut net = DynRegNet::try_new(&Cpu::default(), spec)?;
        file.load_into(&mut net, Head::Keep)?;
        Ok(Self::Layers(Box::new(net)))
    }

    /// The logits of a batch, image by image, and what the stem and each stage put out, if that is asked for.
    pub fn look(&mut self, batch: Batch<E>, args: &Args) -> anyhow::Result<(Vec<f64>, Vec<Map<E, Cpu>>)> {
        let Batch { shape: [n, c, h, w], values, .. } = batch;
        let net = match self {
            Self::Frozen(engine) => {
                let values: Vec<f32> = values.into_iter().map(|value| value.into() as f32).collect();
                let mut logits = vec![0.0; n * engine.results()[0].len()];
                engine.run(&values, &mut logits)?;
                return Ok((logits.into_iter().map(f64::from).collect(), Vec::new()));
            }
            Self::Layers(net) => net,
        };
        let images = Cpu::default().try_tensor_from_vec(values, (n, c, h, w))?;
        let features = if args.features.is_some() { net.try_features(images.clone())? } else { Vec::new() };
        let logits = if args.batch_statistics { net.try_run_mut(images)? } else { net.try_run(images)? };
        Ok((logits.as_vec().into_iter().map(Into::into).collect(), features))
    }
}

/// How the engine is to use the machine.
fn options(args: &Args) -> Options {
    let options = Options { spin: !args.no_spin, ..Options::default() };
    Options { threads: args.threads.map_or(options.threads, NonZeroUsize::get), ..options }
}

/// The precision asked for; for int8, with the ranges of activations on the images of a folder.
fn frozen_precision(args: &Args, subject: &Subject) -> anyhow::Result<Precision> {
    let folder = match (args.precision, &args.calibrate) {
        (precision::Precision::F32, _) => return Ok(Precision::F32),
        (precision::Precision::Bf16, _) => return Ok(Precision::Bf16),
        (precision::Precision::Int8, folder) => folder.as_slice(),
    };
    let Subject { file, net: spec, .. } = subject;
    ensure!(spec.input_channels == 3, "images have 3 channels, the network takes {}", spec.input_channels);
    let preprocess = preprocess(args, subject)?;
    let mut calibration: Calibration =
        file.calibration(spec, preprocess.size, preprocess.size, &options(args))?;
    let pictures = Pictures::find(folder)?;
    pictures.each(
        &preprocess,
        args.batch.get(),
        |batch: Batch<f32>| Ok(calibration.watch(&batch.values)?),
    )?;
    let ranges = calibration.ranges().with_context(|| {
        format!("none of the {} images to calibrate on could be read", pictures.paths.len())
    })?;
    crate::report::note(format_args!("calibrated on {} images", pictures.paths.len()));
    Ok(Precision::Int8(ranges))
}
