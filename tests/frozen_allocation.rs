//! A frozen network allocates nothing after its first call. Alone in its process, since it counts what all threads do.
#![allow(clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use dfdx::prelude::*;
use regnet::frozen::Options;
use regnet::space::{AnyNet, Cell};
use regnet::{Declared, DynRegNet, regnet};

/// Counts allocations.
struct Counting;

static COUNTED: AtomicUsize = AtomicUsize::new(0);

#[allow(unsafe_code)]
// SAFETY: all it does itself is count.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNTED.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the allocator's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the allocator's contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

type Net = regnet!(< d=7, w0=24, wa=24.5, wm=2.5, g=8, b=1, se=true >, classes = 10);

#[test]
fn nothing_is_allocated_after_the_first_call() {
    // The self-regulated form has every kind of step.
    let spec = AnyNet { regulator: Some(Cell::Lstm.into()), ..Net::spec() };
    let net = DynRegNet::<f32, Cpu>::try_new(&Cpu::default(), &spec).unwrap();
    for threads in [1, 2] {
        let engine = net.freeze(32, 32, &Options { threads, ..Options::default() }).unwrap();
        for batch in [1, 5, 1, 19] {
            let images = vec![0.5; batch * 3 * 32 * 32];
            let mut logits = vec![0.0; batch * 10];
            engine.run(&images, &mut logits).unwrap();
            let before = COUNTED.load(Ordering::Relaxed);
            engine.run(&images, &mut logits).unwrap();
            let after = COUNTED.load(Ordering::Relaxed);
            assert_eq!(after, before, "{threads} threads, batch {batch}");
        }
    }
}
