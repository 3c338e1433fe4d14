//! Which device a program was told to compute on.

use std::fmt;
use std::str::FromStr;

/// A device by name: `cpu`, `cuda` for the first CUDA device, or `cuda:N`, counted from 0.
///
/// ```
/// use regnet_core::DeviceName;
///
/// assert_eq!("cuda:1".parse(), Ok(DeviceName::Cuda(1)));
/// assert_eq!(DeviceName::default().to_string(), "cpu");
/// assert_eq!("gpu".parse::<DeviceName>().unwrap_err().to_string(), "`gpu` is no device: cpu, cuda or cuda:N");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceName {
    /// The processor.
    #[default]
    Cpu,
    /// A CUDA device by number.
    Cuda(usize),
}

impl FromStr for DeviceName {
    type Err = UnknownDevice;

    fn from_str(name: &str) -> Result<Self, UnknownDevice> {
        let number =
            |digits: &str| digits.parse().map(Self::Cuda).map_err(|_| UnknownDevice(name.to_owned()));
        match name.split_once(':') {
            None if name == "cpu" => Ok(Self::Cpu),
            None if name == "cuda" => Ok(Self::Cuda(0)),
            Some(("cuda", digits)) => number(digits),
            _ => Err(UnknownDevice(name.to_owned())),
        }
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

/// A name that is no device's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no device: cpu, cuda or cuda:N")]
pub struct UnknownDevice(String);

/// Why a named device cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NoDevice {
    /// The program has no code for it.
    #[error("{0} needs a program with CUDA in it: build it with `--features cuda`")]
    BuiltWithout(DeviceName),
    /// There is no such device, or it does not work.
    #[cfg(feature = "cuda")]
    #[error(transparent)]
    Cuda(#[from] crate::cuda::NoCuda),
}

/// Runs an expression on the device of a [`DeviceName`], whose random numbers start from a seed: `Ok` of what it comes to, or
/// `device::NoDevice`.
///
/// The expression is compiled for each device, because their types differ; without the feature `cuda`, for the CPU alone.
///
/// ```
/// use dfdx::prelude::*;
/// use regnet_core::{DeviceName, on_device};
///
/// let sum = on_device!(DeviceName::Cpu, 0, |device| {
///     let ones: Tensor<Rank1<5>, f32, _> = device.ones();
///     ones.sum::<Rank0, _>().array()
/// });
/// assert_eq!(sum.unwrap(), 5.0);
/// ```
#[macro_export]
macro_rules! on_device {
    ($name:expr, $seed:expr, |$device:ident| $run:expr) => {
        match $name {
            $crate::device::DeviceName::Cpu => {
                let $device = $crate::device::cpu($seed);
                ::core::result::Result::Ok($run)
            }
            $crate::device::DeviceName::Cuda(number) => $crate::__on_cuda!(number, $seed, |$device| $run),
        }
    };
}

/// Which features there are is this crate's to know, not that of the program the macro is used in.
#[cfg(feature = "cuda")]
#[doc(hidden)]
#[macro_export]
macro_rules! __on_cuda {
    ($number:expr, $seed:expr, |$device:ident| $run:expr) => {
        match $crate::cuda::device($number, $seed) {
            ::core::result::Result::Ok($device) => ::core::result::Result::Ok($run),
            ::core::result::Result::Err(error) => {
                ::core::result::Result::Err($crate::device::NoDevice::from(error))
            }
        }
    };
}

#[cfg(not(feature = "cuda"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __on_cuda {
    ($number:expr, $seed:expr, |$device:ident| $run:expr) => {
        ::core::result::Result::Err($crate::device::NoDevice::BuiltWithout($crate::device::DeviceName::Cuda(
            $number,
        )))
    };
}

/// dfdx's CPU with random numbers that start from `seed`.
pub fn cpu(seed: u64) -> dfdx::tensor::Cpu {
    dfdx::tensor::Cpu::seed_from_u64(seed)
}
