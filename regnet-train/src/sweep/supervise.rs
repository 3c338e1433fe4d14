//! Several processes on one sweep.
//!
//! A trial can take its process down in ways that no program can catch, such as running out of memory. So trials are
//! trained by child processes, and one that dies is replaced; who is next at the trial finds its checkpoint.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

use super::error::SweepError;

/// How often children are looked after.
const TICK: Duration = Duration::from_millis(30);

/// How many children in a row may die before they say a word.
const STARTUPS: usize = 3;

/// The exit status of a child that was told to stop, as that of a shell's command after an interrupt.
pub const STOPPED: i32 = 130;

/// Runs `jobs` children that each do a part of the work, until all have done it. Returns whether it was `stop` that
/// ended them.
///
/// A child works until nothing is left to do, says on its standard output what it does, a line each, and stops when
/// its standard input ends; so it also stops when this process is killed. It exits with 0 when nothing is left to do,
/// with [`STOPPED`], or with 1 after an error that concerns all; any other end is a crash, and another child takes its
/// place.
///
/// # Errors
///
/// A child that cannot be started, one that ended with an error, and several in a row that died before they said
/// anything. All other children have ended then.
pub fn supervise(
    jobs: usize,
    mut command: impl FnMut() -> Command,
    stop: &AtomicBool,
    say: &(impl Fn(&str) + Sync),
) -> Result<bool, SweepError> {
    thread::scope(|scope| {
        let mut crew = Crew { children: Vec::new(), silent: 0 };
        let mut watch = || -> Result<(), SweepError> {
            for _ in 0..jobs {
                crew.children.push(Worker::start(command(), scope, say)?);
            }
            while !crew.children.is_empty() && !stop.load(Ordering::Relaxed) {
                for death in crew.ended()? {
                    say(&death);
                    crew.children.push(Worker::start(command(), scope, say)?);
                }
                sleep(TICK);
            }
            Ok(())
        };
        let ended = watch();
        let stopped = crew.stop();
        ended?;
        stopped?;
        Ok(stop.load(Ordering::Relaxed))
    })
}

/// The children that live.
struct Crew<'scope> {
    children: Vec<Worker<'scope>>,
    /// How many in a row died before they said a word.
    silent: usize,
}

impl Crew<'_> {
    /// Lets go of those that ended; how each one died that has to be replaced.
    fn ended(&mut self) -> Result<Vec<String>, SweepError> {
        let mut deaths = Vec::new();
        let mut next = 0;
        while next < self.children.len() {
            let Some(status) = self.children[next].ended()? else {
                next += 1;
                continue;
            };
            let child = self.children.swap_remove(next);
            let (pid, spoke) = (child.process.id(), child.finish());
            match status.code() {
                Some(0 | STOPPED) => continue,
                Some(1) => return Err(SweepError::Worker),
                _ => deaths.push(format!("process {pid} died ({status}); another one goes on")),
            }
            self.silent = if spoke { 0 } else { self.silent + 1 };
            if self.silent >= STARTUPS {
                return Err(SweepError::Startup { count: self.silent, how: status.to_string() });
            }
        }
        Ok(deaths)
    }

    /// Tells all to stop, and waits for them.
    fn stop(self) -> Result<(), SweepError> {
        let mut children = self.children;
        children.iter_mut().for_each(|child| drop(child.input.take()));
        let mut failed = false;
        for mut child in children {
            failed |= child.process.wait().is_ok_and(|status| status.code() == Some(1));
            child.finish();
        }
        if failed { Err(SweepError::Worker) } else { Ok(()) }
    }
}

/// One child.
struct Worker<'scope> {
    process: Child,
    /// Its standard input; it stops when this is dropped.
    input: Option<ChildStdin>,
    spoke: Arc<AtomicBool>,
    reader: thread::ScopedJoinHandle<'scope, ()>,
}

impl<'scope> Worker<'scope> {
    fn start<'env, S: Fn(&str) + Sync>(
        mut command: Command,
        scope: &'scope thread::Scope<'scope, 'env>,
        say: &'env S,
    ) -> Result<Self, SweepError> {
        let program = command.get_program().into();
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process =
            spawned.map_err(|source| SweepError::Io { action: "start", path: program, source })?;
        let (input, output) = (process.stdin.take(), process.stdout.take());
        let spoke = Arc::new(AtomicBool::new(false));
        let heard = Arc::clone(&spoke);
        let reader = scope.spawn(move || {
            for line in
                output.into_iter().flat_map(|output| BufReader::new(output).lines()).map_while(Result::ok)
            {
                heard.store(true, Ordering::Relaxed);
                say(&line);
            }
        });
        Ok(Self { process, input, spoke, reader })
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>, SweepError> {
        let failed =
            |source| SweepError::Io { action: "wait for", path: "a process of the run".into(), source };
        self.process.try_wait().map_err(failed)
    }

    /// Hears the rest of what it said; whether it said anything.
    fn finish(self) -> bool {
        let _ = self.reader.join();
        self.spoke.load(Ordering::Relaxed)
    }
}

/// Sets `stop` when the standard input ends: when the process that started this one lets go of it, or is killed.
pub fn stop_with_parent(stop: Arc<AtomicBool>) -> JoinHandle<()> {
    thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        stop.store(true, Ordering::Relaxed);
    })
}
