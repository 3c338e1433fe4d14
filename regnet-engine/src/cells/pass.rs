//! One pass over the pixels of a cell's tensors.

use std::array;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::Gate;
use super::chunk::Chunk;
use crate::Real;
use crate::planes::{LANES, TASK, sum_of};

/// What happens at every pixel, for a few of a channel at once.
pub(super) trait Formula<T, const BIASES: usize, const OUTS: usize, const INPUTS: usize>:
    Sync
{
    /// What the written tensors hold afterwards, from what they held before, the inputs and the channel's biases.
    /// To be `#[inline(always)]`: only inside its caller is it compiled for the machine's vectors.
    fn at(
        &self,
        bias: [Chunk<T>; BIASES],
        outs: [Chunk<T>; OUTS],
        inputs: [Chunk<T>; INPUTS],
    ) -> [Chunk<T>; OUTS];
}

/// A gate's worth of channels of each image of a tensor: number `index` of `of`.
#[derive(Clone, Copy)]
pub(super) struct Slab<'a, T> {
    pub tensor: &'a [T],
    pub index: usize,
    pub of: usize,
}

impl<'a, T> Slab<'a, T> {
    /// A tensor of one gate.
    pub(super) fn whole(tensor: &'a [T]) -> Self {
        Slab { tensor, index: 0, of: 1 }
    }
}

/// A share of a written slab; `None` for a tensor that is not wanted.
pub(super) type Out<'a, T> = Option<&'a mut [T]>;

impl Gate {
    /// Channels of a task; a task lies within one image.
    fn channels_per_task(&self) -> usize {
        (TASK / self.pixels.max(1)).clamp(1, self.channels.max(1))
    }

    /// The slabs of a tensor, cut into the shares of the tasks.
    pub(super) fn cut<'a, T, const SLABS: usize>(&self, tensor: &'a mut [T]) -> Vec<[&'a mut [T]; SLABS]> {
        let slab = self.channels * self.pixels;
        let mut shares = Vec::new();
        for image in tensor.chunks_exact_mut((SLABS * slab).max(1)) {
            let mut slabs = image.chunks_exact_mut(slab);
            let mut slabs: [_; SLABS] = array::from_fn(|_| {
                let slab = slabs.next().expect("an image has all slabs");
                slab.chunks_mut(self.channels_per_task() * self.pixels)
            });
            for _ in 0..self.channels.div_ceil(self.channels_per_task()) {
                shares.push(slabs.each_mut().map(|slab| slab.next().expect("all slabs have as many shares")));
            }
        }
        shares
    }

    /// The same for a tensor that may not be wanted.
    pub(super) fn cut_optional<'a, T, const SLABS: usize>(
        &self,
        tensor: Option<&'a mut [T]>,
    ) -> Vec<Option<[&'a mut [T]; SLABS]>> {
        match tensor {
            Some(tensor) => self.cut(tensor).into_iter().map(Some).collect(),
            None => {
                let tasks = self.batch * self.channels.div_ceil(self.channels_per_task());
                (0..tasks).map(|_| None).collect()
            }
        }
    }
}

/// A formula with its inputs.
pub(super) struct Pass<'a, T, F, const BIASES: usize, const INPUTS: usize> {
    pub op: &'a Gate,
    pub formula: F,
    /// Each `[channels]`.
    pub biases: [&'a [T]; BIASES],
    /// A tensor that is `None` is zero.
    pub inputs: [Option<Slab<'a, T>>; INPUTS],
}

impl<T: Real, F, const BIASES: usize, const INPUTS: usize> Pass<'_, T, F, BIASES, INPUTS> {
    /// Writes the shares, and returns each channel's sums of what the first `SUMS` of them then hold.
    pub(super) fn run<const SUMS: usize, const OUTS: usize>(
        &self,
        shares: Vec<[Out<'_, T>; OUTS]>,
    ) -> Vec<[f64; SUMS]>
    where
        F: Formula<T, BIASES, OUTS, INPUTS>,
    {
        let mut totals = vec![[0.0; SUMS]; self.op.channels];
        if self.op.is_empty() {
            return totals;
        }
        let width = self.op.channels_per_task();
        let columns = self.op.channels.div_ceil(width);
        let zeros = vec![T::zero(); self.op.pixels];
        let partials: Vec<Vec<[f64; SUMS]>> = shares
            .into_par_iter()
            .enumerate()
            .map(|(task, outs)| {
                let (image, first) = (task / columns, task % columns * width);
                let mut sums = vec![[0.0; SUMS]; width.min(self.op.channels - first)];
                Arch::new().dispatch(Task { pass: self, image, first, outs, zeros: &zeros, sums: &mut sums });
                sums
            })
            .collect();
        for (task, partial) in partials.iter().enumerate() {
            for (total, partial) in totals[task % columns * width..].iter_mut().zip(partial) {
                (0..SUMS).for_each(|n| total[n] += partial[n]);
            }
        }
        totals
    }
}

/// Some channels of an image.
struct Task<'a, 'b, T, F, const BIASES: usize, const OUTS: usize, const INPUTS: usize, const SUMS: usize> {
    pass: &'a Pass<'a, T, F, BIASES, INPUTS>,
    image: usize,
    /// The first channel.
    first: usize,
    outs: [Out<'b, T>; OUTS],
    /// A plane.
    zeros: &'a [T],
    /// One for each channel.
    sums: &'a mut [[f64; SUMS]],
}

impl<T, F, const BIASES: usize, const OUTS: usize, const INPUTS: usize, const SUMS: usize> WithSimd
    for Task<'_, '_, T, F, BIASES, OUTS, INPUTS, SUMS>
where
    T: Real,
    F: Formula<T, BIASES, OUTS, INPUTS>,
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let Gate { channels, pixels, .. } = *self.pass.op;
        let formula = &self.pass.formula;
        let mut unwanted = vec![T::zero(); pixels * self.outs.iter().filter(|out| out.is_none()).count()];
        for (index, sums) in self.sums.iter_mut().enumerate() {
            let channel = self.first + index;
            let bias = self.pass.biases.map(|bias| Chunk::splat(bias[channel]));
            let inputs = self.pass.inputs.map(|slab| match slab {
                Some(Slab { tensor, index, of }) => {
                    &tensor[((self.image * of + index) * channels + channel) * pixels..][..pixels]
                }
                None => self.zeros,
            });
            let mut unwanted = unwanted.chunks_exact_mut(pixels);
            let mut outs = self.outs.each_mut().map(|out| match out {
                Some(out) => &mut out[index * pixels..][..pixels],
                None => unwanted.next().expect("a plane for each"),
            });
            update(formula, bias, &mut outs, inputs);
            let summed: [&[T]; SUMS] = array::from_fn(|n| &*outs[n]);
            if SUMS > 0 {
                sum_of(simd, sums, summed, |values| values);
            }
        }
    }
}

/// Replaces the elements of `outs` by what the formula makes of them and of the inputs.
#[inline(always)]
fn update<T, F, const BIASES: usize, const OUTS: usize, const INPUTS: usize>(
    formula: &F,
    bias: [Chunk<T>; BIASES],
    outs: &mut [&mut [T]; OUTS],
    inputs: [&[T]; INPUTS],
) where
    T: Real,
    F: Formula<T, BIASES, OUTS, INPUTS>,
{
    let mut outs = outs.each_mut().map(|out| out.as_chunks_mut::<LANES>());
    let inputs = inputs.map(|input| input.as_chunks::<LANES>());
    for index in 0..outs.first().map_or(0, |(chunks, _)| chunks.len()) {
        // Loops, because `map` on longer arrays is not inlined, and then not compiled for the machine's vectors.
        let (mut out, mut input) = ([Chunk::splat(T::zero()); OUTS], [Chunk::splat(T::zero()); INPUTS]);
        (0..OUTS).for_each(|n| out[n] = Chunk(outs[n].0[index]));
        (0..INPUTS).for_each(|n| input[n] = Chunk(inputs[n].0[index]));
        let new = formula.at(bias, out, input);
        (0..OUTS).for_each(|n| outs[n].0[index] = new[n].0);
    }
    if outs.first().is_none_or(|(_, rest)| rest.is_empty()) {
        return;
    }
    let out = outs.each_ref().map(|(_, rest)| Chunk::partial(rest));
    let new = formula.at(bias, out, inputs.map(|(_, rest)| Chunk::partial(rest)));
    for ((_, rest), new) in outs.iter_mut().zip(new) {
        rest.copy_from_slice(&new.0[..rest.len()]);
    }
}
