//! From f32 to narrow numbers.

use crate::frozen::isa::Vectors;

use super::isa::{Floats, Narrow, NarrowKernel};
use super::numbers::Code;
use crate::frozen::map::Map;
use crate::frozen::work::Run;

/// A narrow copy of every `stride`th pixel of every `stride`th row, each channel times its gate if there are gates.
#[derive(Debug)]
pub(in crate::frozen) struct Convert {
    pub input: Map,
    pub stride: usize,
    pub gate: Option<Map>,
    pub out: Map,
    pub code: Code,
}

/// Encodes pixels, and says whether no NaN and no infinity was lost.
#[inline(always)]
fn encode<N: Narrow>(
    narrow: N,
    values: impl Iterator<Item = Floats<N>> + Clone,
    to: &mut [N::Pixel],
    code: Code,
) -> bool {
    to.iter_mut().zip(values.clone()).for_each(|(to, value)| *to = narrow.encode(value, code));
    N::KEEPS_NON_FINITE || narrow.simd().all_finite_f32s(values)
}

impl NarrowKernel for Run<'_, Convert> {
    #[inline(always)]
    fn run<N: Narrow>(self, narrow: N) {
        let Self { step: Convert { input, stride, gate, out, code }, work, .. } = self;
        work.clear_border(out);
        let simd = narrow.simd();
        for [block, image, y] in work.rows(out) {
            let from = N::Simd::as_simd_f32s(work.memory.read(input.row(block, image, y * stride))).0;
            let to = N::pixels_mut(work.memory.write(out.row(block, image, y)));
            let from = from.iter().step_by(*stride).copied();
            let all_finite = if let Some(gate) = gate {
                let gate = N::Simd::as_simd_f32s(work.memory.read(gate.row(block, image, 0))).0[0];
                encode(narrow, from.map(|value| simd.mul_f32s(value, gate)), to, *code)
            } else {
                encode(narrow, from, to, *code)
            };
            if !all_finite {
                work.lose(image);
            }
        }
    }
}
