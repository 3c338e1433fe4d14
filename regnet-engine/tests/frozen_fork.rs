//! An engine in a process that was forked, which has none of the engine's threads. Alone in its process, since of several
//! threads only the one that forks is in the child.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, clippy::unwrap_used)]

use std::time::{Duration, Instant};

use regnet_engine::frozen::{Engine, Options};
use regnet_space::Preset;

#[test]
fn a_forked_process_computes_with_the_calling_thread() {
    let graph =
        Preset::find("RegNetX-200MF").unwrap().declaration().to_anynet().unwrap().graph(32, 32).unwrap();
    let tensor = |name: &str| {
        let tensor = graph.parameters().find(|tensor| tensor.name == name)?;
        Some(vec![0.01_f32; tensor.shape.iter().product()])
    };
    let engine = Engine::new(&graph, tensor, &Options { threads: 2, ..Options::default() }).unwrap();
    let images: Vec<f32> = (0..3 * 3 * 32 * 32).map(|i| (i % 11) as f32 / 5.0 - 1.0).collect();
    let run = || {
        let mut logits = vec![f32::NAN; 3 * 1000];
        engine.run(&images, &mut logits).unwrap();
        logits
    };
    let expected = run();
    // SAFETY: the child only computes, allocates, which glibc lets it, and ends without the destructors of the parent.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let same = engine.threads() == 1 && run() == expected;
        // Neither does it wait for the threads when it drops the engine.
        drop(engine);
        // SAFETY: it only ends the process.
        unsafe { libc::_exit(if same { 0 } else { 1 }) };
    }
    assert!(child > 0, "the process could not be forked");
    let start = Instant::now();
    let mut status = -1;
    loop {
        // SAFETY: `status` is there to be written.
        if unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) } == child {
            break;
        }
        if start.elapsed() > Duration::from_secs(60) {
            // SAFETY: the child has not been waited for, so that its number is its own.
            unsafe { libc::kill(child, libc::SIGKILL) };
            panic!("the child hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "the child's status is {status}");
    assert_eq!(run(), expected, "the parent goes on");
}
