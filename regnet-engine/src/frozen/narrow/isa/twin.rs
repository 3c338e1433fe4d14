//! What the instructions compute, in plain Rust, for tests on any machine.

use pulp::{NullaryFnOnce, Scalar256b, cast, f32x8};

use super::{Code, Narrow, words};
use crate::frozen::isa::outlined;
use crate::frozen::narrow::numbers::bf16;

/// The twin of AVX512_BF16.
#[derive(Clone, Copy)]
pub(super) struct Bf16;

/// The twin of AVX512_VNNI.
#[derive(Clone, Copy)]
pub(super) struct Int8;

/// What both have in common.
macro_rules! common {
    () => {
        type Simd = Scalar256b;
        type Words = [u32; 8];

        fn simd(self) -> Scalar256b {
            Scalar256b
        }

        fn splat(self, word: u32) -> [u32; 8] {
            [word; 8]
        }

        fn permuted(self, pixel: &Self::Pixel, order: [u32; 8]) -> [u32; 8] {
            order.map(|word| pixel[word as usize])
        }

        fn permuted_of_two(self, a: &Self::Pixel, b: &Self::Pixel, order: [u32; 8]) -> [u32; 8] {
            order.map(
                |word| if (word as usize) < a.len() { a[word as usize] } else { b[word as usize - a.len()] },
            )
        }

        fn outlined<F: NullaryFnOnce<Output = ()>>(self, run: F) {
            outlined(run, NullaryFnOnce::call);
        }
    };
}

/// The numbers of a word: the lower, then the upper.
fn halves(word: u32) -> [f32; 2] {
    [f32::from_bits(word << 16), f32::from_bits(word & 0xffff_0000)]
}

impl Narrow for Bf16 {
    type Sums = [f32; 8];

    const KEEPS_NON_FINITE: bool = true;

    common!();
    words!(8 lanes, 4 words);

    fn zero(self) -> [f32; 8] {
        [0.0; 8]
    }

    /// The upper product comes first, and every sum is rounded.
    fn multiply_add(self, x: [u32; 8], weights: [u32; 8], sums: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|lane| {
            let ([x0, x1], [w0, w1]) = (halves(x[lane]), halves(weights[lane]));
            sums[lane] + x1 * w1 + x0 * w0
        })
    }

    fn floats(self, sums: [f32; 8], _: f32x8) -> f32x8 {
        cast(sums)
    }

    fn encode(self, values: f32x8, _: Code) -> [u32; 4] {
        let values: [f32; 8] = cast(values);
        cast(values.map(bf16))
    }
}

impl Narrow for Int8 {
    type Sums = [i32; 8];

    const KEEPS_NON_FINITE: bool = false;

    common!();
    words!(8 lanes, 2 words);

    fn zero(self) -> [i32; 8] {
        [0; 8]
    }

    fn multiply_add(self, x: [u32; 8], weights: [u32; 8], sums: [i32; 8]) -> [i32; 8] {
        std::array::from_fn(|lane| {
            let (x, weights) = (x[lane].to_le_bytes(), weights[lane].to_le_bytes());
            let products = x.into_iter().zip(weights).map(|(x, w)| i32::from(x) * i32::from(w.cast_signed()));
            sums[lane] + products.sum::<i32>()
        })
    }

    fn floats(self, sums: [i32; 8], scale: f32x8) -> f32x8 {
        let scale: [f32; 8] = cast(scale);
        cast::<[f32; 8], f32x8>(std::array::from_fn(|lane| sums[lane] as f32 * scale[lane]))
    }

    fn encode(self, values: f32x8, code: Code) -> [u32; 2] {
        let values: [f32; 8] = cast(values);
        cast(values.map(|value| code.encode(value)))
    }
}
