//! What kernels of narrow numbers need of an instruction set.

#[cfg(test)]
mod twin;
#[cfg(target_arch = "x86_64")]
mod x86;

use pulp::NullaryFnOnce;

use super::numbers::{Code, Format};
use crate::frozen::isa::{Isa, Vectors};

/// Code that is compiled once for each way to multiply narrow numbers. Everything it calls must be inlined into it, or be
/// a kernel.
pub(in crate::frozen) trait NarrowKernel {
    fn run<N: Narrow>(self, narrow: N);
}

/// What kernels need: words of narrow numbers, their products, and the way from f32 and back.
pub(in crate::frozen) trait Narrow: Copy {
    /// The vectors of f32 beside them, which have as many lanes.
    type Simd: Vectors;
    /// A word for each lane.
    type Words: Copy;
    /// A sum for each lane.
    type Sums: Copy;
    /// The words of a block of channels at one pixel.
    type Pixel: Copy;

    /// How many those are.
    const WORDS: usize;

    /// Whether [`Narrow::encode`] keeps NaN and the infinities. Where it does not, whoever encodes an image's values notes
    /// that they are lost ([`Work::lose`](crate::frozen::work::Work::lose)).
    const KEEPS_NON_FINITE: bool;

    fn simd(self) -> Self::Simd;

    fn zero(self) -> Self::Sums;

    fn splat(self, word: u32) -> Self::Words;

    /// Adds, lane by lane, the products of the numbers of two words.
    fn multiply_add(self, x: Self::Words, weights: Self::Words, sums: Self::Sums) -> Self::Sums;

    /// Sums as f32; `scale` is what 1 is worth, and unused where sums are f32 already.
    fn floats(self, sums: Self::Sums, scale: Floats<Self>) -> Floats<Self>;

    /// The narrow numbers of a block's channels.
    fn encode(self, values: Floats<Self>, code: Code) -> Self::Pixel;

    /// A slice, vector by vector.
    fn words(slice: &[f32]) -> &[Self::Words];

    /// A slice, pixel by pixel.
    fn pixels(slice: &[f32]) -> &[Self::Pixel];

    /// A slice to write, pixel by pixel.
    fn pixels_mut(slice: &mut [f32]) -> &mut [Self::Pixel];

    /// A word, counted modulo a pixel's, so that no check is left in an inner loop.
    fn word(pixel: &Self::Pixel, word: usize) -> u32;

    /// Words of a pixel, one for each lane.
    fn permuted(self, pixel: &Self::Pixel, order: Self::Words) -> Self::Words;

    /// Words of two pixels: below a pixel's number of words from the first, then from the second.
    fn permuted_of_two(self, a: &Self::Pixel, b: &Self::Pixel, order: Self::Words) -> Self::Words;

    /// Runs what it is given, as compiled for it, in a function of its own.
    fn outlined<F: NullaryFnOnce<Output = ()>>(self, run: F);

    /// Runs a kernel, in a function of its own.
    #[inline(always)]
    fn vectorized<K: NarrowKernel>(self, kernel: K) {
        self.outlined(Call(self, kernel));
    }
}

/// The vectors of f32 beside narrow numbers.
pub(in crate::frozen) type Floats<N> = <<N as Narrow>::Simd as Vectors>::f32s;

/// A kernel and the way it is to multiply.
struct Call<N, K>(N, K);

impl<N: Narrow, K: NarrowKernel> NullaryFnOnce for Call<N, K> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.1.run(self.0);
    }
}

/// How narrow numbers lie in memory, which is made of f32: as their bits.
macro_rules! words {
    ($lanes:literal lanes, $words:literal words) => {
        type Pixel = [u32; $words];

        const WORDS: usize = $words;

        #[inline(always)]
        fn words(slice: &[f32]) -> &[Self::Words] {
            pulp::bytemuck::cast_slice(slice.as_chunks::<$lanes>().0)
        }

        #[inline(always)]
        fn pixels(slice: &[f32]) -> &[Self::Pixel] {
            pulp::bytemuck::cast_slice(slice.as_chunks::<$words>().0)
        }

        #[inline(always)]
        fn pixels_mut(slice: &mut [f32]) -> &mut [Self::Pixel] {
            pulp::bytemuck::cast_slice_mut(slice.as_chunks_mut::<$words>().0)
        }

        #[inline(always)]
        fn word(pixel: &Self::Pixel, word: usize) -> u32 {
            pixel[word % $words]
        }
    };
}
use words;

impl Format {
    /// Whether this machine multiplies it by instructions of `isa`.
    pub fn is_available(self, isa: Isa) -> bool {
        match (isa, self) {
            #[cfg(target_arch = "x86_64")]
            (Isa::Avx512, Self::Bf16) => x86::Bf16::try_new().is_some(),
            #[cfg(target_arch = "x86_64")]
            (Isa::Avx512, Self::Int8) => x86::Int8::try_new().is_some(),
            _ => false,
        }
    }

    /// Runs a kernel as compiled for it.
    ///
    /// # Panics
    /// Where the machine has no instructions for it.
    #[inline]
    pub fn run<K: NarrowKernel>(self, isa: Isa, kernel: K) {
        match (isa, self) {
            #[cfg(target_arch = "x86_64")]
            (Isa::Avx512, Self::Bf16) => {
                x86::Bf16::try_new().expect("a machine with AVX512_BF16").vectorized(kernel);
            }
            #[cfg(target_arch = "x86_64")]
            (Isa::Avx512, Self::Int8) => {
                x86::Int8::try_new().expect("a machine with AVX512_VNNI").vectorized(kernel);
            }
            #[cfg(test)]
            (Isa::Portable, Self::Bf16) => twin::Bf16.vectorized(kernel),
            #[cfg(test)]
            (Isa::Portable, Self::Int8) => twin::Int8.vectorized(kernel),
            _ => unreachable!("{isa} multiplies no {}", self.name()),
        }
    }
}
