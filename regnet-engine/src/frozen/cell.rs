//! The pointwise part of a regulator's step, with the norm that follows it.

use super::isa::{Kernel, Vectors};
use super::map::Map;
use super::work::Run;
use crate::sigmoidal::Sigmoidal;

/// What is computed, pixel by pixel.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    /// max(scale a + shift, 0).
    Affine,
    /// a b.
    Product,
    /// a b, the state being zero: max(scale a b + shift, 0).
    Begin,
    /// h + a (b - h): max(scale (..) + shift, 0).
    Blend,
    /// a b + c d.
    Remember,
    /// a tanh(b): max(scale (..) + shift, 0).
    Expose,
}

/// A rule on maps without a border, into one that may have one.
#[derive(Debug)]
pub(super) struct Cell {
    pub rule: Rule,
    /// Up to four: a, b, and the state.
    pub inputs: Vec<Map>,
    pub out: Map,
    /// Where scale and shift lie, a value for each lane of each block.
    pub affine: Option<[usize; 2]>,
}

/// The most maps that a rule reads.
const MOST_INPUTS: usize = 4;

impl Kernel for Run<'_, Cell> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Self { step: Cell { rule, inputs, out, affine }, work, .. } = self;
        work.clear_border(out);
        let lanes = S::F32_LANES;
        let zero = simd.splat_f32s(0.0);
        for [block, image, y] in work.rows(out) {
            let [scale, shift] = affine.map_or([zero; 2], |places| {
                places.map(|place| S::as_simd_f32s(&work.weights[place + block * lanes..][..lanes]).0[0])
            });
            let normed = |value| simd.relu_f32s(simd.mul_add_e_f32s(value, scale, shift));
            for x in 0..out.width {
                // A pixel at a time, so that the result may lie where an input does.
                let mut values = [zero; MOST_INPUTS];
                for (value, map) in values.iter_mut().zip(inputs) {
                    let start = map.row(block, image, y).start + x * lanes;
                    *value = S::as_simd_f32s(work.memory.read(start..start + lanes)).0[0];
                }
                let [a, b, c, d] = values;
                let result = match rule {
                    Rule::Affine => normed(a),
                    Rule::Product => simd.mul_f32s(a, b),
                    Rule::Begin => normed(simd.mul_f32s(a, b)),
                    Rule::Blend => normed(simd.mul_add_e_f32s(a, simd.sub_f32s(b, c), c)),
                    Rule::Remember => simd.mul_add_e_f32s(a, b, simd.mul_f32s(c, d)),
                    Rule::Expose => {
                        let mut tanh = b;
                        let lanes: &mut [f32] =
                            pulp::bytemuck::cast_slice_mut(std::slice::from_mut(&mut tanh));
                        lanes.iter_mut().for_each(|value| *value = value.hyperbolic_tangent());
                        normed(simd.mul_f32s(a, tanh))
                    }
                };
                let start = out.row(block, image, y).start + x * lanes;
                S::as_mut_simd_f32s(work.memory.write(start..start + lanes)).0[0] = result;
            }
        }
    }
}
