//! The script of an array job, run by bash without SLURM: programs of SLURM's names say what they were asked.
//! `tests/slurm/run` submits one to a real SLURM.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use regnet_train::sweep::SweepError;
use regnet_train::sweep::slurm::Request;
use tempfile::{TempDir, tempdir};

/// What a shell, or sbatch, would take for something else.
const ODD: &str = "a b's $HOME \"q\" #1 %j";

fn request() -> Request {
    Request {
        tasks: 4,
        partition: Some("gpu".to_owned()),
        time: Some("12:00:00".to_owned()),
        memory: Some("8G".to_owned()),
        cpus: Some(2),
        gpus: Some(1),
        retries: 2,
        options: vec![("account".to_owned(), "vision".to_owned())],
        jobs: 3,
        threads: Some(5),
    }
}

/// A folder with an odd name, and in it a program `regnet` that writes down its words and does as it is told.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new(regnet: &str) -> Self {
        let machine = Self { folder: tempdir().unwrap() };
        fs::create_dir_all(machine.sweep().join("slurm")).unwrap();
        machine.program(&machine.regnet(), &format!("printf '%s\\n' \"$@\"\n{regnet}"));
        for name in ["squeue", "scontrol"] {
            let path = machine.folder.path().join(name);
            machine.program(
                &path,
                &format!(
                    "echo {name} \"$@\" >> \"$CALLS\"\nif [ {name} = squeue ]; then echo \"$STATE\"; fi"
                ),
            );
        }
        let script = request().script("a name!", &machine.regnet(), &machine.sweep()).unwrap();
        fs::write(machine.folder.path().join("job.sh"), script).unwrap();
        machine
    }

    fn program(&self, path: &Path, body: &str) {
        fs::write(path, format!("#!/bin/bash\n{body}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn sweep(&self) -> PathBuf {
        self.folder.path().join(ODD)
    }

    fn regnet(&self) -> PathBuf {
        self.sweep().join("regnet")
    }

    /// Starts task 2 of job 7, in a queue that says `state` of it.
    fn start(&self, state: &str, restarts: u32) -> Child {
        let path = format!("{}:{}", self.folder.path().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("bash");
        command.arg(self.folder.path().join("job.sh")).env("PATH", path).env("STATE", state);
        command
            .env("CALLS", self.folder.path().join("calls"))
            .env("SLURM_RESTART_COUNT", restarts.to_string());
        command.envs([("SLURM_ARRAY_TASK_ID", "2"), ("SLURM_ARRAY_JOB_ID", "7"), ("SLURM_JOB_ID", "9")]);
        command.stdin(Stdio::null()).spawn().unwrap()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.sweep().join("slurm/task-2.log")).unwrap_or_default()
    }

    /// Whether it was queued again.
    fn requeued(&self) -> bool {
        let calls = fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default();
        calls.lines().any(|call| call == "scontrol requeue 7_2")
    }
}

#[test]
fn directives_say_what_was_asked() {
    let script = request().script("a name!", Path::new("/bin/regnet"), Path::new("/sweep")).unwrap();
    let directives: Vec<&str> = script.lines().filter(|line| line.starts_with("#SBATCH")).collect();
    assert_eq!(
        directives,
        [
            "#SBATCH --job-name=regnet-a-name-",
            "#SBATCH --array=1-4",
            "#SBATCH --output=/dev/null",
            "#SBATCH --signal=B:TERM@60",
            "#SBATCH --partition=gpu",
            "#SBATCH --time=12:00:00",
            "#SBATCH --mem=8G",
            "#SBATCH --cpus-per-task=2",
            "#SBATCH --gres=gpu:1",
            "#SBATCH --account=vision",
            "#SBATCH --requeue",
        ]
    );
    // sbatch reads directives up to the first command.
    let first_command = script.lines().position(|line| !line.is_empty() && !line.starts_with('#')).unwrap();
    assert!(script.lines().skip(first_command).all(|line| !line.starts_with("#SBATCH")));
    assert!(script.starts_with("#!/bin/bash\n"));
}

#[test]
fn what_no_directive_can_hold_is_refused() {
    for value in ["", "a b", "a\n#SBATCH --uid=0", "\"", "a#b"] {
        let request = Request { partition: Some(value.to_owned()), ..request() };
        let error = request.script("a", Path::new("/r"), Path::new("/s")).unwrap_err();
        assert!(matches!(error, SweepError::Slurm { program: "sbatch", .. }), "{value:?}: {error}");
    }
}

#[test]
fn no_array_has_more_tasks_than_networks_or_than_the_cluster_allows() {
    for (tasks, size, said) in [
        (40, None, None),
        (40, Some(41), None),
        (41, None, Some("at most 40, because the sweep has 40 networks")),
        (5000, Some(1001), Some("at most 40, because the sweep has 40 networks")),
        (40, Some(40), Some("at most 39, because this cluster's MaxArraySize is 40")),
    ] {
        let checked = Request { tasks, ..request() }.check_tasks(40, size);
        match said {
            Some(said) => assert!(checked.unwrap_err().to_string().contains(said), "{tasks} {size:?}"),
            None => assert!(checked.is_ok(), "{tasks} {size:?}"),
        }
    }
}

#[test]
fn a_task_runs_its_shard() {
    let machine = Machine::new("exit 0");
    let check = Command::new("bash").arg("-n").arg(machine.folder.path().join("job.sh")).status().unwrap();
    assert!(check.success());
    assert!(machine.start("RUNNING", 0).wait().unwrap().success());
    let sweep = machine.sweep().display().to_string();
    let expected = ["sweep", "run", &sweep, "--shard", "2/4", "--jobs", "3", "--threads", "5"];
    assert_eq!(machine.log().lines().collect::<Vec<_>>(), expected);
    assert!(!machine.requeued());
}

#[test]
fn a_task_that_failed_is_queued_again_so_many_times() {
    for (state, restarts, again) in [("RUNNING", 0, true), ("RUNNING", 2, false), ("COMPLETING", 0, false)] {
        let machine = Machine::new("exit 7");
        let mut task = machine.start(state, restarts);
        if again {
            // It then waits for SLURM to end it.
            wait_for(|| machine.requeued());
            task.kill().unwrap();
            task.wait().unwrap();
        } else {
            assert_eq!(task.wait().unwrap().code(), Some(7));
            assert!(!machine.requeued(), "{state}, {restarts}");
        }
    }
}

#[test]
fn a_task_whose_time_is_up_tells_the_program_and_is_queued_again() {
    let machine =
        Machine::new("trap 'echo stopping; exit 130' TERM\necho ready\nwhile :; do sleep 0.05; done");
    let mut task = machine.start("RUNNING", 0);
    wait_for(|| machine.log().contains("ready"));
    Command::new("kill").args(["-TERM", &task.id().to_string()]).status().unwrap();
    wait_for(|| machine.requeued());
    assert!(machine.log().contains("stopping\nexit status 130: queued again"), "{}", machine.log());
    task.kill().unwrap();
    task.wait().unwrap();
}

#[track_caller]
fn wait_for(there: impl Fn() -> bool) {
    let started = Instant::now();
    while !there() {
        assert!(started.elapsed() < Duration::from_secs(20), "it did not come");
        sleep(Duration::from_millis(10));
    }
}
