//! `regnet sweep best`.

use std::io::Write;
use std::num::NonZeroUsize;

use regnet::space::text::{Table, grouped, printable};
use regnet::space::{Complexity, Declaration};
use regnet::train::sweep::{Status, Sweep, Trial, TrialStatus};

use super::{Folder, left_out};
use crate::words;

/// How many, and how to print them.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    folder: Folder,
    /// How many networks
    #[arg(short, value_name = "K", default_value = "1")]
    n: NonZeroUsize,
    /// Prints their declarations as Rust source
    #[arg(long)]
    declare: bool,
}

/// Prints the networks of least test error.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    let sweep = Sweep::open(&args.folder.dir)?;
    let status = Status::read(&sweep);
    if let Some(note) = left_out(status.bad_files(), sweep.dir()) {
        crate::report::note(note);
    }
    let best = status.best(args.n.get());
    anyhow::ensure!(!best.is_empty(), "no network of this sweep is finished yet");
    if args.declare {
        return declare(&sweep, &best, out);
    }
    let mut table = Table::new([
        "network",
        "test error",
        "flops",
        "params",
        "acts",
        "d",
        "w0",
        "wa",
        "wm",
        "g",
        "b",
        "se",
    ]);
    for trial in best {
        table.push(row(trial, sweep.trial(trial.index)?)?);
    }
    writeln!(out, "{table}")?;
    Ok(())
}

fn row(status: &TrialStatus, trial: &Trial) -> anyhow::Result<Vec<String>> {
    let Complexity { flops, params, acts } = trial.complexity()?;
    let mut row = vec![status.index.to_string(), status.error().map(words::per_cent).unwrap_or_default()];
    row.extend([flops, params, acts].map(grouped));
    if let Some(p) = trial.params() {
        row.extend([p.d.to_string(), p.w0.to_string(), p.wa.to_string(), p.wm.to_string(), p.g.to_string()]);
        row.extend([p.b.to_string(), p.se.map_or_else(String::new, |se| se.to_string())]);
    }
    Ok(row)
}

/// An item for each: `regnet!` where generating parameters make the network, else `anynet!`.
fn declare(sweep: &Sweep, best: &[&TrialStatus], out: &mut dyn Write) -> anyhow::Result<()> {
    for (rank, status) in best.iter().enumerate() {
        let trial = sweep.trial(status.index)?;
        let [_, height, width] = trial.input;
        let name = if best.len() == 1 { "Best".to_owned() } else { format!("Best{}", rank + 1) };
        let source = match Declaration::from_anynet(trial.spec()) {
            Some(declaration) => declaration.to_source(&name, [height, width]),
            None => trial.spec().to_source(&name, [height, width]),
        };
        let (epochs, error) = (status.epochs.len(), status.error().map(words::per_cent).unwrap_or_default());
        let between = if rank == 0 { "" } else { "\n" };
        // On one line, whatever it holds.
        let of = printable(&sweep.manifest().name);
        writeln!(
            out,
            "{between}// Network {} of {of}: test error {error} after {epochs} epochs.",
            status.index
        )?;
        write!(out, "{source}")?;
    }
    Ok(())
}
