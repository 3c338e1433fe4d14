//! `regnet bench`.

use std::io::Write;
use std::num::NonZeroUsize;
use std::time::Instant;

use anyhow::Context;
use clap::ValueEnum;
use regnet::DynRegNet;
use regnet::dfdx::prelude::Cpu;
use regnet::frozen::{Engine, Isa, Options, Precision, StepTime, peak};
use regnet::space::AnyNet;
use regnet::train::Recipe;
use regnet::train::data::Batch;
use regnet::train::learner::Learner;
use regnet::weights::Head;
use serde_json::json;

use crate::network::NetworkArgs;
use crate::{precision, weights};

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
    network: NetworkArgs,
    /// Images at once
    #[arg(long, value_name = "N", default_value = "1")]
    batch: NonZeroUsize,
    /// Threads to compute with [default: one a core]
    #[arg(long, value_name = "T")]
    threads: Option<NonZeroUsize>,
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
    /// Prints how long each layer takes, too
    #[arg(long)]
    profile: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
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
    let threads = args.threads.map_or_else(|| Options::default().threads, usize::from);
    anyhow::ensure!(
        !(args.profile && args.mode == Mode::Train),
        "--profile shows layers of the frozen engine: leave out --mode train"
    );
    anyhow::ensure!(
        args.precision == precision::Precision::F32 || args.mode == Mode::Infer,
        "--precision is the frozen engine's: leave out --mode train"
    );
    let bench = Bench { args, threads, isa: args.isa.unwrap_or(Isa::best()) };
    let (net, device) = bench.network()?;
    let spec = net.spec().clone();
    let flops = spec.complexity(args.size, args.size)?.flops * args.batch.get() as u64;
    let peak = peak::flops(bench.isa, threads)?;
    let (seconds, steps, precision) = match args.mode {
        Mode::Infer => bench.infer(&net)?,
        Mode::Train => (bench.train(net, &device)?, Vec::new(), "f32"),
    };
    // Forward, the gradient of the input and that of the weights.
    let passes = if args.mode == Mode::Train { 3 } else { 1 };
    let median = seconds[seconds.len() / 2];
    let speed = (2 * passes * flops) as f64 / median;
    let figures = Figures { median, min: seconds[0], speed, peak, precision };
    if args.json {
        return bench.json(&figures, &steps, out);
    }
    bench.text(&figures, &steps, out)
}

struct Bench<'a> {
    args: &'a Args,
    threads: usize,
    isa: Isa,
}

/// Seconds, and operations a second.
struct Figures {
    median: f64,
    min: f64,
    speed: f64,
    /// In f32.
    peak: f64,
    precision: &'static str,
}

impl Bench<'_> {
    fn network(&self) -> anyhow::Result<(DynRegNet<f32, Cpu>, Cpu)> {
        let device = Cpu::seed_from_u64(0);
        let model = self.args.model.as_deref();
        let Some(argument) = &self.args.weights else {
            let spec: AnyNet = self.args.network.network(model)?.to_anynet()?;
            return Ok((DynRegNet::try_new(&device, &spec)?, device));
        };
        let subject = weights::open(argument, model, &self.args.network)?;
        let mut net = DynRegNet::try_new(&device, &subject.net)?;
        subject.file.load_into(&mut net, Head::Keep)?;
        Ok((net, device))
    }

    /// Seconds of each run, sorted.
    fn measure(&self, mut run: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Vec<f64>> {
        const WARM_UP: usize = 2;
        let mut seconds = Vec::new();
        for _ in 0..WARM_UP + self.args.repeat.get() {
            let start = Instant::now();
            run()?;
            seconds.push(start.elapsed().as_secs_f64());
        }
        seconds.drain(..WARM_UP);
        seconds.sort_by(f64::total_cmp);
        Ok(seconds)
    }

    fn infer(&self, net: &DynRegNet<f32, Cpu>) -> anyhow::Result<(Vec<f64>, Vec<StepTime>, &'static str)> {
        let (size, batch) = (self.args.size, self.args.batch.get());
        let images = pixels(batch * net.spec().input_channels * size * size);
        let options = Options { threads: self.threads, isa: self.isa, ..Options::default() };
        let precision = match self.args.precision {
            precision::Precision::F32 => Precision::F32,
            precision::Precision::Bf16 => Precision::Bf16,
            precision::Precision::Int8 => {
                let mut calibration = net.calibration(size, size, &options)?;
                calibration.watch(&images)?;
                Precision::Int8(calibration.ranges()?)
            }
        };
        let engine: Engine = net.freeze(size, size, &Options { precision, ..options })?;
        precision::warn_of_fallback(self.args.precision, &engine);
        let mut logits = vec![0.0; batch * net.spec().classes];
        let seconds = self.measure(|| Ok(engine.run(&images, &mut logits)?))?;
        let steps =
            if self.args.profile { engine.profile(&images, self.args.repeat.get())? } else { Vec::new() };
        Ok((seconds, steps, engine.precision().name()))
    }

    fn train(&self, mut net: DynRegNet<f32, Cpu>, device: &Cpu) -> anyhow::Result<Vec<f64>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads);
        pool.build_global().with_context(|| format!("cannot start {} threads", self.threads))?;
        let (count, size) = (self.args.batch.get(), self.args.size);
        let spec = net.spec().clone();
        let batch = Batch {
            images: pixels(count * spec.input_channels * size * size),
            labels: (0..count).map(|image| image % spec.classes).collect(),
        };
        let mut learner = Learner::new(device, &mut net, &Recipe::default());
        self.measure(|| learner.step(&batch, 0.0).map(drop).map_err(Into::into))
    }

    fn json(&self, figures: &Figures, steps: &[StepTime], out: &mut dyn Write) -> anyhow::Result<()> {
        let mut object = json!({
            "median_ms": 1e3 * figures.median,
            "min_ms": 1e3 * figures.min,
            "gflops": figures.speed / 1e9,
            "peak_share": figures.speed / figures.peak,
            "precision": figures.precision,
        });
        if self.args.profile {
            object["layers"] = steps
                .iter()
                .map(|step| {
                    json!({
                        "layer": step.layer,
                        "kind": step.kind,
                        "ms": 1e3 * step.seconds,
                        "gflops": 2e-9 * step.multiply_adds as f64 / step.seconds,
                        "gigabytes_per_second": 1e-9 * step.bytes as f64 / step.seconds,
                    })
                })
                .collect();
        }
        writeln!(out, "{object}")?;
        Ok(())
    }

    fn text(&self, figures: &Figures, steps: &[StepTime], out: &mut dyn Write) -> anyhow::Result<()> {
        let Figures { median, min, speed, peak, precision } = figures;
        writeln!(
            out,
            "{precision}: median {:.2} ms, least {:.2} ms: {:.1} GFLOP/s, {:.0} % of the {:.0} that {} can multiply and add \
             in f32 by {}",
            1e3 * median,
            1e3 * min,
            speed / 1e9,
            100.0 * speed / peak,
            peak / 1e9,
            threads(self.threads),
            self.isa,
        )?;
        if steps.is_empty() {
            return Ok(());
        }
        let bandwidth = peak::bandwidth(self.threads)?;
        let all: f64 = steps.iter().map(|step| step.seconds).sum();
        writeln!(out, "memory is copied at {:.1} GB/s\n", bandwidth / 1e9)?;
        writeln!(
            out,
            "{:<16} {:<22} {:>14} {:>9} {:>6} {:>9} {:>6} {:>7}",
            "layer", "kind", "result", "us", "time", "GFLOP/s", "peak", "GB/s"
        )?;
        for step in steps {
            let seconds = step.seconds;
            let speed = 2.0 * step.multiply_adds as f64 / seconds;
            let shape = format!("{} x {} x {}", step.shape.c, step.shape.h, step.shape.w);
            writeln!(
                out,
                "{:<16} {:<22} {shape:>14} {:>9.1} {:>4.1} % {:>9.1} {:>4.0} % {:>7.1}",
                step.layer,
                step.kind,
                1e6 * seconds,
                100.0 * seconds / all,
                speed / 1e9,
                100.0 * speed / peak,
                step.bytes as f64 / seconds / 1e9,
            )?;
        }
        Ok(())
    }
}

/// Values as of normalised images.
fn pixels(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i.wrapping_mul(2_654_435_761) % 1009) as f32 / 504.5 - 1.0).collect()
}

fn threads(count: usize) -> String {
    if count == 1 { "1 thread".to_owned() } else { format!("{count} threads") }
}
