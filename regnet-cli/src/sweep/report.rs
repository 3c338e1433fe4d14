//! `regnet sweep report`.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use regnet::train::report::Report;
use regnet::train::sweep::{Population, Sweep, SweepError};

/// Which sweeps, and where to.
#[derive(clap::Args)]
pub struct Args {
    /// The folders of the sweeps to compare
    #[arg(value_name = "DIR", required = true)]
    sweeps: Vec<PathBuf>,
    /// The page; pictures and tables go to a folder beside it, of its name without `.html`
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    out: PathBuf,
}

/// Prints what the errors come to, and writes the report. Trials that have not ended yet, or whose files are bad, are left
/// out, and the report says so.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    let read = |dir: &PathBuf| -> Result<Population, SweepError> { Ok(Sweep::open(dir)?.population()) };
    let populations = args.sweeps.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let report = Report::new(&populations)?;
    writeln!(out, "{report}")?;
    let folder = report.write(&args.out)?;
    let page = std::path::absolute(&args.out).context("cannot tell where the report is")?;
    writeln!(out, "\nwrote {} and the files in {}", page.display(), folder.display())?;
    Ok(())
}
