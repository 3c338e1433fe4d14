//! Some channels of each image.

use std::ops::Range;

use rayon::prelude::*;

use crate::Real;

/// Tensors whose images are made of slabs of `len` elements, such as the maps of one gate.
#[derive(Clone, Copy)]
pub(super) struct Slabs {
    pub batch: usize,
    pub len: usize,
}

impl Slabs {
    /// The slabs `which` of each image of `tensor`, which has `of` in each.
    pub fn take<T: Real>(self, tensor: &[T], which: Range<usize>, of: usize) -> Vec<T> {
        let mut out = vec![T::zero(); self.batch * which.len() * self.len];
        if !out.is_empty() {
            let images = tensor.par_chunks_exact(of * self.len);
            out.par_chunks_exact_mut(which.len() * self.len).zip(images).for_each(|(out, image)| {
                out.copy_from_slice(&image[which.start * self.len..which.end * self.len])
            });
        }
        out
    }

    /// Adds `source` to the slabs from number `first` on of each image of `tensor`, which has `of` in each.
    pub fn add<T: Real>(self, source: &[T], tensor: &mut [T], first: usize, of: usize) {
        if source.is_empty() {
            return;
        }
        let len = source.len() / self.batch;
        let start = first * self.len;
        tensor
            .par_chunks_exact_mut(of * self.len)
            .zip(source.par_chunks_exact(len))
            .for_each(|(image, source)| add(&mut image[start..start + len], source));
    }

    /// `times` copies of each image, one after the other.
    pub fn repeated<T: Real>(self, images: &[T], times: usize) -> Vec<T> {
        let mut out = vec![T::zero(); images.len() * times];
        if !out.is_empty() {
            out.par_chunks_exact_mut(times * self.len).zip(images.par_chunks_exact(self.len)).for_each(
                |(out, image)| out.chunks_exact_mut(self.len).for_each(|copy| copy.copy_from_slice(image)),
            );
        }
        out
    }

    /// Adds all of each image's `times` slabs in `repeats` to its one in `images`.
    pub fn add_repeats<T: Real>(self, repeats: &[T], times: usize, images: &mut [T]) {
        if images.is_empty() {
            return;
        }
        images.par_chunks_exact_mut(self.len).zip(repeats.par_chunks_exact(times * self.len)).for_each(
            |(image, repeats)| repeats.chunks_exact(self.len).for_each(|repeat| add(image, repeat)),
        );
    }
}

fn add<T: Real>(to: &mut [T], from: &[T]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to += from);
}
