//! `regnet sweep slurm`.

use std::io::Write;
use std::num::NonZeroUsize;

use anyhow::Context;
use regnet::train::sweep::Sweep;
use regnet::train::sweep::slurm::Request;

use super::Folder;

/// What to ask SLURM for, for each task.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    folder: Folder,
    /// Tasks of the array, each of which trains a shard
    #[arg(long, value_name = "N", default_value = "1")]
    array: NonZeroUsize,
    /// Partition [default: the cluster's]
    #[arg(long, value_name = "NAME")]
    partition: Option<String>,
    /// Time limit, such as 12:00:00; a task that reaches it is queued again
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Memory, such as 8G
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
    /// Cores
    #[arg(long, value_name = "N")]
    cpus: Option<NonZeroUsize>,
    /// GPUs
    #[arg(long, value_name = "N")]
    gpus: Option<usize>,
    /// How often a task that failed or ran out of time is queued again
    #[arg(long, value_name = "N", default_value_t = 3)]
    retries: usize,
    /// Another option of sbatch, such as account=vision; may be repeated
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = parse_option)]
    options: Vec<(String, String)>,
    /// Processes a task trains with
    #[arg(long, value_name = "N", default_value = "1")]
    jobs: NonZeroUsize,
    /// Threads of each process [default: the task's cores, shared out]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Hands the script to sbatch
    #[arg(long)]
    submit: bool,
}

fn parse_option(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("an option is KEY=VALUE, such as account=vision")?;
    Ok((key.trim_start_matches('-').to_owned(), value.to_owned()))
}

/// Writes the script, and submits it if asked to.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    let sweep = Sweep::open(&args.folder.dir)?;
    // A cluster that does not bind tasks to cores shows them all of the machine's.
    let share = args.cpus.and_then(|cpus| NonZeroUsize::new(cpus.get() / args.jobs.get()));
    let request = Request {
        tasks: args.array.get(),
        partition: args.partition.clone(),
        time: args.time.clone(),
        memory: args.memory.clone(),
        cpus: args.cpus.map(NonZeroUsize::get),
        gpus: args.gpus,
        retries: args.retries,
        options: args.options.clone(),
        jobs: args.jobs.get(),
        threads: args.threads.or(share).map(NonZeroUsize::get),
    };
    let program = std::env::current_exe().context("cannot find this program")?;
    let script = sweep.write_slurm_script(&request, &program)?;
    writeln!(out, "wrote {}", script.display())?;
    if args.submit {
        let job = sweep.submit_slurm_script(&script, request.tasks)?;
        writeln!(out, "submitted job {} of {} tasks", job.id, job.tasks)?;
    }
    Ok(())
}
