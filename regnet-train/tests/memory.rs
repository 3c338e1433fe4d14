//! `regnet-space`'s figures for memory against the bytes that a network allocates.
//!
//! One test, since everything in this process is counted.
#![allow(clippy::unwrap_used, unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use dfdx::prelude::*;
use regnet_core::{DynRegNet, Run};
use regnet_space::{AnyNet, Declaration, Mode, Preset, Stem, StemKind};
use regnet_train::data::Batch;
use regnet_train::{Learner, Recipe};

/// The system's allocator, and how many bytes it has given out.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: both methods pass their arguments on to the system's allocator unchanged and return what it returns; the
// provided `realloc` and `alloc_zeroed` are built of the two.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::SeqCst) + layout.size();
        PEAK.fetch_max(live, Ordering::SeqCst);
        // SAFETY: the caller's promises about `layout` are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::SeqCst);
        // SAFETY: `pointer` came from `alloc` above with this `layout`, and so from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The most bytes at once, in all that `run` does and holds, over those that were live before.
fn peak(run: impl FnOnce()) -> usize {
    let before = LIVE.load(Ordering::SeqCst);
    PEAK.store(before, Ordering::SeqCst);
    run();
    PEAK.load(Ordering::SeqCst) - before
}

fn inference(net: &AnyNet, size: usize, batch: usize) -> usize {
    peak(|| {
        let device = Cpu::default();
        let net = DynRegNet::<f32, Cpu>::try_new(&device, net).unwrap();
        let images: Tensor<(usize, usize, usize, usize), f32, Cpu> =
            device.zeros_like(&(batch, 3, size, size));
        net.try_run(images).unwrap();
    })
}

fn training(net: &AnyNet, size: usize, batch: usize) -> usize {
    let batch = Batch { images: vec![0.5; batch * 3 * size * size], labels: vec![0; batch] };
    peak(|| {
        let device = Cpu::default();
        let mut net = DynRegNet::<f32, Cpu>::try_new(&device, net).unwrap();
        let mut learner = Learner::new(&device, &mut net, &Recipe::default());
        for _ in 0..2 {
            learner.step(&batch, 0.1).unwrap();
        }
    })
}

/// Kernels take scratch space, and batch norms keep statistics, on top of what is counted.
fn assert_close(what: &str, counted: u64, allocated: usize) {
    let ratio = allocated as f64 / counted as f64;
    println!("{what}: {counted} counted, {allocated} allocated, ratio {ratio:.4}");
    assert!((0.97..1.05).contains(&ratio), "{what}: {counted} bytes counted, {allocated} allocated");
}

#[test]
fn the_bytes_counted_are_those_allocated() {
    for (name, stem, size, batch) in [
        ("RegNetX-200MF", StemKind::Cifar, 32, 8),
        ("RegNetX-200MF", StemKind::ResNet, 64, 4),
        ("RegNetY-400MF", StemKind::Simple, 64, 8),
    ] {
        let stem = Stem { kind: stem, width: 32 };
        let preset = Preset::find(name).unwrap().declaration();
        let net = Declaration { stem, classes: 10, ..preset }.to_anynet().unwrap();
        let counted = |mode| net.memory(size, size, batch, mode).unwrap().bytes();
        let what = |mode| format!("{mode} of {name} with stem {stem}");
        assert_close(&what("inference"), counted(Mode::Inference), inference(&net, size, batch));
        assert_close(&what("training"), counted(Mode::Training), training(&net, size, batch));
    }
}
