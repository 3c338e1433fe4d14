//! The instruction sets that the kernels are compiled for.

use std::fmt;
use std::str::FromStr;

use pulp::{NullaryFnOnce, Scalar256b, Simd};

/// An instruction set. An engine is built for one: its weights lie as that one reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Isa {
    /// AVX-512: 16 lanes, 32 registers.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX2 with fused multiply-add: 8 lanes, 16 registers.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 8 lanes of whatever the compiler makes of them, on any machine.
    Portable,
}

impl Isa {
    /// Those that this machine can run, the fastest first.
    pub fn available() -> Vec<Self> {
        Self::ALL.into_iter().filter(|isa| isa.is_available()).collect()
    }

    /// The fastest that this machine can run.
    pub fn best() -> Self {
        Self::ALL.into_iter().find(|isa| isa.is_available()).unwrap_or(Self::Portable)
    }

    /// Its name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "avx2",
            Self::Portable => "portable",
        }
    }

    /// Values of `f32` in a register.
    pub const fn lanes(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => 16,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 8,
            Self::Portable => 8,
        }
    }

    /// Registers.
    pub(super) const fn registers(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => 32,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 16,
            Self::Portable => 16,
        }
    }

    /// Runs a kernel as compiled for it.
    ///
    /// # Panics
    /// Where the machine cannot run it.
    #[inline]
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => pulp::x86::V4::try_new().expect("a machine with AVX-512").vectorized(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => pulp::x86::V3::try_new().expect("a machine with AVX2").vectorized(kernel),
            Self::Portable => Scalar256b.vectorized(kernel),
        }
    }

    fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => pulp::x86::V4::is_available(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => pulp::x86::V3::is_available(),
            Self::Portable => true,
        }
    }

    /// All of them, the fastest first.
    #[cfg(target_arch = "x86_64")]
    const ALL: [Self; 3] = [Self::Avx512, Self::Avx2, Self::Portable];
    /// All of them, the fastest first.
    #[cfg(not(target_arch = "x86_64"))]
    const ALL: [Self; 1] = [Self::Portable];
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Isa {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let here = Self::available();
        here.iter().copied().find(|isa| isa.name() == text).ok_or_else(|| {
            let names: Vec<_> = here.iter().map(|isa| isa.name()).collect();
            format!("`{text}` is no instruction set of this machine: choose {}", names.join(" or "))
        })
    }
}

/// Code that is compiled once for each instruction set. Everything it calls must be inlined into it, or be a kernel.
pub(super) trait Kernel {
    type Output;

    fn run<S: Vectors>(self, simd: S) -> Self::Output;
}

/// What kernels need of an instruction set.
pub(super) trait Vectors: Simd {
    /// The channels of a block at one pixel.
    type Pixel: Copy;

    /// Which lane goes where: below the number of lanes from the first vector, then from the second.
    type Order: Copy;

    /// A slice, pixel by pixel.
    fn pixels(slice: &[f32]) -> &[Self::Pixel];

    /// A channel, counted modulo the lanes, so that no check is left in an inner loop.
    fn channel(pixel: &Self::Pixel, channel: usize) -> f32;

    /// All channels.
    fn vector(pixel: &Self::Pixel) -> Self::f32s;

    fn order(self, lanes: &[u32]) -> Self::Order;

    /// Lanes of one vector.
    fn permuted(self, a: Self::f32s, order: Self::Order) -> Self::f32s;

    /// Lanes of two vectors.
    fn permuted_of_two(self, a: Self::f32s, b: Self::f32s, order: Self::Order) -> Self::f32s;

    fn vectorized<K: Kernel>(self, kernel: K) -> K::Output;
}

/// Each kernel stays a function of its own: all of them in one would take minutes to compile, and fit no registers.
#[inline(never)]
fn outlined<K: Kernel, R>(kernel: K, run: impl FnOnce(K) -> R) -> R {
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

#[cfg(target_arch = "x86_64")]
impl Vectors for pulp::x86::V4 {
    type Pixel = [f32; 16];
    type Order = pulp::u32x16;

    #[inline(always)]
    fn pixels(slice: &[f32]) -> &[Self::Pixel] {
        slice.as_chunks().0
    }

    #[inline(always)]
    fn channel(pixel: &Self::Pixel, channel: usize) -> f32 {
        pixel[channel % 16]
    }

    #[inline(always)]
    fn vector(pixel: &Self::Pixel) -> Self::f32s {
        pulp::cast(*pixel)
    }

    #[inline(always)]
    fn order(self, lanes: &[u32]) -> Self::Order {
        self.partial_load_u32s(lanes)
    }

    #[inline(always)]
    fn permuted(self, a: Self::f32s, order: Self::Order) -> Self::f32s {
        pulp::cast(self.avx512f._mm512_permutexvar_ps(pulp::cast(order), pulp::cast(a)))
    }

    #[inline(always)]
    fn permuted_of_two(self, a: Self::f32s, b: Self::f32s, order: Self::Order) -> Self::f32s {
        pulp::cast(self.avx512f._mm512_permutex2var_ps(pulp::cast(a), pulp::cast(order), pulp::cast(b)))
    }

    #[inline(always)]
    fn vectorized<K: Kernel>(self, kernel: K) -> K::Output {
        outlined(kernel, |kernel| self.vectorize(Call(self, kernel)))
    }
}

#[cfg(target_arch = "x86_64")]
impl Vectors for pulp::x86::V3 {
    type Pixel = [f32; 8];
    type Order = pulp::u32x8;

    #[inline(always)]
    fn pixels(slice: &[f32]) -> &[Self::Pixel] {
        slice.as_chunks().0
    }

    #[inline(always)]
    fn channel(pixel: &Self::Pixel, channel: usize) -> f32 {
        pixel[channel % 8]
    }

    #[inline(always)]
    fn vector(pixel: &Self::Pixel) -> Self::f32s {
        pulp::cast(*pixel)
    }

    #[inline(always)]
    fn order(self, lanes: &[u32]) -> Self::Order {
        self.partial_load_u32s(lanes)
    }

    #[inline(always)]
    fn permuted(self, a: Self::f32s, order: Self::Order) -> Self::f32s {
        pulp::cast(self.avx2._mm256_permutevar8x32_ps(pulp::cast(a), pulp::cast(order)))
    }

    #[inline(always)]
    fn permuted_of_two(self, a: Self::f32s, b: Self::f32s, order: Self::Order) -> Self::f32s {
        let first = self.less_than_u32s(order, self.splat_u32s(8));
        self.select_f32s(first, self.permuted(a, order), self.permuted(b, order))
    }

    #[inline(always)]
    fn vectorized<K: Kernel>(self, kernel: K) -> K::Output {
        outlined(kernel, |kernel| self.vectorize(Call(self, kernel)))
    }
}

impl Vectors for Scalar256b {
    type Pixel = [f32; 8];
    type Order = [u32; 8];

    #[inline(always)]
    fn pixels(slice: &[f32]) -> &[Self::Pixel] {
        slice.as_chunks().0
    }

    #[inline(always)]
    fn channel(pixel: &Self::Pixel, channel: usize) -> f32 {
        pixel[channel % 8]
    }

    #[inline(always)]
    fn vector(pixel: &Self::Pixel) -> Self::f32s {
        pulp::cast(*pixel)
    }

    #[inline(always)]
    fn order(self, lanes: &[u32]) -> Self::Order {
        std::array::from_fn(|lane| lanes[lane])
    }

    #[inline(always)]
    fn permuted(self, a: Self::f32s, order: Self::Order) -> Self::f32s {
        let a: [f32; 8] = pulp::cast(a);
        pulp::cast(order.map(|lane| a[lane as usize % 8]))
    }

    #[inline(always)]
    fn permuted_of_two(self, a: Self::f32s, b: Self::f32s, order: Self::Order) -> Self::f32s {
        let (a, b): ([f32; 8], [f32; 8]) = (pulp::cast(a), pulp::cast(b));
        let chosen = order.map(|lane| if lane < 8 { a[lane as usize % 8] } else { b[lane as usize % 8] });
        pulp::cast(chosen)
    }

    #[inline(always)]
    fn vectorized<K: Kernel>(self, kernel: K) -> K::Output {
        outlined(kernel, |kernel| kernel.run(self))
    }
}
