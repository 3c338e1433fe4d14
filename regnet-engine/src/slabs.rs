//! Some channels of each image, all of them alike for every image.

use std::ops::Range;

use rayon::prelude::*;

use crate::Real;

/// Tensors whose images are made of slabs of `len` elements, such as the maps of one gate.
#[derive(Clone, Copy)]
pub(crate) struct Slabs {
    pub batch: usize,
    pub len: usize,
}

impl Slabs {
    /// The slabs `which` of each image of `tensor`, which has `of` in each.
    pub fn take<T: Real>(self, tensor: &[T], which: Range<usize>, of: usize) -> Vec<T> {
        let mut out = vec![T::zero(); self.batch * which.len() * self.len];
        self.each(tensor, which.start, of, &mut out, 0..which.len(), which.len(), <[T]>::copy_from_slice);
        out
    }

    /// Overwrites the slabs `to` of each image of `target`, which has `to_of` in each, with the first ones of
    /// `source`, which has `of`.
    pub fn put<T: Real>(self, source: &[T], of: usize, target: &mut [T], to: Range<usize>, to_of: usize) {
        self.each(source, 0, of, target, to, to_of, <[T]>::copy_from_slice);
    }

    /// Adds the slabs from number `first` on of each image of `source`, which has `of` in each, to the slabs `to` of
    /// `target`, which has `to_of`.
    pub fn add<T: Real>(
        self,
        source: &[T],
        first: usize,
        of: usize,
        target: &mut [T],
        to: Range<usize>,
        to_of: usize,
    ) {
        self.each(source, first, of, target, to, to_of, add);
    }

    /// `times` copies of each image, one after the other.
    pub fn repeated<T: Real>(self, images: &[T], times: usize) -> Vec<T> {
        let mut out = vec![T::zero(); images.len() * times];
        for copy in 0..times {
            self.put(images, 1, &mut out, copy..copy + 1, times);
        }
        out
    }

    /// Adds all of each image's `times` slabs in `repeats` to its one in `images`.
    pub fn add_repeats<T: Real>(self, repeats: &[T], times: usize, images: &mut [T]) {
        for copy in 0..times {
            self.add(repeats, copy, times, images, 0..1, 1);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "two tensors, and where in each")]
    fn each<T: Real>(
        self,
        source: &[T],
        first: usize,
        of: usize,
        target: &mut [T],
        to: Range<usize>,
        to_of: usize,
        run: impl Fn(&mut [T], &[T]) + Sync,
    ) {
        if self.batch * self.len == 0 || to.is_empty() {
            return;
        }
        let from = first * self.len..(first + to.len()) * self.len;
        let to = to.start * self.len..to.end * self.len;
        let images = source.par_chunks_exact(of * self.len);
        target
            .par_chunks_exact_mut(to_of * self.len)
            .zip(images)
            .for_each(|(target, source)| run(&mut target[to.clone()], &source[from.clone()]));
    }
}

fn add<T: Real>(to: &mut [T], from: &[T]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to += from);
}
