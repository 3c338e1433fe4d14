//! What fewer bits cost and gain: a network that the `train` example trained, frozen in f32, bf16 and int8, on the
//! built-in test images.
//!
//! ```sh
//! cargo run --release --example train
//! cargo run --release --example frozen    # or: -- --run FOLDER, of any run on the built-in data
//! ```
//!
//! Where the processor has no instructions for a precision, its row says what was computed with instead.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::Parser;
use regnet::frozen::{Calibration, Engine, Options, Precision};
use regnet::train::Card;
use regnet::train::data::{DataSet, builtin};
use regnet::weights::WeightFile;

/// Compares the precisions of the frozen engine.
#[derive(Parser)]
pub struct Args {
    /// The folder that the network was written to.
    #[arg(long, default_value = "runs/train")]
    pub run: PathBuf,
    /// Training images on which int8 is calibrated.
    #[arg(long, default_value_t = 64)]
    pub calibrate: usize,
    /// Images at once.
    #[arg(long, default_value_t = 16)]
    pub batch: usize,
}

/// A precision's figures.
pub struct Row {
    /// What was computed with.
    pub precision: &'static str,
    /// The part of the test images that the network tells right.
    pub accuracy: f64,
    /// The part of them that it holds for the same class as in f32.
    pub agreement: f64,
    /// Milliseconds for an image.
    pub milliseconds: f64,
}

/// The class of every test image, and milliseconds for an image.
fn classify(engine: &Engine, data: &DataSet, batch: usize) -> anyhow::Result<(Vec<usize>, f64)> {
    let classes = data.classes.len();
    let (mut found, mut seconds) = (Vec::new(), 0.0);
    for batch in data.test_batches(batch)?.epoch(0) {
        let batch = batch?;
        let mut logits = vec![0.0; batch.labels.len() * classes];
        let start = Instant::now();
        engine.run(&batch.images, &mut logits)?;
        seconds += start.elapsed().as_secs_f64();
        let best = |row: &[f32]| (0..classes).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or_default();
        found.extend(logits.chunks_exact(classes).map(best));
    }
    let milliseconds = 1e3 * seconds / found.len() as f64;
    Ok((found, milliseconds))
}

/// Shows training images, as they are in the data set, to a calibration.
fn calibrate(mut calibration: Calibration, data: &DataSet, images: usize) -> anyhow::Result<Precision> {
    let training = DataSet { test: data.train.clone(), ..data.clone() };
    for batch in training.test_batches(1)?.epoch(0).take(images) {
        calibration.watch(&batch?.images)?;
    }
    Ok(Precision::Int8(calibration.ranges()?))
}

/// Freezes the network in every precision and shows it the test images.
pub fn compare(args: &Args) -> anyhow::Result<Vec<Row>> {
    let card = Card::read(&args.run.join("model.json")).context("train a network first: --example train")?;
    ensure!(card.data == "builtin", "{} was trained on {}", args.run.display(), card.data);
    let ([_, height, width], options) = (card.input, Options::default());
    let data = builtin(Some(height), card.recipe.seed)?;
    let file = WeightFile::open(&args.run.join("model.safetensors"))?;
    let calibration = file.calibration(card.spec(), height, width, &options)?;
    let int8 = calibrate(calibration, &data, args.calibrate)?;

    let labels = data.test.labels();
    let share = |found: &[usize], expected: &[usize]| {
        found.iter().zip(expected).filter(|(found, expected)| found == expected).count() as f64
            / found.len() as f64
    };
    let (mut rows, mut in_f32) = (Vec::new(), Vec::new());
    for precision in [Precision::F32, Precision::Bf16, int8] {
        let engine = file.freeze(card.spec(), height, width, &Options { precision, ..options.clone() })?;
        let (found, milliseconds) = classify(&engine, &data, args.batch)?;
        if rows.is_empty() {
            in_f32.clone_from(&found);
        }
        rows.push(Row {
            precision: engine.precision().name(),
            accuracy: share(&found, labels),
            agreement: share(&found, &in_f32),
            milliseconds,
        });
    }
    Ok(rows)
}

fn main() -> anyhow::Result<()> {
    println!("| precision | test accuracy | same class as f32 | ms an image |\n| --- | --- | --- | --- |");
    for Row { precision, accuracy, agreement, milliseconds } in compare(&Args::parse())? {
        let [accuracy, agreement] = [accuracy, agreement].map(|share| 100.0 * share);
        println!("| {precision} | {accuracy:.2} % | {agreement:.2} % | {milliseconds:.3} |");
    }
    Ok(())
}
