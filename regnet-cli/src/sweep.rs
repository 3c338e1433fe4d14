//! `regnet sweep`.

mod best;
mod check;
mod init;
mod report;
mod run;
mod slurm;
mod status;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use regnet::train::sweep::BadFile;

/// What to do with a sweep.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Puts a population and a recipe into a folder, and says what training it will cost
    Init(init::Args),
    /// Trains every network that is not done yet; several processes and machines may share the folder
    Run(run::Args),
    /// Says how far it is
    Status(status::Args),
    /// Prints the best networks so far
    Best(best::Args),
    /// Compares the errors of one or more sweeps, as a page with pictures and tables
    Report(report::Args),
    /// Lists files that were damaged, edited or copied from elsewhere, and sets them aside
    Check(check::Args),
    /// Writes an array job for SLURM, and submits it
    Slurm(slurm::Args),
    /// What `run` starts its processes with
    #[command(hide = true)]
    Work(run::WorkArgs),
}

/// Runs the subcommand.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    match &args.command {
        Command::Init(args) => init::run(args, out),
        Command::Run(args) => run::run(args),
        Command::Status(args) => status::run(args, out),
        Command::Best(args) => best::run(args, out),
        Command::Report(args) => report::run(args, out),
        Command::Check(args) => check::run(args, out),
        Command::Slurm(args) => slurm::run(args, out),
        Command::Work(args) => run::work(args, out),
    }
}

/// How many bad files are listed.
const LISTED: usize = 20;

/// What is left out because of bad files, a line each, and what to do; nothing where there are none.
fn left_out<'a>(bad: impl Iterator<Item = &'a BadFile>, dir: &Path) -> Option<String> {
    let bad: Vec<&BadFile> = bad.collect();
    let count = match bad.len() {
        0 => return None,
        1 => "1 bad file, and what it is of, is left out:".to_owned(),
        count => format!("{count} bad files, and what they are of, are left out:"),
    };
    let mut lines = vec![count];
    lines.extend(bad.iter().take(LISTED).map(|bad| format!("    {bad}")));
    lines.extend((bad.len() > LISTED).then(|| format!("    and {} more", bad.len() - LISTED)));
    lines.push(format!(
        "`regnet sweep check {} --repair` sets bad files aside, to be trained again",
        dir.display()
    ));
    Some(lines.join("\n"))
}

/// Where a sweep is.
#[derive(clap::Args)]
pub struct Folder {
    /// The sweep's folder
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}
