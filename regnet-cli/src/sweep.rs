//! `regnet sweep`.

mod best;
mod init;
mod report;
mod run;
mod slurm;
mod status;

use std::io::Write;
use std::path::PathBuf;

use clap::Subcommand;

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
        Command::Slurm(args) => slurm::run(args, out),
        Command::Work(args) => run::work(args, out),
    }
}

/// Where a sweep is.
#[derive(clap::Args)]
pub struct Folder {
    /// The sweep's folder
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}
