//! The design spaces of "Designing Network Design Spaces", compared as the paper does it: networks drawn from each within
//! one window of multiply-adds, all trained by one short recipe on the built-in images, and the distributions of their
//! errors side by side.
//!
//! ```sh
//! cargo run --release --example design_spaces            # AnyNetXA, AnyNetXE and RegNetX, within ten minutes
//! cargo run --release --example design_spaces -- --all   # A, B, C, D, E and RegNetX
//! ```
//!
//! Interrupted, it goes on where it was: each space is a sweep of its own, in a folder that `regnet sweep` understands, too.
//!
//! What the defaults leave out: the paper trains 500 networks of 400 million multiply-adds from a space, for ten epochs of
//! ImageNet. Here are 24 of about a millionth of that work each, so that an interval of a mean is some per cent wide,
//! and differences which are smaller than that are not seen. `--networks 500 --epochs 10 --images 8000` asks more, and
//! takes days.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, ensure};
use clap::Parser;
use regnet::space::{DesignSpace, Sampler, SpaceName};
use regnet::train::data::Source;
use regnet::train::report::Report;
use regnet::train::sweep::{
    DataId, Event, FORMAT, Manifest, RETRIES, Shard, Sweep, Trial, WorkOptions, low_compute, work,
};
use regnet::train::{Recipe, Spec, note};

/// Draws, trains and compares networks of several design spaces.
#[derive(Parser)]
pub struct Args {
    /// The spaces.
    #[arg(long, value_delimiter = ',', default_value = "AnyNetXA,AnyNetXE,RegNetX")]
    pub spaces: Vec<SpaceName>,
    /// All of the paper's spaces of X blocks instead.
    #[arg(long)]
    pub all: bool,
    /// Networks of each space.
    #[arg(long, default_value_t = 24)]
    pub networks: usize,
    /// Multiply-adds for one image, of every network.
    #[arg(long, default_value = "1M..1.2M")]
    pub flops: String,
    /// Passes over the training images.
    #[arg(long, default_value_t = 6)]
    pub epochs: usize,
    /// Training images.
    #[arg(long, default_value_t = 4_000)]
    pub images: usize,
    /// Test images.
    #[arg(long, default_value_t = 1_000)]
    pub test_images: usize,
    /// Height and width that images are brought to, in pixels.
    #[arg(long, default_value_t = 32)]
    pub size: usize,
    /// What the networks are drawn from, and their weights.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Networks trained at a time, each by one core [default: one a core].
    #[arg(long)]
    pub jobs: Option<usize>,
    /// The folder to write to.
    #[arg(long, default_value = "runs/design-spaces")]
    pub out: PathBuf,
}

/// The paper's spaces of X blocks, each inside the one before.
const ALL: [SpaceName; 6] = [
    SpaceName::AnyNetXA,
    SpaceName::AnyNetXB,
    SpaceName::AnyNetXC,
    SpaceName::AnyNetXD,
    SpaceName::AnyNetXE,
    SpaceName::RegNetX,
];

/// Networks of a space, for small images.
fn trials(space: SpaceName, args: &Args) -> anyhow::Result<Vec<Trial>> {
    let constraints = format!(
        "{space}, stem = cifar(16), classes = 10, resolution = {}, flops = {}",
        args.size, args.flops
    );
    let space = DesignSpace::parse(&constraints).map_err(|mut errors| errors.remove(0))?;
    let input = space.input();
    let drawn = Sampler::new(space, args.seed).draw(args.networks).map_err(|mut errors| errors.remove(0))?;
    Ok(drawn.into_iter().map(|drawn| Trial { network: Spec(drawn.net), input }).collect())
}

/// The sweep of a space: the one that was begun, or a new one.
fn sweep(space: SpaceName, args: &Args) -> anyhow::Result<Sweep> {
    let source = Source::BuiltinSized { train: args.images, test: args.test_images };
    let data = source.load(Some(args.size), args.seed)?;
    let recipe = Recipe { epochs: args.epochs, batch: 64, seed: args.seed, ..low_compute() };
    let (dir, trials) = (args.out.join(space.name()), trials(space, args)?);
    let manifest = Manifest {
        format: FORMAT,
        name: space.to_string(),
        data: DataId::new(&source, &data),
        recipe,
        halving: None,
        retries: RETRIES,
        keep_weights: false,
        networks: trials.iter().map(Trial::digest).collect(),
    };
    if Sweep::check_free(&dir).is_ok() {
        return Ok(Sweep::create(&dir, manifest, trials)?);
    }
    let begun = Sweep::open(&dir)?;
    ensure!(
        *begun.manifest() == manifest,
        "{} holds networks of another comparison; give another --out",
        dir.display()
    );
    Ok(begun)
}

/// Trains what is not trained yet, `jobs` networks at a time.
fn train(sweep: &Sweep, jobs: usize) -> anyhow::Result<()> {
    let (name, all) = (&sweep.manifest().name, sweep.networks());
    let say = |event: Event<'_>| match event {
        Event::Ended(result) => {
            let error =
                result.error().map_or("no error".to_owned(), |error| format!("{:.1} %", 100.0 * error));
            note(format_args!("{name}: network {} of {all}: {error}", result.index + 1));
        }
        Event::Crashed { index, reason } => {
            note(format_args!("{name}: network {} of {all}: {reason}", index + 1))
        }
        Event::BadFile(bad) => note(format_args!("{name}: left out: {bad}")),
        Event::Started { .. } | Event::Epoch { .. } | Event::Waiting => {}
    };
    let (options, stop) = (WorkOptions { shard: Shard::ALL, retries: RETRIES }, AtomicBool::new(false));
    // A pool of one thread each: small networks gain more from a core of their own than from sharing two.
    let worker = || -> anyhow::Result<()> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
        pool.install(|| work(sweep, options, &stop, &mut |event| say(event)))?;
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(worker)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// Draws and trains the networks, and writes the report.
pub fn compare(args: &Args) -> anyhow::Result<Report> {
    let spaces = if args.all { &ALL[..] } else { &args.spaces };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut populations = Vec::new();
    for &space in spaces {
        let sweep = sweep(space, args).with_context(|| format!("cannot sweep {space}"))?;
        train(&sweep, args.jobs.unwrap_or(cores))?;
        populations.push(sweep.population());
    }
    let report = Report::new(&populations)?;
    report.write(&args.out.join("report.html"))?;
    Ok(report)
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    println!("{}\n", compare(&args)?);
    println!("wrote report.html, and pictures and tables to report/, in {}", args.out.display());
    Ok(())
}
