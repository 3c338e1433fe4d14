//! The `regnet` command line.

// What cannot be written is no reason to panic.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod codegen;
mod convert;
mod device;
mod draw;
mod export;
mod models;
mod network;
mod precision;
mod predict;
mod regulator;
mod report;
mod show;
mod space;
mod subject;
mod sweep;
mod threads;
mod train;
mod weights;
mod words;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Looks at, lists and trains RegNet image classifiers.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prints a network's stage table and what it costs
    Show(show::Args),
    /// Lists the published models
    Models(models::Args),
    /// Prints a network's declaration as Rust source
    Codegen(codegen::Args),
    /// Design spaces: what they are, how large, and networks drawn from them
    Space(space::Args),
    /// Draws a network
    Draw(draw::Args),
    /// Writes a trained network for other programs
    Export(export::Args),
    /// Trains a network on images
    Train(train::Args),
    /// Trains a population of networks and compares them
    Sweep(sweep::Args),
    /// Classifies images with trained or published weights
    Predict(predict::Args),
    /// Writes weights with another library's names or in another precision
    Convert(convert::Args),
    /// Measures how fast a network runs or trains
    Bench(bench::Args),
}

fn main() -> ExitCode {
    let Cli { command } = Cli::parse();
    let mut out = std::io::stdout().lock();
    let done = match command {
        Command::Show(args) => show::run(&args, &mut out),
        Command::Models(args) => models::run(&args, &mut out),
        Command::Codegen(args) => codegen::run(&args, &mut out),
        Command::Space(args) => space::run(&args, &mut out),
        Command::Draw(args) => draw::run(&args, &mut out),
        Command::Export(args) => export::run(&args, &mut out),
        Command::Train(args) => train::run(&args, &mut out),
        Command::Sweep(args) => sweep::run(&args, &mut out),
        Command::Predict(args) => predict::run(&args, &mut out),
        Command::Convert(args) => convert::run(&args, &mut out),
        Command::Bench(args) => bench::run(&args, &mut out),
    };
    match done.and_then(|()| Ok(out.flush()?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report::exit_code(&error),
    }
}
