//! `regnet space`.

mod constraints;
mod describe;
mod sample;
mod size;

use std::io::Write;

use clap::Subcommand;
use regnet::space::{ConstraintError, DesignSpace};

use crate::report;

/// What to do with design spaces.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prints what is drawn in a space, and how
    Describe(describe::Args),
    /// Prints how many networks the spaces have
    Size(size::Args),
    /// Prints what can be constrained, and to what
    Constraints(constraints::Args),
    /// Draws different networks and prints each as a line of JSON
    Sample(Box<sample::Args>),
}

/// Runs one of the subcommands.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    match &args.command {
        Command::Describe(args) => describe::run(args, out),
        Command::Size(args) => size::run(args, out),
        Command::Constraints(args) => constraints::run(args, out),
        Command::Sample(args) => sample::run(args, out),
    }
}

/// The space of this text.
fn space(text: &str) -> anyhow::Result<DesignSpace> {
    DesignSpace::parse(text).map_err(|errors| wrong(&errors))
}

/// Everything wrong with a text.
fn wrong(errors: &[ConstraintError]) -> anyhow::Error {
    report::lines(errors.iter().map(ToString::to_string))
}
