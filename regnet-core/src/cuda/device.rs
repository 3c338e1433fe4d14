//! Opening a device.

use cudarc::driver::sys::CUresult;
use cudarc::driver::{CudaDevice, DriverError, result};
use dfdx::tensor::{Cuda, CudaError};

use super::tensor;

/// Why there is no CUDA device to work on.
#[derive(Debug, thiserror::Error)]
pub enum NoCuda {
    /// The driver is missing or does not start.
    #[error(
        "no CUDA device: NVIDIA's driver does not start ({0:?}); `nvidia-smi` shows whether it is installed"
    )]
    NoDriver(CUresult),
    /// No device of that number.
    #[error("no CUDA device {ordinal}: this machine has {count}, counted from 0")]
    NoDevice {
        /// The number that was asked for.
        ordinal: usize,
        /// How many there are.
        count: usize,
    },
    /// The device is there and does not work.
    #[error("CUDA device {ordinal} does not work: {reason:?}")]
    Broken {
        /// Its number.
        ordinal: usize,
        /// The device's error.
        reason: CudaError,
    },
}

/// dfdx's device number `ordinal`, after a trial of the kernels on it; `seed` starts its random numbers.
///
/// # Errors
/// There is no driver or no such device, or it does not work.
pub fn device(ordinal: usize, seed: u64) -> Result<Cuda, NoCuda> {
    // cudarc's own calls would panic without a driver, and so would the text of its error.
    result::init().map_err(|DriverError(code)| NoCuda::NoDriver(code))?;
    let count = CudaDevice::count().map_err(|DriverError(code)| NoCuda::NoDriver(code))?;
    let count = usize::try_from(count).unwrap_or(0);
    if ordinal >= count {
        return Err(NoCuda::NoDevice { ordinal, count });
    }
    let open = || {
        let device = Cuda::try_build(ordinal, seed)?;
        tensor::open(&device)?;
        Ok(device)
    };
    open().map_err(|reason| NoCuda::Broken { ordinal, reason })
}
