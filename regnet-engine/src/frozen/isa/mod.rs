//! The instruction sets that the kernels are compiled for.

#[cfg(target_arch = "x86_64")]
mod prefetch;
mod vectors;

use std::fmt;
use std::str::FromStr;

use pulp::Scalar256b;

pub(crate) use vectors::{Kernel, Vectors, outlined, prefetch_after};

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
    pub(crate) const fn registers(self) -> usize {
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
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
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
