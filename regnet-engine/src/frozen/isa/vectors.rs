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
    /// The larger one of each two lanes, and NaN where either is.
    fn max_f32s(self, a: Self::f32s, b: Self::f32s) -> Self::f32s;
    /// `max(a, 0)`, lane by lane, as PyTorch has it: NaN stays NaN, and -0 stays -0.
    fn relu_f32s(self, a: Self::f32s) -> Self::f32s;
    /// `value` where `by` is not at most zero, else zero: what a ReLU of `by` does to a gradient.
    fn where_positive_f32s(self, by: Self::f32s, value: Self::f32s) -> Self::f32s;
    /// a b + c, rounded once or twice.
    fn mul_add_e_f32s(self, a: Self::f32s, b: Self::f32s, c: Self::f32s) -> Self::f32s;
    fn reduce_sum_f32s(self, a: Self::f32s) -> f32;

    /// Whether no lane of any vector is NaN or infinite.
    #[inline(always)]
    fn all_finite_f32s(self, values: impl Iterator<Item = Self::f32s>) -> bool {
        // 0 times a finite value is 0, and times any other NaN, which stays in a sum.
        let zero = self.splat_f32s(0.0);
        let mut sum = zero;
        for value in values {
            sum = self.mul_add_e_f32s(value, zero, sum);
        }
        self.reduce_sum_f32s(sum) == 0.0
    }

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
        fn where_positive_f32s(self, by: Self::f32s, value: Self::f32s) -> Self::f32s {
            let $self = self;
            let (simd, zero) = ($inner, <$simd as Simd>::splat_f32s($inner, 0.0));
            let dropped = <$simd as Simd>::less_than_or_equal_f32s(simd, by, zero);
            <$simd as Simd>::select_f32s(simd, dropped, zero, value)
        }

        arithmetic!(functions $simd, |$self| $inner;
            splat_f32s(value: f32) -> Self::f32s;
            add_f32s(a: Self::f32s, b: Self::f32s) -> Self::f32s;
            sub_f32s(a: Self::f32s, b: Self::f32s) -> Self::f32s;
            mul_f32s(a: Self::f32s, b: Self::f32s) -> Self::f32s;
            reduce_sum_f32s(a: Self::f32s) -> f32;
        );
    };
    (fused $simd:ty, |$self:ident| $inner:expr) => {
        arithmetic!(functions $simd, |$self| $inner;
            mul_add_e_f32s(a: Self::f32s, b: Self::f32s, c: Self::f32s) -> Self::f32s;
        );
    };
    // x86's `maxps` is `a > b ? a : b`: the second operand where either is NaN, and where both are zeros.
    (maxps $simd:ty, |$self:ident| $inner:expr) => {
        #[inline(always)]
        fn max_f32s(self, a: Self::f32s, b: Self::f32s) -> Self::f32s {
            let $self = self;
            let simd = $inner;
            simd.select_f32s(simd.equal_f32s(a, a), Simd::max_f32s(simd, a, b), a)
        }

        #[inline(always)]
        fn relu_f32s(self, a: Self::f32s) -> Self::f32s {
            let $self = self;
            let simd = $inner;
            Simd::max_f32s(simd, Simd::splat_f32s(simd, 0.0), a)
        }
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
    arithmetic!(maxps V4, |simd| simd);
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
    arithmetic!(maxps V3, |simd| *simd.0);
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
    arithmetic!(maxps V3, |simd| simd);
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

    // Comparisons, since `f32::max` returns the number where the other one is NaN.
    #[inline(always)]
    fn max_f32s(self, a: Self::f32s, b: Self::f32s) -> Self::f32s {
        let (a, b): ([f32; 8], [f32; 8]) = (pulp::cast(a), pulp::cast(b));
        let larger = |lane: usize| if a[lane] > b[lane] || a[lane].is_nan() { a[lane] } else { b[lane] };
        pulp::cast::<[f32; 8], _>(std::array::from_fn(larger))
    }

    #[inline(always)]
    fn relu_f32s(self, a: Self::f32s) -> Self::f32s {
        let a: [f32; 8] = pulp::cast(a);
        pulp::cast(a.map(|value| if value < 0.0 { 0.0 } else { value }))
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

#[cfg(test)]
mod tests {
    use super::super::Isa;
    use super::*;

    const VALUES: [f32; 8] =
        [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, 1.5, -f32::MIN_POSITIVE];

    /// ReLUs of all values, their maxima with `other` on both sides, and whether each is finite.
    struct Everything {
        other: f32,
    }

    impl Kernel for Everything {
        type Output = Vec<([f32; 3], bool)>;

        fn run<S: Vectors>(self, simd: S) -> Self::Output {
            let other = simd.splat_f32s(self.other);
            let each = VALUES.map(|value| {
                let value = simd.splat_f32s(value);
                let results =
                    [simd.relu_f32s(value), simd.max_f32s(value, other), simd.max_f32s(other, value)];
                let finite = simd.all_finite_f32s([other, value, simd.splat_f32s(1.0)].into_iter());
                // Every lane is the same; any will do.
                (results.map(|result| pulp::bytemuck::cast_slice::<_, f32>(&[result])[0]), finite)
            });
            each.to_vec()
        }
    }

    struct OnOctets<K>(K);

    impl<K: Kernel> Kernel for OnOctets<K> {
        type Output = K::Output;

        fn run<S: Vectors>(self, simd: S) -> K::Output {
            simd.octets().vectorized(self.0)
        }
    }

    #[test]
    fn nan_stays_nan_on_every_instruction_set() {
        // As PyTorch has it. Of two zeros, either is the larger.
        let larger = |a: f32, b: f32| if a.is_nan() || b.is_nan() { f32::NAN } else { a.max(b) };
        let relu = |value: f32| if value < 0.0 { 0.0 } else { value };
        let same = |a: f32, b: f32| a == b || a.is_nan() && b.is_nan();
        for isa in Isa::available() {
            for other in VALUES {
                let found = isa.run(Everything { other });
                for found in [found, isa.run(OnOctets(Everything { other }))] {
                    for (value, ([positive, a, b], finite)) in VALUES.into_iter().zip(found) {
                        assert!(same(positive, relu(value)), "{isa}: ReLU of {value} is {positive}");
                        let expected = larger(value, other);
                        assert!(same(a, expected), "{isa}: of {value} and {other}, {a} is the larger");
                        assert!(same(b, expected), "{isa}: of {other} and {value}, {b} is the larger");
                        assert_eq!(finite, value.is_finite() && other.is_finite(), "{isa}: {value}, {other}");
                    }
                }
            }
        }
    }
}
