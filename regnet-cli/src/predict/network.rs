//! What looks at images: a frozen engine, or layer by layer where more is asked for than logits in f32.

use regnet::dfdx::prelude::*;
use regnet::frozen::{Engine, Options};
use regnet::tensors::Map;
use regnet::weights::{FileElement, Head, Precision};
use regnet::{Backend, DynRegNet, Features, Run};

use super::Args;
use super::input::Batch;
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
        if args.dtype == Precision::F32 && !args.batch_statistics && args.features.is_none() {
            let engine = file.freeze(spec, height, width, &Options::default())?;
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
