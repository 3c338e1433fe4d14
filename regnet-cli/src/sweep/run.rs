//! `regnet sweep run`, and the processes it starts.

use std::io::Write;
use std::num::NonZeroUsize;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use regnet::space::text::printable;
use regnet::train::sweep::{
    BadFile, Event, Outcome, STOPPED, Shard, State, Status, Sweep, SweepError, WorkOptions, Worked,
    stop_with_parent, supervise, work as work_on,
};

use super::{Folder, left_out};
use crate::report::Exit;
use crate::{threads, words};

/// Which networks to train, and with what.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    folder: Folder,
    /// Processes, each of which trains a network at a time
    #[arg(long, value_name = "N", default_value = "1")]
    jobs: NonZeroUsize,
    #[command(flatten)]
    part: Part,
    /// Threads of each process [default: the cores, shared out]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

#[derive(clap::Args)]
struct Part {
    /// Trains only every nth network, from the ith on. With halving these come first, and then others that wait
    #[arg(long, value_name = "I/N", default_value_t = Shard::ALL)]
    shard: Shard,
    /// How often a network that crashed is tried again without getting an epoch further [default: the sweep's, 3]
    #[arg(long, value_name = "N")]
    retries: Option<usize>,
}

impl Part {
    fn options(&self, sweep: &Sweep) -> WorkOptions {
        WorkOptions { shard: self.shard, retries: self.retries.unwrap_or(sweep.manifest().retries) }
    }
}

/// Trains until nothing is left to do, and says on standard error what happens.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let sweep = Sweep::open(&args.folder.dir)?;
    let options = args.part.options(&sweep);
    let stop = stop_on_signals()?;
    let program = std::env::current_exe().context("cannot find this program")?;
    let count = args.threads.map_or_else(|| cores() / args.jobs, threads::on_cores).max(1);
    let command = || {
        let mut command = Command::new(&program);
        command.args(["sweep", "work"]).arg(&args.folder.dir);
        command.args(["--shard", &options.shard.to_string(), "--retries", &options.retries.to_string()]);
        command.args(["--threads", &count.to_string()]);
        command
    };
    match supervise(args.jobs.get(), command, &stop, &|line| crate::report::note(line)) {
        Ok(false) => finish(&sweep, options),
        Ok(true) => {
            crate::report::note("stopped; run it again to go on");
            Err(Exit(STOPPED as u8).into())
        }
        // The process has said which.
        Err(SweepError::Worker) => Err(Exit(1).into()),
        Err(error) => Err(error.into()),
    }
}

/// Says what became of the part that was run.
fn finish(sweep: &Sweep, WorkOptions { shard, retries }: WorkOptions) -> anyhow::Result<()> {
    let status = Status::read(sweep);
    let counts = status.counts();
    let own = || status.trials.iter().filter(|trial| shard.has(trial.index));
    let bad = own().filter(|trial| matches!(trial.state, State::Waiting | State::Bad(_)));
    let bad: Vec<BadFile> =
        bad.flat_map(|trial| sweep.check_trial(trial.index)).filter(BadFile::leaves_out).collect();
    if let Some(note) = left_out(bad.iter().chain(&status.bad_rung), sweep.dir()) {
        anyhow::bail!(note);
    }
    let failed: Vec<usize> =
        own().filter(|trial| trial.state == State::Failed).map(|trial| trial.index).collect();
    if !failed.is_empty() {
        return Err(SweepError::Failed { trials: failed, attempts: retries + 1 }.into());
    }
    let elsewhere = own().filter(|trial| matches!(trial.state, State::Running(_))).count();
    if elsewhere > 0 {
        crate::report::note(format_args!("{elsewhere} networks are being trained by other processes"));
    }
    crate::report::note(format_args!("{} of {} networks are done", counts.ended(), status.trials.len()));
    Ok(())
}

/// What a process works on.
#[derive(clap::Args)]
pub struct WorkArgs {
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    part: Part,
    #[arg(long)]
    threads: usize,
}

/// Trains, and says on standard output what happens, a line each.
pub fn work(args: &WorkArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let stop = stop_on_signals()?;
    stop_with_parent(Arc::clone(&stop));
    threads::share(args.threads)?;
    let sweep = Sweep::open(&args.folder.dir)?;
    let mut say = |event: Event<'_>| {
        if let Some(line) = line(&event) {
            // Who started this process may be gone; then it is about to stop.
            let _ = writeln!(out, "{line}").and_then(|()| out.flush());
        }
    };
    match work_on(&sweep, args.part.options(&sweep), &stop, &mut say)? {
        Worked::Done => Ok(()),
        Worked::Stopped => Err(Exit(STOPPED as u8).into()),
    }
}

fn line(event: &Event<'_>) -> Option<String> {
    Some(match event {
        Event::Started { index, epochs: 0 } => format!("network {index}: started"),
        Event::Started { index, epochs } => format!("network {index}: goes on after epoch {epochs}"),
        Event::Epoch { .. } => return None,
        Event::Ended(result) => {
            let error = result.epochs.last().map(|epoch| words::per_cent(1.0 - epoch.test_accuracy));
            let error = error.unwrap_or_default();
            let index = result.index;
            match result.outcome {
                Outcome::Finished => format!("network {index}: finished, test error {error}"),
                Outcome::Stopped => {
                    format!(
                        "network {index}: given up after epoch {}, test error {error}",
                        result.epochs.len()
                    )
                }
                Outcome::Diverged { epoch, step } => {
                    format!("network {index}: diverged in epoch {epoch}, step {step}")
                }
            }
        }
        Event::Crashed { index, reason } => format!("network {index}: crashed: {}", printable(reason)),
        Event::BadFile(bad) => format!("left out: {bad}"),
        Event::Waiting => "waiting for networks that other processes train".to_owned(),
    })
}

/// A flag that an interrupt raises (Ctrl-C, `kill`); a second one ends the process at once.
fn stop_on_signals() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let raise = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if raise.swap(true, Ordering::Relaxed) {
            std::process::exit(STOPPED);
        }
    })
    .context("cannot listen to signals")?;
    Ok(stop)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}
