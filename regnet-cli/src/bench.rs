//! `regnet bench`.

mod figures;
mod on_device;
mod traffic;

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::ValueEnum;
use regnet::dfdx::prelude::Cpu;
use regnet::frozen::{Isa, Options, Precision, StepTime, Tuning, peak, tuning};
use regnet::space::AnyNet;
use regnet::train::Recipe;
use regnet::train::data::Batch;
use regnet::train::learner::Learner;
use regnet::weights::Head;
use regnet::{DeviceName, DynRegNet, Products};

use crate::device::on_cuda_only;
use crate::network::NetworkArgs;
use crate::{precision, threads, weights};
use figures::Figures;

/// What to measure, and how.
#[derive(clap::Args)]
pub struct Args {
    /// A published model, such as RegNetY-400MF or Self-Regulated-20
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Its weights, as for `regnet predict` [default: random ones, which are as fast]
    #[arg(long, value_name = "WEIGHTS")]
    weights: Option<String>,
    #[command(flatten)]
    read: weights::ReadArgs,
    #[command(flatten)]
    network: NetworkArgs,
    /// Images at once
    #[arg(long, value_name = "N", default_value = "1")]
    batch: NonZeroUsize,
    /// Threads to compute with [default: one a core]
    #[arg(long, value_name = "T")]
    threads: Option<NonZeroUsize>,
    /// Threads of the frozen engine that wait go to sleep at once: where others need the cores, too
    #[arg(long)]
    no_spin: bool,
    /// What to measure
    #[arg(long, value_enum, default_value_t = Mode::Infer)]
    mode: Mode,
    /// How many runs to measure, after two that are not
    #[arg(long, value_name = "R", default_value = "30")]
    repeat: NonZeroUsize,
    /// Height and width of the images in pixels
    #[arg(long, value_name = "N", default_value_t = 224, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(8..=1024))]
    size: usize,
    /// The instruction set of the frozen engine: avx512, avx2 or portable [default: the best there is]
    #[arg(long, value_name = "NAME")]
    isa: Option<Isa>,
    /// The numbers that the frozen engine computes convolutions with; int8 is calibrated on the images of the benchmark
    #[arg(long, value_enum, default_value_t = precision::Precision::F32)]
    precision: precision::Precision,
    /// Measures first which way to compute each 3x3 convolution is faster; with --weights FILE this is written to
    /// FILE.tuning.json, which `predict` and `bench` read from then on
    #[arg(long)]
    tune: bool,
    /// Prints how long each layer takes, too
    #[arg(long)]
    profile: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
    /// What to compute on: cpu, cuda or cuda:N
    #[arg(long, value_name = "DEVICE", default_value_t)]
    device: DeviceName,
    /// What CUDA's matrix products round their factors to: f32, tf32 or bf16; all else stays in f32
    #[arg(long, value_name = "FORMAT", default_value_t)]
    products: Products,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Inference, by the frozen engine
    Infer,
    /// A step of training: forward, backward and SGD
    Train,
}

/// Prints how long a network takes.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    if args.device != DeviceName::Cpu {
        return on_device::run(args, out);
    }
    on_cuda_only(args.products)?;
    let threads = args.threads.map_or_else(|| Options::default().threads, threads::on_cores);
    anyhow::ensure!(
        !(args.profile && args.mode == Mode::Train),
        "--profile shows layers of the frozen engine: leave out --mode train"
    );
    anyhow::ensure!(
        args.precision == precision::Precision::F32 || args.mode == Mode::Infer,
        "--precision is the frozen engine's: leave out --mode train"
    );
    for (given, option) in [(args.tune, "--tune"), (args.no_spin, "--no-spin")] {
        anyhow::ensure!(
            !given || args.mode == Mode::Infer,
            "{option} is the frozen engine's: leave out --mode train"
        );
    }
    let bench = Bench { args, threads, isa: args.isa.unwrap_or(Isa::best()) };
    let (net, device, weights) = bench.network()?;
    let spec = net.spec().clone();
    let flops = spec.complexity(args.size, args.size)?.flops * args.batch.get() as u64;
    let peak = peak::flops(bench.isa, threads)?;
    let Measured { seconds, freeze, steps, precision } = match args.mode {
        Mode::Infer => bench.infer(&net, weights.as_deref())?,
        Mode::Train => Measured { seconds: bench.train(net, &device)?, ..Measured::default() },
    };
    // Forward, the gradient of the input and that of the weights.
    let passes = if args.mode == Mode::Train { 3 } else { 1 };
    let median = seconds[seconds.len() / 2];
    let speed = (2 * passes * flops) as f64 / median;
    let layers = args.profile.then_some(steps);
    let (min, isa) = (seconds[0], bench.isa);
    let mean = seconds.iter().sum::<f64>() / seconds.len() as f64;
    let figures = Figures { median, mean, min, freeze, speed, peak, precision, threads, isa, layers };
    if args.json { figures.json(out) } else { figures.text(out) }
}

struct Bench<'a> {
    args: &'a Args,
    threads: usize,
    isa: Isa,
}

/// What was measured, in seconds.
#[derive(Default)]
struct Measured {
    /// Each run, sorted.
    seconds: Vec<f64>,
    /// Making the engine.
    freeze: Option<f64>,
    steps: Vec<StepTime>,
    /// What the engine computes in.
    precision: Option<&'static str>,
}

impl Bench<'_> {
    /// The network, its device, and the file that its weights are from.
    fn network(&self) -> anyhow::Result<(DynRegNet<f32, Cpu>, Cpu, Option<PathBuf>)> {
        let device = Cpu::seed_from_u64(0);
        let model = self.args.model.as_deref();
        let Some(argument) = &self.args.weights else {
            let spec: AnyNet = self.args.network.network(model)?.to_anynet()?;
            return Ok((DynRegNet::try_new(&device, &spec)?, device, None));
        };
        let subject = weights::open(argument, &self.args.read, model, &self.args.network)?;
        let mut net = DynRegNet::try_new(&device, &subject.net)?;
        subject.file.load_into(&mut net, Head::Keep)?;
        Ok((net, device, Some(subject.file.path().to_owned())))
    }

    /// What is faster as it is measured now, or was before.
    fn tuning(
        &self,
        spec: &AnyNet,
        weights: Option<&Path>,
        options: &Options,
    ) -> anyhow::Result<Option<Tuning>> {
        if !self.args.tune {
            return Ok(weights.map(tuning::load).transpose()?.flatten());
        }
        let graph = spec.graph(self.args.size, self.args.size)?;
        let (batch, repeat) = (self.args.batch.get(), self.args.repeat.get());
        let tuning = Tuning::measure(&graph, options, batch, repeat)?;
        if let Some(weights) = weights {
            tuning::save(&tuning, weights)?;
            crate::report::note(format_args!("wrote {}", tuning::path(weights).display()));
        }
        Ok(Some(tuning))
    }

    fn infer(&self, net: &DynRegNet<f32, Cpu>, weights: Option<&Path>) -> anyhow::Result<Measured> {
        let (size, batch) = (self.args.size, self.args.batch.get());
        let images = pixels(batch * net.spec().input_channels * size * size);
        let (threads, spin) = (self.threads, !self.args.no_spin);
        let options = Options { threads, spin, isa: self.isa, ..Options::default() };
        let options = Options { tuning: self.tuning(net.spec(), weights, &options)?, ..options };
        let precision = match self.args.precision {
            precision::Precision::F32 => Precision::F32,
            precision::Precision::Bf16 => Precision::Bf16,
            precision::Precision::Int8 => {
                let mut calibration = net.calibration(size, size, &options)?;
                calibration.watch(&images)?;
                Precision::Int8(calibration.ranges()?)
            }
        };
        let start = Instant::now();
        let engine = net.freeze(size, size, &Options { precision, ..options })?;
        let freeze = start.elapsed().as_secs_f64();
        precision::warn_of_fallback(self.args.precision, &engine);
        let mut logits = vec![0.0; batch * net.spec().classes];
        let seconds = measure(self.args, || Ok(engine.run(&images, &mut logits)?))?;
        let steps =
            if self.args.profile { engine.profile(&images, self.args.repeat.get())? } else { Vec::new() };
        Ok(Measured { seconds, freeze: Some(freeze), steps, precision: Some(engine.precision().name()) })
    }

    fn train(&self, mut net: DynRegNet<f32, Cpu>, device: &Cpu) -> anyhow::Result<Vec<f64>> {
        threads::share(self.threads)?;
        let batch = labelled(self.args, net.spec());
        let spec = net.spec().clone();
        let mut learner = Learner::new(device, &mut net, &Recipe::default()).of(&spec);
        measure(self.args, || learner.step(&batch, 0.0).map(drop).map_err(Into::into))
    }
}

/// Seconds of each run, sorted.
fn measure(args: &Args, mut run: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Vec<f64>> {
    const WARM_UP: usize = 2;
    let mut seconds = Vec::new();
    for _ in 0..WARM_UP + args.repeat.get() {
        let start = Instant::now();
        run()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.drain(..WARM_UP);
    seconds.sort_by(f64::total_cmp);
    Ok(seconds)
}

/// Images with labels to train on.
fn labelled(args: &Args, spec: &AnyNet) -> Batch {
    let (count, size) = (args.batch.get(), args.size);
    Batch {
        images: pixels(count * spec.input_channels * size * size),
        labels: (0..count).map(|image| image % spec.classes).collect(),
    }
}

/// Values as of normalised images.
fn pixels(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i.wrapping_mul(2_654_435_761) % 1009) as f32 / 504.5 - 1.0).collect()
}
