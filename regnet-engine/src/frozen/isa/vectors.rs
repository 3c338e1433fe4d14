//! What kernels need of an instruction set, and what each gives them.

use pulp::bytemuck::Pod;
#[cfg(target_arch = "x86_64")]
use pulp::x86::{V3, V4};
use pulp::{NullaryFnOnce, Scalar256b, Simd};

#[cfg(target_arch = "x86_64")]
use super::prefetch::prefetch;

/// Code that is compiled once for each instruction set. Everything it calls must be inlined into it, or be a kernel.
pub(crate) trait Kernel {
    type Output;

    fn run<S: Vectors>(self, simd: S) -> Self::Output;
}

/// What kernels need of an instruction set.
#[allow(non_camel_case_types)]
pub(crate) trait Vectors: Copy {
    /// A vector of f32.
    type f32s: Pod;
    /// A number for each of its lanes.
    type u32s: Pod;
    /// The channels of a block at one pixel.
    type Pixel: Copy;
    /// Vectors of 8 lanes on the same registers.
    type Octets: Vectors;

    /// Lanes of a vector.
    const F32_LANES: usize;
    /// Vectors that there are registers for.
    const REGISTER_COUNT: usize;

    fn octets(self) -> Self::Octets;

    /// A slice, vector by vector, and what is left.
    fn as_simd_f32s(slice: &[f32]) -> (&[Self::f32s], &[f32]);
    fn as_mut_simd_f32s(slice: &mut [f32]) -> (&mut [Self::f32s], &mut [f32]);
    fn as_simd_u32s(slice: &[u32]) -> (&[Self::u32s], &[u32]);

    fn splat_f32s(self, value: f32) -> Self::f32s;
    fn add_f32s(self, a: Self::f32s, b: Self::f32s) -> Self::f32s;
    fn sub_f32s(self, a: Self::f32s, b: Self::f32s) -> Self::f32s;
    fn mul_f32s(self, a: Self::f32s, b: Self::f32s) -> Self::f32s;
    fn max_f32s(self, a: Self::f32s, b: Self::f32s) -> Self::f32s;
    /// `value` where `by` is not at most zero, else zero; of `by` itself, its ReLU. What is not a number stays.
    fn where_positive(self, by: Self::f32s, value: Self::f32s) -> Self::f32s;
    /// The greater one; not a number where either is none.
    fn greater(self, a: Self::f32s, b: Self::f32s) -> Self::f32s;
    /// a b + c, rounded once or twice.
    fn mul_add_e_f32s(self, a: Self::f32s, b: Self::f32s, c: Self::f32s) -> Self::f32s;
    fn reduce_sum_f32s(self, a: Self::f32s) -> f32;

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
pub(crate) fn prefetch_after<S: Vectors, const COUNT: usize>(weights: &[S::f32s; COUNT]) {
    for vector in (0..COUNT).step_by(LINE / S::F32_LANES) {
        S::prefetch(&weights[vector], AHEAD);
    }
}

/// Each kernel stays a function of its own: all of them in one would take minutes to compile, and fit no registers.
#[inline(never)]
pub(crate) fn outlined<K, R>(kernel: K, run: impl FnOnce(K) -> R) -> R {
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

/// What kernels need, as `pulp` has it for an instruction set.
macro_rules! arithmetic {
    ($simd:ty, |$self:ident| $inner:expr) => {
        type f32s = <$simd as Simd>::f32s;
        type u32s = <$simd as Simd>::u32s;

        const F32_LANES: usize = <$simd as Simd>::F32_LANES;

        #[inline(always)]
        fn as_simd_f32s(slice: &[f32]) -> (&[Self::f32s], &[f32]) {
            <$simd as Simd>::as_simd_f32s(slice)
        }

        #[inline(always)]
        fn as_mut_simd_f32s(slice: &mut [f32]) -> (&mut [Self::f32s], &mut [f32]) {
            <$simd as Simd>::as_mut_simd_f32s(slice)
        }

        #[inline(always)]
        fn as_simd_u32s(slice: &[u32]) -> (&[Self::u32s], &[u32]) {
            <$simd as Simd>::as_simd_u32s(slice)
        }

        #[inline(always)]
        fn where_positive(self, by: Self::f32s, value: Self::f32s) -> Self::f32s {
            let $self = self;
            let (simd, zero) = ($inner, <$simd as Simd>::splat_f32s($inner, 0.0));
            let dropped = <$simd as Simd>::less_than_or_equal_f32s(simd, by, zero);
            <$simd as Simd>::select_f32s(simd, dropped, zero, value)
        }

        #[inline(always)]
        fn greater(self, a: Self::f32s, b: Self::f32s) -> Self::f32s {
            let $self = self;
            let simd = $inner;
            let first = <$simd as Simd>::less_than_or_equal_f32s(simd, b, a);
            let greater = <$simd as Simd>::select_f32s(simd, first, a, b);
            <$simd as Simd>::select_f32s(simd, <$simd as Simd>::equal_f32s(simd, a, a), greater, a)
        }

        arithmetic!(functions $simd, |$self| $inner;
            splat_f32s(value: f32) -> Self::f32s;
            add_f32s(a: Self::f32s, b: Self::f32s) -> Self::f32s;
            sub_f32s(a: Self::f32s, b: Self::f32s) -> Self::f32s;
            mul_f32s(a: Self::f32s, b: Self::f32s) -> Self::f32s;
            max_f32s(a: Self::f32s, b: Self::f32s) -> Self::f32s;
            reduce_sum_f32s(a: Self::f32s) -> f32;
        );
    };
    (fused $simd:ty, |$self:ident| $inner:expr) => {
        arithmetic!(functions $simd, |$self| $inner;
            mul_add_e_f32s(a: Self::f32s, b: Self::f32s, c: Self::f32s) -> Self::f32s;
        );
    };
    (functions $simd:ty, |$self:ident| $inner:expr;
        $($name:ident($($value:ident: $of:ty),*) -> $result:ty;)*
    ) => {$(
        #[inline(always)]
        fn $name(self, $($value: $of),*) -> $result {
            let $self = self;
            <$simd as Simd>::$name($inner, $($value),*)
        }
    )*};
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
impl Vectors for V4 {
    arithmetic!(V4, |simd| simd);
    arithmetic!(fused V4, |simd| simd);
    pixels!(16);

    type Octets = V4Octets;

    const REGISTER_COUNT: usize = <V4 as Simd>::REGISTER_COUNT;

    #[inline(always)]
    fn octets(self) -> Self::Octets {
        V4Octets(self)
    }

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

/// The lower halves of AVX-512's registers, for what comes in eights.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct V4Octets(V4);

#[cfg(target_arch = "x86_64")]
impl Vectors for V4Octets {
    arithmetic!(V3, |simd| *simd.0);
    arithmetic!(fused V3, |simd| *simd.0);
    pixels!(8);

    type Octets = Self;

    const REGISTER_COUNT: usize = <V4 as Simd>::REGISTER_COUNT;

    #[inline(always)]
    fn octets(self) -> Self::Octets {
        self
    }

    #[inline(always)]
    fn permuted(self, a: Self::f32s, order: Self::u32s) -> Self::f32s {
        V3::permuted(*self.0, a, order)
    }

    #[inline(always)]
    fn permuted_of_two(self, a: Self::f32s, b: Self::f32s, order: Self::u32s) -> Self::f32s {
        V3::permuted_of_two(*self.0, a, b, order)
    }

    #[inline(always)]
    fn prefetch(vector: &Self::f32s, bytes: usize) {
        V3::prefetch(vector, bytes);
    }

    #[inline(always)]
    fn vectorized<K: Kernel>(self, kernel: K) -> K::Output {
        outlined(kernel, |kernel| self.0.vectorize(Call(self, kernel)))
    }
}

#[cfg(target_arch = "x86_64")]
impl Vectors for V3 {
    arithmetic!(V3, |simd| simd);
    arithmetic!(fused V3, |simd| simd);
    pixels!(8);

    type Octets = Self;

    const REGISTER_COUNT: usize = <V3 as Simd>::REGISTER_COUNT;

    #[inline(always)]
    fn octets(self) -> Self::Octets {
        self
    }

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
    arithmetic!(Scalar256b, |simd| simd);
    pixels!(8);

    type Octets = Self;

    const REGISTER_COUNT: usize = <Scalar256b as Simd>::REGISTER_COUNT;

    #[inline(always)]
    fn octets(self) -> Self::Octets {
        self
    }

    #[inline(always)]
    fn mul_add_e_f32s(self, a: Self::f32s, b: Self::f32s, c: Self::f32s) -> Self::f32s {
        // Without instructions for it, a product and sum of one rounding is a call for each lane.
        if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
            Simd::mul_add_f32s(self, a, b, c)
        } else {
            Simd::add_f32s(self, Simd::mul_f32s(self, a, b), c)
        }
    }

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
