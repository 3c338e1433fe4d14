//! Each operation as launches of kernels, on views of a device's memory; the counterpart of `regnet-engine`'s modules of the
//! same names, which say what each computes.
//!
//! Every public function checks the lengths of its views against its sizes before it launches anything. That, with each
//! kernel's promise to stay within those sizes, is what makes the launches of this module sound.
#![allow(unsafe_code)]

pub mod batch_norm;
pub mod cells;
pub mod channels;
pub mod conv2d;
pub mod cross_entropy;
mod depthwise;
pub mod fuse;
pub mod global_avg_pool;
pub mod linear;
pub mod max_pool;
pub mod product;
pub mod regulator;
pub mod relu;
pub mod sgd;
pub mod squeeze_excite;

use super::queue::{Argument, Element, Grid, Kernel, Queue};
use super::view::{View, ViewMut};

/// Threads of a block where a kernel does not care.
const THREADS: usize = 256;

/// Blocks of a multiprocessor that keep it busy.
const BLOCKS_EACH: usize = 8;

const PRELUDE: &str = include_str!("../kernels/prelude.cu");

/// A kernel of one of this module's files, whose text is behind [`PRELUDE`]'s.
struct Launch<'a, Q> {
    queue: &'a Q,
    sources: &'static [&'static str],
    constants: &'a [(&'static str, usize)],
}

impl<Q: Queue> Launch<'_, Q> {
    /// Launches `name` for the element type `E`.
    fn run<E: Element>(
        &self,
        name: &'static str,
        grid: Grid,
        arguments: &[Argument],
    ) -> Result<(), Q::Error> {
        let &Self { queue, sources, constants } = self;
        // An empty grid is an error of CUDA's, and has nothing to do.
        if grid.blocks.contains(&0) {
            return Ok(());
        }
        let kernel = Kernel { sources, name, element: E::NAME, constants: constants.to_vec() };
        // SAFETY: only this module can call this, and each of its functions gives the arguments that its kernel's file
        // declares, after it has checked that the views hold the elements that the kernel's constants speak of.
        unsafe { queue.launch(&kernel, grid, arguments) }
    }

    /// A grid whose threads share out `count` elements, several each where there are many.
    fn each(&self, count: usize) -> Grid {
        let most = self.queue.multiprocessors() * BLOCKS_EACH;
        Grid { blocks: [count.div_ceil(THREADS).min(most), 1, 1], threads: THREADS }
    }
}

#[track_caller]
fn length<E>(name: &str, view: View<'_, E>, expected: usize) {
    assert_eq!(view.len(), expected, "elements of {name}");
}

/// As [`length`] for a view that is written to.
#[track_caller]
fn length_mut<E>(name: &str, view: &ViewMut<'_, E>, expected: usize) {
    length(name, view.view(), expected);
}
