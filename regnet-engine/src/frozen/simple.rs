//! Steps that are bound by memory, not by arithmetic.

use super::isa::{Kernel, Vectors};
use super::map::Map;
use super::store::Activation;
use super::work::Run;

/// Max pooling; what lies outside of the map does not count.
#[derive(Debug)]
pub(super) struct MaxPool {
    pub input: Map,
    pub out: Map,
    pub kernel: usize,
    pub stride: usize,
}

/// Means over all pixels.
#[derive(Debug)]
pub(super) struct Average {
    pub input: Map,
    pub out: Map,
}

/// A map times a gate for each of its channels, in place, then a shortcut and an activation.
#[derive(Debug)]
pub(super) struct Scale {
    pub map: Map,
    pub gate: Map,
    pub shortcut: Option<Map>,
    pub activation: Activation,
}

/// The sum of two maps in place of the first, and an activation.
#[derive(Debug)]
pub(super) struct Add {
    pub map: Map,
    pub other: Map,
    pub activation: Activation,
}

/// A copy of every `stride`th pixel of every `stride`th row.
#[derive(Debug)]
pub(super) struct Compact {
    pub input: Map,
    pub out: Map,
    pub stride: usize,
}

impl Kernel for Run<'_, MaxPool> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Self { step: MaxPool { input, out, kernel, stride }, work, .. } = self;
        work.clear_border(out);
        let reach = kernel / 2;
        // A window's rows or columns, where they lie inside.
        let window =
            |at: usize, side: usize| (at * stride).saturating_sub(reach)..(at * stride + reach + 1).min(side);
        for [block, image, y] in work.rows(out) {
            let result = S::as_mut_simd_f32s(work.memory.write(out.row(block, image, y))).0;
            result.fill(simd.splat_f32s(f32::NEG_INFINITY));
            for from in window(y, input.height) {
                let values = S::as_simd_f32s(work.memory.read(input.row(block, image, from))).0;
                for (x, result) in result.iter_mut().enumerate() {
                    for &value in &values[window(x, input.width)] {
                        *result = simd.max_f32s(*result, value);
                    }
                }
            }
        }
    }
}

impl Kernel for Run<'_, Average> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Self { step: Average { input, out }, work, .. } = self;
        let share = simd.splat_f32s(1.0 / input.pixels() as f32);
        for plane in work.part(out.blocks() * work.images) {
            let (block, image) = (plane / work.images, plane % work.images);
            // Four sums, so that no addition waits for the one before.
            let mut sums = [simd.splat_f32s(0.0); 4];
            for y in 0..input.height {
                let values = S::as_simd_f32s(work.memory.read(input.row(block, image, y))).0;
                let (fours, rest) = values.as_chunks::<4>();
                for four in fours {
                    for (sum, &value) in sums.iter_mut().zip(four) {
                        *sum = simd.add_f32s(*sum, value);
                    }
                }
                for (sum, &value) in sums.iter_mut().zip(rest) {
                    *sum = simd.add_f32s(*sum, value);
                }
            }
            let [a, b, c, d] = sums;
            let sum = simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d));
            let result = work.memory.write(out.row(block, image, 0));
            S::as_mut_simd_f32s(result).0[0] = simd.mul_f32s(sum, share);
        }
    }
}

impl Kernel for Run<'_, Scale> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Self { step: Scale { map, gate, shortcut, activation }, work, .. } = self;
        for [block, image, y] in work.rows(map) {
            let gate = S::as_simd_f32s(work.memory.read(gate.row(block, image, 0))).0[0];
            let values = S::as_mut_simd_f32s(work.memory.write(map.row(block, image, y))).0;
            values.iter_mut().for_each(|value| *value = simd.mul_f32s(*value, gate));
            if let Some(shortcut) = shortcut {
                let others = S::as_simd_f32s(work.memory.read(shortcut.row(block, image, y))).0;
                values
                    .iter_mut()
                    .zip(others)
                    .for_each(|(value, &other)| *value = simd.add_f32s(*value, other));
            }
            activate(simd, values, *activation);
        }
    }
}

impl Kernel for Run<'_, Add> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Self { step: Add { map, other, activation }, work, .. } = self;
        for [block, image, y] in work.rows(map) {
            let values = S::as_mut_simd_f32s(work.memory.write(map.row(block, image, y))).0;
            let others = S::as_simd_f32s(work.memory.read(other.row(block, image, y))).0;
            values.iter_mut().zip(others).for_each(|(value, &other)| *value = simd.add_f32s(*value, other));
            activate(simd, values, *activation);
        }
    }
}

#[inline(always)]
fn activate<S: Vectors>(simd: S, values: &mut [S::f32s], activation: Activation) {
    if activation == Activation::Relu {
        values.iter_mut().for_each(|value| *value = simd.relu_f32s(*value));
    }
}

impl Kernel for Run<'_, Compact> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, _: S) {
        let Self { step: Compact { input, out, stride }, work, .. } = self;
        work.clear_border(out);
        for [block, image, y] in work.rows(out) {
            let from = S::as_simd_f32s(work.memory.read(input.row(block, image, y * stride))).0;
            let to = S::as_mut_simd_f32s(work.memory.write(out.row(block, image, y))).0;
            to.iter_mut().zip(from.iter().step_by(*stride)).for_each(|(to, &from)| *to = from);
        }
    }
}
