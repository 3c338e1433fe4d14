//! Products of narrow numbers by AVX-512.
//!
//! What `pulp` has no methods for are two instructions and one conversion, each in a function of one line.
#![allow(unsafe_code)]

use std::arch::x86_64::{_mm512_cvtneps_pbh, _mm512_dpbf16_ps, _mm512_dpbusd_epi32};

use pulp::x86::V4;
use pulp::{NullaryFnOnce, cast, f32x16, i32x16, u32x16};

use super::{Code, Narrow, words};
use crate::frozen::isa::outlined;

/// AVX-512 and one feature more. The token is a proof that the machine has all of them.
macro_rules! token {
    ($(#[$doc:meta])* $name:ident, $features:ident, $feature:tt) => {
        pulp::simd_type! {
            struct $features {
                sse: "sse",
                sse2: "sse2",
                fxsr: "fxsr",
                sse3: "sse3",
                ssse3: "ssse3",
                sse4_1: "sse4.1",
                sse4_2: "sse4.2",
                popcnt: "popcnt",
                avx: "avx",
                avx2: "avx2",
                bmi1: "bmi1",
                bmi2: "bmi2",
                fma: "fma",
                lzcnt: "lzcnt",
                avx512f: "avx512f",
                avx512bw: "avx512bw",
                avx512cd: "avx512cd",
                avx512dq: "avx512dq",
                avx512vl: "avx512vl",
                extra: $feature,
            }
        }

        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(super) struct $name {
            simd: V4,
            features: $features,
        }

        impl $name {
            /// Where the machine has it.
            #[inline]
            pub fn try_new() -> Option<Self> {
                Some(Self { simd: V4::try_new()?, features: $features::try_new()? })
            }
        }
    };
}

token!(
    /// AVX512_BF16: two products of bf16 a lane.
    Bf16,
    Bf16Features,
    "avx512bf16"
);
token!(
    /// AVX512_VNNI: four products of u8 and i8 a lane.
    Int8,
    Int8Features,
    "avx512vnni"
);

/// What both have in common.
macro_rules! common {
    () => {
        type Simd = V4;
        type Words = u32x16;

        #[inline(always)]
        fn simd(self) -> V4 {
            self.simd
        }

        #[inline(always)]
        fn splat(self, word: u32) -> u32x16 {
            self.simd.splat_u32x16(word)
        }

        #[inline(always)]
        fn outlined<F: NullaryFnOnce<Output = ()>>(self, run: F) {
            outlined(run, |run| self.features.vectorize(run));
        }
    };
}

impl Narrow for Bf16 {
    type Sums = f32x16;

    const KEEPS_NON_FINITE: bool = true;

    common!();
    words!(16 lanes, 8 words);

    #[inline(always)]
    fn zero(self) -> f32x16 {
        self.simd.splat_f32x16(0.0)
    }

    #[inline(always)]
    fn multiply_add(self, x: u32x16, weights: u32x16, sums: f32x16) -> f32x16 {
        // SAFETY: the machine has AVX512_BF16, as the token proves.
        cast(unsafe { _mm512_dpbf16_ps(cast(sums), cast(x), cast(weights)) })
    }

    #[inline(always)]
    fn floats(self, sums: f32x16, _: f32x16) -> f32x16 {
        sums
    }

    #[inline(always)]
    fn encode(self, values: f32x16, _: Code) -> [u32; 8] {
        // SAFETY: the machine has AVX512_BF16, as the token proves.
        cast(unsafe { _mm512_cvtneps_pbh(cast(values)) })
    }

    #[inline(always)]
    fn permuted(self, pixel: &[u32; 8], order: u32x16) -> u32x16 {
        let avx512f = self.simd.avx512f;
        let words = avx512f._mm512_castsi256_si512(cast(*pixel));
        cast(avx512f._mm512_permutexvar_epi32(cast(order), words))
    }

    #[inline(always)]
    fn permuted_of_two(self, a: &[u32; 8], b: &[u32; 8], order: u32x16) -> u32x16 {
        let avx512f = self.simd.avx512f;
        let words = avx512f._mm512_castsi256_si512(cast(*a));
        let words = avx512f._mm512_inserti64x4::<1>(words, cast(*b));
        cast(avx512f._mm512_permutexvar_epi32(cast(order), words))
    }
}

impl Narrow for Int8 {
    type Sums = i32x16;

    const KEEPS_NON_FINITE: bool = false;

    common!();
    words!(16 lanes, 4 words);

    #[inline(always)]
    fn zero(self) -> i32x16 {
        self.simd.splat_i32x16(0)
    }

    #[inline(always)]
    fn multiply_add(self, x: u32x16, weights: u32x16, sums: i32x16) -> i32x16 {
        // SAFETY: the machine has AVX512_VNNI, as the token proves.
        cast(unsafe { _mm512_dpbusd_epi32(cast(sums), cast(x), cast(weights)) })
    }

    #[inline(always)]
    fn floats(self, sums: i32x16, scale: f32x16) -> f32x16 {
        self.simd.mul_f32x16(cast(self.simd.avx512f._mm512_cvtepi32_ps(cast(sums))), scale)
    }

    #[inline(always)]
    fn encode(self, values: f32x16, code: Code) -> [u32; 4] {
        let (simd, avx512f) = (self.simd, self.simd.avx512f);
        let scaled = simd.mul_f32x16(values, simd.splat_f32x16(code.inverse));
        let shifted = simd.add_f32x16(scaled, simd.splat_f32x16(code.zero));
        // NaN becomes 0, as there is no code for it; what is too large for i32 becomes its least value, which as u32 is too large, too.
        let positive = simd.max_f32x16(shifted, simd.splat_f32x16(0.0));
        cast(avx512f._mm512_cvtusepi32_epi8(avx512f._mm512_cvtps_epi32(cast(positive))))
    }

    #[inline(always)]
    fn permuted(self, pixel: &[u32; 4], order: u32x16) -> u32x16 {
        let avx512f = self.simd.avx512f;
        let words = avx512f._mm512_castsi128_si512(cast(*pixel));
        cast(avx512f._mm512_permutexvar_epi32(cast(order), words))
    }

    #[inline(always)]
    fn permuted_of_two(self, a: &[u32; 4], b: &[u32; 4], order: u32x16) -> u32x16 {
        let avx512f = self.simd.avx512f;
        let words = avx512f._mm512_castsi128_si512(cast(*a));
        let words = avx512f._mm512_inserti32x4::<1>(words, cast(*b));
        cast(avx512f._mm512_permutexvar_epi32(cast(order), words))
    }
}
