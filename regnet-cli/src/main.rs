//! The `regnet` command line.

mod codegen;
mod draw;
mod export;
mod models;
mod network;
mod regulator;
mod report;
mod show;
mod subject;
mod train;
mod weights_path;

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
    /// Draws a network
    Draw(draw::Args),
    /// Writes a trained network for other programs
    Export(export::Args),
    /// Trains a network on images
    Train(train::Args),
}

fn main() -> ExitCode {
    let Cli { command } = Cli::parse();
    let mut out = std::io::stdout().lock();
    let done = match command {
        Command::Show(args) => show::run(&args, &mut out),
        Command::Models(args) => models::run(&args, &mut out),
        Command::Codegen(args) => codegen::run(&args, &mut out),
        Command::Draw(args) => draw::run(&args, &mut out),
        Command::Export(args) => export::run(&args, &mut out),
        Command::Train(args) => train::run(&args, &mut out),
    };
    match done.and_then(|()| Ok(out.flush()?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report::exit_code(&error),
    }
}
