//! Networks layer by layer on a dfdx device, for those that the frozen engine does not run on.

use std::io::Write;

use regnet::dfdx::prelude::Synchronize;
use regnet::dfdx::tensor::Cache;
use regnet::train::Recipe;
use regnet::train::data::Batch;
use regnet::train::learner::Learner;
use regnet::{Backend, DynRegNet, Run, on_device};
use serde_json::json;

use crate::device::failed;

use super::{Args, Mode, labelled, measure, pixels, traffic};

/// Prints how long a network takes on the device that `args` names.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    let spec = args.network.network(args.model.as_deref())?.to_anynet()?;
    anyhow::ensure!(
        !args.profile,
        "--profile shows layers of the frozen engine: leave it out for --device {}",
        args.device
    );
    anyhow::ensure!(
        args.weights.is_none(),
        "random weights are as fast: leave out --weights for --device {}",
        args.device
    );
    let cost = spec.complexity(args.size, args.size)?;
    let seconds = on_device!(args.device, 0, |device| {
        Backend::<f32>::round_products(&device, args.products).map_err(failed)?;
        let net = DynRegNet::try_new(&device, &spec)?;
        // Tensors of the same sizes come again in every run.
        device.enable_cache();
        match args.mode {
            Mode::Infer => infer(args, &device, &net)?,
            Mode::Train => train(args, &device, net)?,
        }
    })?;
    let (median, least, images) = (seconds[seconds.len() / 2], seconds[0], args.batch.get() as f64);
    // Forward, the gradient of the input and that of the weights.
    let passes = if args.mode == Mode::Train { 3.0 } else { 1.0 };
    let operations = 2.0 * passes * images * cost.flops as f64;
    let bytes = traffic::bytes(&spec, args.size, args.batch.get(), args.mode == Mode::Train)?;
    if args.json {
        let (median_ms, min_ms) = (1e3 * median, 1e3 * least);
        let object = json!({
            "median_ms": median_ms,
            "min_ms": min_ms,
            "images_per_second": images / median,
            "gflops": 1e-9 * operations / median,
            "operations": operations,
            "least_bytes": bytes,
        });
        writeln!(out, "{object}")?;
        return Ok(());
    }
    writeln!(
        out,
        "median {:.2} ms, least {:.2} ms: {:.0} images/s, {:.0} GFLOP/s and at least {:.0} GB/s on {}",
        1e3 * median,
        1e3 * least,
        images / median,
        1e-9 * operations / median,
        1e-9 * bytes as f64 / median,
        args.device,
    )?;
    Ok(())
}

fn infer<D: Backend<f32> + Synchronize>(
    args: &Args,
    device: &D,
    net: &DynRegNet<f32, D>,
) -> anyhow::Result<Vec<f64>> {
    let (count, size, channels) = (args.batch.get(), args.size, net.spec().input_channels);
    let images =
        device.tensor_from_vec(pixels(count * channels * size * size), (count, channels, size, size));
    measure(args, || {
        net.try_run(images.clone()).map_err(failed)?;
        // A launch returns before its kernel has run.
        device.try_synchronize().map_err(failed)
    })
}

fn train<D: Backend<f32> + Synchronize>(
    args: &Args,
    device: &D,
    mut net: DynRegNet<f32, D>,
) -> anyhow::Result<Vec<f64>> {
    let (size, channels) = (args.size, net.spec().input_channels);
    let Batch { images, labels } = labelled(args, net.spec());
    // On the device once and for all: training copies a batch while the device computes on the one before.
    let count = labels.len();
    let images = device.tensor_from_vec(images, (count, channels, size, size));
    let labels = device.tensor_from_vec(labels, (count,));
    let mut learner = Learner::new(device, &mut net, &Recipe::default());
    measure(args, || {
        learner.advance((images.clone(), labels.clone()), 0.0)?;
        device.try_synchronize().map_err(failed)
    })
}
