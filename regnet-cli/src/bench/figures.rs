//! What `regnet bench` prints.

use std::io::Write;

use regnet::frozen::{Isa, StepTime, peak};
use serde_json::json;

/// Seconds, and operations a second.
pub struct Figures {
    pub median: f64,
    pub mean: f64,
    pub min: f64,
    /// Making the engine.
    pub freeze: Option<f64>,
    pub speed: f64,
    /// The most that the machine can do in f32.
    pub peak: f64,
    /// What the engine computes in.
    pub precision: Option<&'static str>,
    pub threads: usize,
    pub isa: Isa,
    pub layers: Option<Vec<StepTime>>,
}

impl Figures {
    pub fn json(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        let mut object = json!({
            "median_ms": 1e3 * self.median,
            "mean_ms": 1e3 * self.mean,
            "min_ms": 1e3 * self.min,
            "gflops": self.speed / 1e9,
            "peak_share": self.speed / self.peak,
        });
        if let Some(freeze) = self.freeze {
            object["freeze_ms"] = (1e3 * freeze).into();
        }
        if let Some(precision) = self.precision {
            object["precision"] = precision.into();
        }
        if let Some(layers) = &self.layers {
            object["layers"] = layers
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

    pub fn text(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        let Self { median, mean: _, min, freeze, speed, peak, precision, threads: count, isa, layers } = self;
        writeln!(
            out,
            "{}: median {:.2} ms, least {:.2} ms: {:.1} GFLOP/s, {:.0} % of the {:.0} that {} can multiply and add in f32 \
             by {}",
            precision.unwrap_or("f32"),
            1e3 * median,
            1e3 * min,
            speed / 1e9,
            100.0 * speed / peak,
            peak / 1e9,
            threads(*count),
            isa,
        )?;
        if let Some(freeze) = freeze {
            writeln!(out, "frozen in {:.1} ms", 1e3 * freeze)?;
        }
        let Some(steps) = layers else { return Ok(()) };
        let bandwidth = peak::bandwidth(*count)?;
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

fn threads(count: usize) -> String {
    if count == 1 { "1 thread".to_owned() } else { format!("{count} threads") }
}
