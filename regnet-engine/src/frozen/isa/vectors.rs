//! What kernels need of an instruction set, and what each gives them.

use pulp::{NullaryFnOnce, Scalar256b, Simd};

#[cfg(target_arch = "x86_64")]
use super::prefetch::prefetch;

/// Code that is compiled once for each instruction set. Everything it calls must be inlined into it, or be a kernel.
pub(in crate::frozen) trait Kernel {
    type Output;

    fn run<S: Vectors>(self, simd: S) -> Self::Output;
}

/// What kernels need of an instruction set.
pub(in crate::frozen) trait Vectors: Simd {
    /// The channels of a block at one pixel.
    type Pixel: Copy;

    /// A slice, pixel by pixel.
    fn pixels(slice: &[f32]) -> &[Self::Pixel];

    /// A channel, counted modulo the lanes, so that no check is left in an inner loop.
    fn channel(pixel: &Self::Pixel, channel: usize) -> f32;

    /// All channels.
    fn vector(pixel: &Self::Pixel) -> Self::f32s;

    /// Lanes of a vector: for each, which one.
    fn permuted(self, a: Self::f32s, order: Self::u32s) -> Self::f32s;

    /// Lanes of two vectors: below the number of lanes from the first, then from the second.
    fn permuted_of_two(self, a: Self::f32s, b: Self::f32s, order: Self::u32s) -> Self::f32s;

    /// Says that the line of memory so many bytes after a vector is going to be read.
    fn prefetch(vector: &Self::f32s, bytes: usize);

    fn vectorized<K: Kernel>(self, kernel: K) -> K::Output;
}

/// Floats of a line of memory.
const LINE: usize = 16;

/// How many bytes before they are needed weights are asked for. Found by measuring 0.5 to 48 KB; much more drives out of
/// the nearest cache what is still needed.
const AHEAD: usize = 4096;

/// Asks for the weights that are needed some time after these: for one image they come from far away, and are read once.
#[inline(always)]
pub(in crate::frozen) fn prefetch_after<S: Vectors, const COUNT: usize>(weights: &[S::f32s; COUNT]) {
    for vector in (0..COUNT).step_by(LINE / S::F32_LANES) {
        S::prefetch(&weights[vector], AHEAD);
    }
}

/// Each kernel stays a function of its own: all of them in one would take minutes to compile, and fit no registers.
#[inline(never)]
pub(in crate::frozen) fn outlined<K, R>(kernel: K, run: impl FnOnce(K) -> R) -> R {
    run(kernel)
}

/// A kernel and the instruction set it is to run with.
struct Call<S, K>(S, K);

impl<S: Vectors, K: Kernel> NullaryFnOnce for Call<S, K> {
    type Output = K::Output;

    #[inline(always)]
    fn call(self) -> K::Output {
        self.1.run(self.0)
    }
}

/// Pixels of so many channels.
macro_rules! pixels {
    ($lanes:literal) => {
        type Pixel = [f32; $lanes];

        #[inline(always)]
        fn pixels(slice: &[f32]) -> &[Self::Pixel] {
            slice.as_chunks().0
        }

        #[inline(always)]
        fn channel(pixel: &Self::Pixel, channel: usize) -> f32 {
            pixel[channel % $lanes]
        }

        #[inline(always)]
        fn vector(pixel: &Self::Pixel) -> Self::f32s {
            pulp::cast(*pixel)
        }
    };
}

#[cfg(target_arch = "x86_64")]
impl Vectors for pulp::x86::V4 {
    pixels!(16);

    #[inline(always)]
    fn permuted(self, a: Self::f32s, order: Self::u32s) -> Self::f32s {
        pulp::cast(self.avx512f._mm512_permutexvar_ps(pulp::cast(order), pulp::cast(a)))
    }

    #[inline(always)]
    fn permuted_of_two(self, a: Self::f32s, b: Self::f32s, order: Self::u32s) -> Self::f32s {
        pulp::cast(self.avx512f._mm512_permutex2var_ps(pulp::cast(a), pulp::cast(order), pulp::cast(b)))
    }

    #[inline(always)]
    fn prefetch(vector: &Self::f32s, bytes: usize) {
        prefetch(std::ptr::from_ref(vector).cast(), bytes);
    }

    #[inline(always)]
    fn vectorized<K: Kernel>(self, kernel: K) -> K::Output {
        outlined(kernel, |kernel| self.vectorize(Call(self, kernel)))
    }
}

#[cfg(target_arch = "x86_64")]
impl Vectors for pulp::x86::V3 {
    pixels!(8);

    #[inline(always)]
    fn permuted(self, a: Self::f32s, order: Self::u32s) -> Self::f32s {
        pulp::cast(self.avx2._mm256_permutevar8x32_ps(pulp::cast(a), pulp::cast(order)))
    }

    #[inline(always)]
    fn permuted_of_two(self, a: Self::f32s, b: Self::f32s, order: Self::u32s) -> Self::f32s {
        let first = self.less_than_u32s(order, self.splat_u32s(8));
        self.select_f32s(first, self.permuted(a, order), self.permuted(b, order))
    }

    #[inline(always)]
    fn prefetch(vector: &Self::f32s, bytes: usize) {
        prefetch(std::ptr::from_ref(vector).cast(), bytes);
    }

    #[inline(always)]
    fn vectorized<K: Kernel>(self, kernel: K) -> K::Output {
        outlined(kernel, |kernel| self.vectorize(Call(self, kernel)))
    }
}

impl Vectors for Scalar256b {
    pixels!(8);

    #[inline(always)]
    fn permuted(self, a: Self::f32s, order: Self::u32s) -> Self::f32s {
        let (a, order): ([f32; 8], [u32; 8]) = (pulp::cast(a), pulp::cast(order));
        pulp::cast(order.map(|lane| a[lane as usize % 8]))
    }

    #[inline(always)]
    fn permuted_of_two(self, a: Self::f32s, b: Self::f32s, order: Self::u32s) -> Self::f32s {
        let (a, b): ([f32; 8], [f32; 8]) = (pulp::cast(a), pulp::cast(b));
        let order: [u32; 8] = pulp::cast(order);
        let chosen = order.map(|lane| if lane < 8 { a[lane as usize % 8] } else { b[lane as usize % 8] });
        pulp::cast(chosen)
    }

    #[inline(always)]
    fn prefetch(_: &Self::f32s, _: usize) {}

    #[inline(always)]
    fn vectorized<K: Kernel>(self, kernel: K) -> K::Output {
        outlined(kernel, |kernel| kernel.run(self))
    }
}
