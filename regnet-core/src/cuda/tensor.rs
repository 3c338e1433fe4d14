//! dfdx's tensors and gradients as views, and the streams of their devices.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use cudarc::driver::{CudaDevice, DevicePtr, DevicePtrMut};
use dfdx::prelude::*;
use dfdx::tensor::CudaError;

use super::location::{Location, locate};
use super::ops::relu;
use super::stream::Stream;
use super::view::{View, ViewMut};
use crate::backend::Buffer;

/// A flat tensor on a device.
type Flat<E> = Tensor<(usize,), E, Cuda>;

/// Streams by the driver's numbers of their devices.
static STREAMS: Mutex<BTreeMap<i32, Arc<Stream>>> = Mutex::new(BTreeMap::new());

/// Where a tensor's storage lies.
pub fn storage<S: Shape, E: Unit>(tensor: &Tensor<S, E, Cuda>) -> Location {
    locate(tensor).expect("dfdx is the release whose text was tried when its device was first used")
}

fn location<E: Unit>(tensor: &Flat<E>) -> Location {
    let location = storage(tensor);
    assert_eq!(location.len, tensor.shape().0, "a flat tensor is contiguous");
    location
}

/// The elements of a flat tensor.
pub fn elements<E: Unit>(tensor: &Flat<E>) -> View<'_, E> {
    let Location { address, len, .. } = location(tensor);
    // SAFETY: the address is that of the tensor's own storage (tried with known numbers before the first use, see
    // `tried`), which holds `len` elements and lives as long as the tensor is borrowed; when it is freed, that happens
    // on the stream of all kernels, behind them. dfdx writes to the storage of a shared tensor only after a copy.
    unsafe { View::new(address, len) }
}

/// The elements of a gradient.
pub fn read<E: Unit>(buffer: &Buffer<E, Cuda>) -> View<'_, E> {
    // SAFETY: the buffer's own address and length; as above.
    unsafe { View::new(*DevicePtr::device_ptr(buffer), cudarc::driver::DeviceSlice::len(buffer)) }
}

/// The elements of a gradient, to add to.
pub fn write<E: Unit>(buffer: &mut Buffer<E, Cuda>) -> ViewMut<'_, E> {
    let len = cudarc::driver::DeviceSlice::len(buffer);
    // SAFETY: as above, and the buffer is borrowed alone.
    unsafe { ViewMut::new(*DevicePtrMut::device_ptr_mut(buffer), len) }
}

/// A tensor that nothing else refers to yet.
#[derive(Debug)]
pub struct Fresh<E: Unit>(Flat<E>);

impl<E: Unit> Fresh<E> {
    /// A tensor of `len` elements.
    ///
    /// It starts as zeros because dfdx makes no other tensors without a copy from the host; most kernels overwrite them.
    pub fn new(device: &Cuda, len: usize) -> Result<Self, CudaError> {
        Ok(Self(device.try_zeros_like(&(len,))?))
    }

    /// The elements, to write to.
    pub fn write(&mut self) -> ViewMut<'_, E> {
        let Location { address, len, .. } = location(&self.0);
        // SAFETY: as in `elements`; the tensor was made by `new` and has not been given away, so that nothing else refers to
        // its storage, and `self` is borrowed alone.
        unsafe { ViewMut::new(address, len) }
    }

    /// The driver's number of the device that it lies on.
    pub fn on(&self) -> i32 {
        location(&self.0).device
    }

    /// The elements, once all kernels before have run.
    pub fn numbers(&self) -> Vec<E> {
        self.0.as_vec()
    }

    /// The tensor, for others to see.
    pub fn done(self) -> Flat<E> {
        self.0
    }
}

/// A tensor of `len` elements that `fill` overwrites.
pub fn filled<E: Unit>(
    device: &Cuda,
    len: usize,
    fill: impl FnOnce(ViewMut<'_, E>) -> Result<(), CudaError>,
) -> Result<Flat<E>, CudaError> {
    let mut tensor = Fresh::new(device, len)?;
    fill(tensor.write())?;
    Ok(tensor.done())
}

/// The stream of a tensor's device.
pub fn stream<E: Unit>(tensor: &Flat<E>) -> Result<Arc<Stream>, CudaError> {
    let device = locate(tensor).map(|location| location.device);
    let known = device.and_then(|device| streams().get(&device).cloned());
    match known {
        Some(stream) => Ok(stream),
        None => open(tensor.device()),
    }
}

fn streams() -> std::sync::MutexGuard<'static, BTreeMap<i32, Arc<Stream>>> {
    STREAMS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The stream of a device; the first time with a trial of what `elements` relies on.
///
/// # Errors
/// The device's.
///
/// # Panics
/// If tensors do not lie where their text says, which is so for other releases of dfdx only.
pub fn open(device: &Cuda) -> Result<Arc<Stream>, CudaError> {
    // A gradient says openly which device it is on.
    let gradient = Storage::<f32>::try_alloc_len(device, 1)?;
    let on: Arc<CudaDevice> = gradient.device();
    let number = *on.cu_device();
    if let Some(stream) = streams().get(&number) {
        return Ok(stream.clone());
    }
    let stream = Arc::new(Stream::new(on)?);
    assert!(tried(device, &stream, number)?, "dfdx's tensors do not lie where they say they do");
    streams().insert(number, stream.clone());
    Ok(stream)
}

/// Whether numbers that dfdx writes are read at the address that a tensor's text names, and the other way round.
fn tried(device: &Cuda, stream: &Stream, number: i32) -> Result<bool, CudaError> {
    let numbers = vec![1.0_f32, -2.0, 3.0, -4.0, 5.0];
    let len = numbers.len();
    let tensor: Flat<f32> = device.try_tensor_from_vec(numbers, (len,))?;
    let is_here = |location: Location| location.len == len && location.device == number;
    if !locate(&tensor).is_some_and(is_here) {
        return Ok(false);
    }
    let positive = filled(device, len, |into| relu::forward(stream, elements(&tensor), into))?;
    Ok(positive.as_vec() == [1.0, 0.0, 3.0, 0.0, 5.0] && tensor.as_vec() == [1.0, -2.0, 3.0, -4.0, 5.0])
}
