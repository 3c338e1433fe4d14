//! What an engine takes of the memory. Alone in its process, since it counts what all threads do.
#![allow(clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use regnet_engine::frozen::{Engine, Options};
use regnet_space::Preset;

/// Counts the bytes that are in use, and the most that ever were.
struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn taken(bytes: usize) {
    let used = USED.fetch_add(bytes, Ordering::Relaxed) + bytes;
    MOST.fetch_max(used, Ordering::Relaxed);
}

#[allow(unsafe_code)]
// SAFETY: all it does itself is count.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller keeps the allocator's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller keeps the allocator's contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both may be there for a moment.
        taken(size);
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the allocator's contract.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the allocator's contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// From the first tensor to the logits, an engine takes at most 1.3 times what its weights and activations need, the tensors
/// that it is given included.
#[test]
fn weights_and_activations_and_little_else() {
    for name in ["RegNetX-200MF", "RegNetX-600MF", "RegNetY-200MF", "RegNetY-400MF"] {
        let graph = Preset::find(name).unwrap().declaration().to_anynet().unwrap().graph(224, 224).unwrap();
        let tensor = |name: &str| {
            let tensor = graph.parameters().find(|tensor| tensor.name == name)?;
            Some(vec![0.01_f32; tensor.shape.iter().product()])
        };
        for (threads, batch) in [(1, 1), (2, 1), (1, 8), (2, 16)] {
            let images = vec![0.5; batch * 3 * 224 * 224];
            let mut logits = vec![0.0; batch * 1000];
            let before = USED.load(Ordering::Relaxed);
            MOST.store(before, Ordering::Relaxed);
            let engine = Engine::new(&graph, tensor, &Options { threads, ..Options::default() }).unwrap();
            engine.run(&images, &mut logits).unwrap();
            let most = MOST.load(Ordering::Relaxed) - before;
            let needed = engine.weight_bytes() + engine.arena_bytes(batch);
            let share = most as f64 / needed as f64;
            println!("{name}, {threads} threads, batch {batch}: {most} bytes, {share:.3} of {needed}");
            assert!(share <= 1.3, "{name}, {threads} threads, batch {batch}: {most} bytes for {needed}");
        }
    }
}
