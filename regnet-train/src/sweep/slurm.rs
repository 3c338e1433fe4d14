//! A sweep as an array job of SLURM: a script whose tasks each run a shard.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use regnet_core::weights;
use serde::{Deserialize, Serialize};

use super::bad_file::BadFile;
use super::error::SweepError;
use super::folder::Sweep;

/// What to ask SLURM for, for each task of the array. Values are SLURM's own; see `man sbatch`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Tasks of the array.
    pub tasks: usize,
    /// The partition; the cluster's default where there is none.
    pub partition: Option<String>,
    /// The time limit, such as `12:00:00`.
    pub time: Option<String>,
    /// The memory, such as `8G`.
    pub memory: Option<String>,
    /// Cores.
    pub cpus: Option<usize>,
    /// GPUs.
    pub gpus: Option<usize>,
    /// How often a task that failed or ran out of time is queued again.
    pub retries: usize,
    /// Further options, as `account` and its value.
    pub options: Vec<(String, String)>,
    /// Processes a task trains with.
    pub jobs: usize,
    /// Threads of each.
    pub threads: Option<usize>,
}

/// A job that was submitted: `slurm/job.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// SLURM's number of it.
    pub id: String,
    /// Tasks of the array.
    pub tasks: usize,
}

/// The file that says which job was submitted.
const JOB: &str = "slurm/job.json";

/// Seconds before the time limit at which a task is told to stop, so that it can be queued again.
const NOTICE: u32 = 60;

/// What a task does: it passes a notice on, and queues itself again if anything is left to do.
///
/// The trap asks bash for the program's number: a notice may come before any variable has been set to it.
const RUN: &str = r#"trap 'kill -TERM "$!" 2>/dev/null' TERM
"$regnet" sweep run "$sweep" --shard "$SLURM_ARRAY_TASK_ID/$tasks" "${options[@]}" < /dev/null &
run=$!
# A notice interrupts a wait, so that one of them may return before the program has ended.
while kill -0 "$run" 2> /dev/null; do
    wait "$run"
done
wait "$run"
code=$?
# A task that was cancelled is no longer running, and is not to come back.
state=$(squeue --noheader --format=%T --jobs "$SLURM_JOB_ID")
if [ "$code" -ne 0 ] && [ "$state" = RUNNING ] && [ "${SLURM_RESTART_COUNT:-0}" -lt "$retries" ]; then
    echo "exit status $code: queued again"
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID" && sleep 60
fi
exit "$code"
"#;

impl Request {
    /// The job's script, for the program `regnet` and the sweep in `dir`, both absolute.
    ///
    /// What tasks say goes to `slurm/` in the sweep's folder. Paths are quoted for the shell and appear in no
    /// directive, so that they may hold anything but what is not UTF-8.
    ///
    /// # Errors
    ///
    /// [`SweepError::Slurm`] for values that no directive can hold.
    pub fn script(&self, name: &str, regnet: &Path, dir: &Path) -> Result<String, SweepError> {
        let mut text = String::from("#!/bin/bash\n");
        for (key, value) in self.directives(name) {
            let sound = !key.is_empty() && !value.is_empty();
            let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '#' | '"' | '\'' | '\\');
            if !sound || !key.chars().chain(value.chars()).all(plain) {
                let reason = format!(
                    "`--{key}={value}` cannot be written into a script: leave out blanks, quotes and `#`"
                );
                return Err(SweepError::Slurm { program: "sbatch", reason });
            }
            let _ = writeln!(text, "#SBATCH --{key}={value}");
        }
        text += "#SBATCH --requeue\n\n";
        let _ = writeln!(text, "regnet={}\nsweep={}", quoted(regnet)?, quoted(dir)?);
        let _ = writeln!(text, "tasks={}\nretries={}", self.tasks, self.retries);
        let threads = self.threads.map_or_else(String::new, |threads| format!(" --threads {threads}"));
        let _ = writeln!(text, "options=(--jobs {}{threads})", self.jobs);
        text += "exec >> \"$sweep/slurm/task-$SLURM_ARRAY_TASK_ID.log\" 2>&1\n";
        text += RUN;
        Ok(text)
    }

    /// Whether there are as many tasks as can have something to do, and as SLURM allows in an array where its `MaxArraySize`
    /// is known.
    ///
    /// # Errors
    ///
    /// [`SweepError::Slurm`].
    pub fn check_tasks(&self, networks: usize, max_array_size: Option<usize>) -> Result<(), SweepError> {
        // Tasks are counted from 1, and the size from 0.
        let allowed = max_array_size.map_or(networks, |size| networks.min(size.saturating_sub(1)));
        if self.tasks <= allowed {
            return Ok(());
        }
        let why = match max_array_size.filter(|_| allowed < networks) {
            Some(size) => format!("this cluster's MaxArraySize is {size}; a task trains every nth network"),
            None => format!("the sweep has {networks} networks, and a task trains at least one"),
        };
        let reason =
            format!("an array of {} tasks has too many: at most {allowed}, because {why}", self.tasks);
        Err(SweepError::Slurm { program: "sbatch", reason })
    }

    fn directives(&self, name: &str) -> Vec<(String, String)> {
        let clean = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
        let set = |key: &str, value: &Option<String>| value.clone().map(|value| (key.to_owned(), value));
        let number = |value: Option<usize>| value.map(|value| value.to_string());
        let gpus = self.gpus.filter(|&gpus| gpus > 0).map(|gpus| format!("gpu:{gpus}"));
        let fixed = [
            ("job-name", format!("regnet-{}", name.chars().map(clean).collect::<String>())),
            ("array", format!("1-{}", self.tasks)),
            ("output", "/dev/null".to_owned()),
            ("signal", format!("B:TERM@{NOTICE}")),
        ];
        let asked = [
            set("partition", &self.partition),
            set("time", &self.time),
            set("mem", &self.memory),
            set("cpus-per-task", &number(self.cpus)),
            set("gres", &gpus),
        ];
        let fixed = fixed.into_iter().map(|(key, value)| (key.to_owned(), value));
        fixed.chain(asked.into_iter().flatten()).chain(self.options.iter().cloned()).collect()
    }
}

/// The most tasks of an array and one more, as SLURM says; `None` where there is no SLURM to ask.
fn max_array_size() -> Option<usize> {
    let config = call("scontrol", Command::new("scontrol").args(["show", "config"])).ok()?;
    let line = config.lines().find_map(|line| line.trim_start().strip_prefix("MaxArraySize"))?;
    line.trim_start().strip_prefix('=')?.trim().parse().ok()
}

fn quoted(path: &Path) -> Result<String, SweepError> {
    let reason = || format!("the path {} cannot be written into a script", path.display());
    let quoted = path.to_str().and_then(|path| shlex::try_quote(path).ok());
    quoted.map(Into::into).ok_or_else(|| SweepError::Slurm { program: "sbatch", reason: reason() })
}

impl Sweep {
    /// Writes the script of an array job into the sweep's folder; returns its path.
    ///
    /// # Errors
    ///
    /// As [`Request::script`] and [`Request::check_tasks`], and a folder that cannot be written to.
    pub fn write_slurm_script(&self, request: &Request, regnet: &Path) -> Result<PathBuf, SweepError> {
        let dir = std::path::absolute(self.dir());
        let dir =
            dir.map_err(|source| SweepError::Io { action: "find", path: self.dir().to_owned(), source })?;
        request.check_tasks(self.networks(), max_array_size())?;
        let script = request.script(&self.manifest().name, regnet, &dir)?;
        self.make_dir(&dir.join("slurm"))?;
        let path = dir.join("slurm/job.sh");
        weights::write_whole(&path, script.as_bytes())?;
        Ok(path)
    }

    /// Hands a script to `sbatch`, and writes down which job it became.
    ///
    /// # Errors
    ///
    /// [`SweepError::Slurm`], and a folder that cannot be written to.
    pub fn submit_slurm_script(&self, script: &Path, tasks: usize) -> Result<Job, SweepError> {
        let said = call("sbatch", Command::new("sbatch").arg("--parsable").arg(script))?;
        // On a federation, the cluster's name follows.
        let id = said.trim().split(';').next().unwrap_or_default().to_owned();
        let job = Job { id, tasks };
        let json = serde_json::to_vec(&job).expect("a job is JSON");
        weights::write_whole(&self.dir().join(JOB), &json)?;
        Ok(job)
    }

    /// The job that was submitted last.
    ///
    /// # Errors
    ///
    /// A file that cannot be read.
    pub fn slurm_job(&self) -> Result<Option<Job>, BadFile> {
        Ok(self.read_json(JOB.as_ref())?.pop())
    }
}

impl Job {
    /// How many of its tasks are in which of SLURM's states, by `squeue`, or by `sacct` once the queue has forgotten
    /// them.
    ///
    /// # Errors
    ///
    /// [`SweepError::Slurm`]: neither answers.
    pub fn states(&self) -> Result<Vec<(String, usize)>, SweepError> {
        let queue = Command::new("squeue")
            .args(["--noheader", "--array", "--format=%T", "--jobs", &self.id])
            .output();
        let queued = queue.as_ref().map(|output| text(&output.stdout)).unwrap_or_default();
        if !queued.trim().is_empty() {
            return Ok(count(&queued));
        }
        let options = ["--noheader", "--allocations", "--parsable2", "--format=State", "--jobs", &self.id];
        match call("sacct", Command::new("sacct").args(options)) {
            Ok(accounted) if !accounted.trim().is_empty() => Ok(count(&accounted)),
            // Without accounting, a job that is not in the queue any more has ended.
            _ if queue.is_ok() => Ok(Vec::new()),
            Ok(_) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

/// How many lines there are of each kind, in the order in which they first appear. `CANCELLED by 0` is `CANCELLED`.
fn count(lines: &str) -> Vec<(String, usize)> {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for state in lines.lines().filter_map(|line| line.split_whitespace().next()) {
        match counts.iter_mut().find(|(known, _)| known == state) {
            Some((_, count)) => *count += 1,
            None => counts.push((state.to_owned(), 1)),
        }
    }
    counts
}

fn call(program: &'static str, command: &mut Command) -> Result<String, SweepError> {
    let failed = |reason: String| SweepError::Slurm { program, reason };
    let output = command.output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(failed(text(&output.stderr).trim().to_owned()))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
