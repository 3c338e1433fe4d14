//! From f32 to narrow numbers.

use crate::frozen::isa::Vectors;

use super::isa::{Narrow, NarrowKernel};
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

impl NarrowKernel for Run<'_, Convert> {
    #[inline(always)]
    fn run<N: Narrow>(self, narrow: N) {
        let Self { step: Convert { input, stride, gate, out, code }, work, .. } = self;
        work.clear_border(out);
        let simd = narrow.simd();
        for [block, image, y] in work.rows(out) {
            let from = N::Simd::as_simd_f32s(work.memory.read(input.row(block, image, y * stride))).0;
            let to = N::pixels_mut(work.memory.write(out.row(block, image, y)));
            let pairs = to.iter_mut().zip(from.iter().step_by(*stride));
            if let Some(gate) = gate {
                let gate = N::Simd::as_simd_f32s(work.memory.read(gate.row(block, image, 0))).0[0];
                pairs.for_each(|(to, &from)| *to = narrow.encode(simd.mul_f32s(from, gate), *code));
            } else {
                pairs.for_each(|(to, &from)| *to = narrow.encode(from, *code));
            }
        }
    }
}
