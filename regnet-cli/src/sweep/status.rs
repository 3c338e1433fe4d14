//! `regnet sweep status`.

use std::fmt::Write as _;
use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use console::Term;
use regnet::space::text::{Table, grouped, printable};
use regnet::train::sweep::{Counts, State, Status, Sweep, TrialStatus};

use super::{Folder, left_out};
use crate::words;

/// How often a watched table is drawn.
const EVERY: Duration = Duration::from_secs(2);

/// The best networks that the table shows.
const BEST: usize = 5;

/// How to look.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    folder: Folder,
    /// Draws it again and again until all is done
    #[arg(long)]
    watch: bool,
}

/// Prints the table.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    let sweep = Sweep::open(&args.folder.dir)?;
    loop {
        let status = Status::read(&sweep);
        let text = text(&sweep, &status)?;
        if args.watch && Term::stdout().is_term() {
            Term::stdout().clear_screen()?;
        }
        write!(out, "{text}")?;
        out.flush()?;
        let Counts { running, waiting, .. } = status.counts();
        if !args.watch || running + waiting == 0 {
            return Ok(());
        }
        sleep(EVERY);
    }
}

fn text(sweep: &Sweep, status: &Status) -> anyhow::Result<String> {
    let manifest = sweep.manifest();
    let Counts { finished, stopped, diverged, failed, bad, running, waiting } = status.counts();
    let mut text = format!(
        "{}: {} networks, {} epochs on {}\n",
        printable(&manifest.name),
        sweep.networks(),
        manifest.recipe.epochs,
        printable(&manifest.data.source)
    );
    let mut counts = vec![(finished, "finished"), (running, "running"), (waiting, "waiting")];
    counts.extend(manifest.halving.map(|_| (stopped, "given up")));
    let others = [(diverged, "diverged"), (failed, "failed"), (bad, "left out")];
    counts.extend(others.into_iter().filter(|(count, _)| *count > 0));
    let counts: Vec<String> = counts.into_iter().map(|(count, what)| format!("{count} {what}")).collect();
    writeln!(text, "{}", counts.join(", "))?;
    let epochs: usize = status.trials.iter().map(|trial| trial.epochs.len()).sum();
    write!(text, "{epochs} of {} epochs", sweep.networks() * manifest.recipe.epochs)?;
    match status.left {
        Some(left) if waiting + running > 0 => {
            let most = if manifest.halving.is_some() { "at most" } else { "about" };
            writeln!(text, ", {most} {} left", words::duration(left))?;
        }
        _ => writeln!(text)?,
    }
    job(sweep, &mut text)?;
    let running = status.trials.iter().filter(|trial| matches!(trial.state, State::Running(_)));
    table("running", running, sweep, &mut text)?;
    table("best so far", status.best(BEST).into_iter(), sweep, &mut text)?;
    if let Some(note) = left_out(status.bad_files(), sweep.dir()) {
        writeln!(text, "\n{note}")?;
    }
    Ok(text)
}

/// Where the array job is that was submitted last.
fn job(sweep: &Sweep, text: &mut String) -> anyhow::Result<()> {
    let job = match sweep.slurm_job() {
        Ok(Some(job)) => job,
        Ok(None) => return Ok(()),
        Err(bad) => return Ok(writeln!(text, "{bad}")?),
    };
    let states = match job.states() {
        Ok(states) if states.is_empty() => "ended".to_owned(),
        Ok(states) => {
            let say =
                |(state, count): &(String, usize)| format!("{count} {}", printable(&state.to_lowercase()));
            states.iter().map(say).collect::<Vec<_>>().join(", ")
        }
        Err(error) => error.to_string(),
    };
    writeln!(text, "SLURM job {} of {} tasks: {states}", printable(&job.id), job.tasks)?;
    Ok(())
}

fn table<'a>(
    title: &str,
    trials: impl Iterator<Item = &'a TrialStatus>,
    sweep: &Sweep,
    text: &mut String,
) -> anyhow::Result<()> {
    let mut table = Table::new([title, "epoch", "test error", "flops", "params", "where"]);
    let mut any = false;
    for TrialStatus { index, state, epochs } in trials {
        any = true;
        let cost = sweep.trial(*index)?.complexity()?;
        let error = epochs.last().map(|epoch| words::per_cent(1.0 - epoch.test_accuracy));
        let place = match state {
            State::Running(attempt) => format!("{}:{}", attempt.host, attempt.pid),
            _ => String::new(),
        };
        table.push([
            format!("network {index}"),
            epochs.len().to_string(),
            error.unwrap_or_default(),
            grouped(cost.flops),
            grouped(cost.params),
            place,
        ]);
    }
    if any {
        writeln!(text, "\n{table}")?;
    }
    Ok(())
}
