//! Copies of some channels: what takes a tensor apart, and puts one together.

use rayon::prelude::*;

use crate::{Real, check};

/// `count` neighbouring channels, from `first` on, of a tensor `[batch, channels, pixels]`; their own tensor is
/// `[batch, count, pixels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channels {
    /// Images.
    pub batch: usize,
    /// Channels of the whole.
    pub channels: usize,
    /// The part's first channel in the whole.
    pub first: usize,
    /// Channels of the part.
    pub count: usize,
    /// Pixels of a channel: height times width.
    pub pixels: usize,
}

impl Channels {
    #[track_caller]
    fn check<T>(&self, whole: &[T], part: &[T]) {
        assert!(self.first + self.count <= self.channels, "the channels are not all there: {self:?}");
        check::length("whole", whole, self.batch * self.channels * self.pixels);
        check::length("part", part, self.batch * self.count * self.pixels);
    }

    /// Whether there is nothing to copy.
    fn is_empty(&self) -> bool {
        self.batch * self.count * self.pixels == 0
    }

    fn range(&self) -> std::ops::Range<usize> {
        self.first * self.pixels..(self.first + self.count) * self.pixels
    }
}

/// Overwrites `part` with its channels of `whole`.
pub fn take<T: Real>(op: &Channels, whole: &[T], part: &mut [T]) {
    op.check(whole, part);
    if op.is_empty() {
        return;
    }
    let images = part.par_chunks_exact_mut(op.count * op.pixels);
    images
        .zip(whole.par_chunks_exact(op.channels * op.pixels))
        .for_each(|(part, whole)| part.copy_from_slice(&whole[op.range()]));
}

/// The part as its own tensor.
pub(crate) fn taken<T: Real>(op: &Channels, whole: &[T]) -> Vec<T> {
    let mut part = vec![T::zero(); op.batch * op.count * op.pixels];
    take(op, whole, &mut part);
    part
}

/// Adds `part` to its channels of `whole`: the gradient of [`take`].
pub fn add<T: Real>(op: &Channels, part: &[T], whole: &mut [T]) {
    op.check(whole, part);
    if op.is_empty() {
        return;
    }
    let images = part.par_chunks_exact(op.count * op.pixels);
    images.zip(whole.par_chunks_exact_mut(op.channels * op.pixels)).for_each(|(part, whole)| {
        whole[op.range()].iter_mut().zip(part).for_each(|(whole, &part)| *whole += part);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const OP: Channels = Channels { batch: 2, channels: 4, first: 1, count: 2, pixels: 3 };

    #[test]
    fn takes_and_adds_the_same_channels() {
        let mut whole: Vec<f32> = (0..24_u8).map(f32::from).collect();
        let mut part = [f32::NAN; 12];
        take(&OP, &whole, &mut part);
        assert_eq!(part, [3., 4., 5., 6., 7., 8., 15., 16., 17., 18., 19., 20.]);
        add(&OP, &part, &mut whole);
        let expected = |i: usize| if matches!(i / 3 % 4, 1 | 2) { 2.0 * i as f32 } else { i as f32 };
        assert_eq!(whole, (0..24).map(expected).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_to_do() {
        for op in [Channels { batch: 0, ..OP }, Channels { pixels: 0, ..OP }] {
            take::<f32>(&op, &[], &mut []);
            add::<f32>(&op, &[], &mut []);
        }
        take(&Channels { count: 0, ..OP }, &[0.0_f32; 24], &mut []);
    }

    #[test]
    #[should_panic(expected = "the channels are not all there")]
    fn channels_beyond_the_last_are_refused() {
        take(&Channels { first: 3, ..OP }, &[0.0_f32; 24], &mut [0.0; 12]);
    }
}
