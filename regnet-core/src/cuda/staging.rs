//! Batches on their way to a device: in page-locked memory, copied on a stream of their own beside what the device computes.
//!
//! A batch passes three places, in this order:
//!
//! 1. [`Staging::load`], on any thread, writes it to page-locked memory;
//! 2. [`Staging::send`] starts its copy to tensors that nothing else knows yet;
//! 3. [`Sent::arrive`] lets the kernels that are launched from then on wait for the copy, and gives the tensors away.
//!
//! To have a copy run beside the kernels of a step, send the next batch before the step is launched.
#![allow(unsafe_code)]

use std::ptr::{self, NonNull};
use std::slice;
use std::sync::Arc;

use cudarc::driver::result::stream::StreamKind;
use cudarc::driver::sys::{self, CUevent, CUevent_flags, CUevent_wait_flags, CUstream};
use cudarc::driver::{CudaDevice, DriverError, result};
use dfdx::tensor::{Cuda, CudaError};

use super::pool::{End, Memory, Pool, Stage};
use super::tensor::{Fresh, open};
use crate::backend::Labels;
use crate::tensors::Flat;

/// The stream of a device's copies, and the memory they are made from.
#[derive(Debug)]
pub struct Staging {
    device: Arc<CudaDevice>,
    copies: CUstream,
    pool: Pool<PageLocked>,
}

// SAFETY: the stream is a handle that the driver lets any thread use whose context is the device's, and every use binds it.
unsafe impl Send for Staging {}
// SAFETY: as above; the pool locks itself.
unsafe impl Sync for Staging {}

/// A batch in page-locked memory: its images, and its labels behind them.
#[derive(Debug)]
pub struct Loaded {
    stage: Stage<PageLocked>,
    images: usize,
    labels: usize,
}

/// A batch that is being copied.
#[derive(Debug)]
pub struct Sent {
    /// Until they are given away.
    tensors: Option<(Fresh<f32>, Fresh<usize>)>,
    copied: Arc<Event>,
}

impl Staging {
    /// A stream of copies for a device.
    ///
    /// # Errors
    /// The device's.
    pub fn new(device: &Cuda) -> Result<Self, CudaError> {
        let device = open(device)?.device();
        device.bind_to_thread()?;
        let copies = result::stream::create(StreamKind::NonBlocking)?;
        Ok(Self { device, copies, pool: Pool::default() })
    }

    /// Writes a batch to page-locked memory. May wait for the copy of an earlier batch that lay there.
    ///
    /// # Errors
    /// The device's.
    pub fn load(&self, images: &[f32], labels: &[usize]) -> Result<Loaded, CudaError> {
        self.device.bind_to_thread()?;
        let (images_len, labels_at) = (size_of_val(images), labels_at(images.len()));
        let bytes = labels_at + size_of_val(labels);
        let mut stage = self.pool.take(bytes, |bytes| PageLocked::new(self.device.clone(), bytes))?;
        let into = stage.write()?;
        into[..images_len].copy_from_slice(bytes_of(images));
        into[labels_at..bytes].copy_from_slice(bytes_of(labels));
        Ok(Loaded { stage, images: images.len(), labels: labels.len() })
    }

    /// Starts the copy of a batch to `device`.
    ///
    /// # Errors
    /// The device's.
    ///
    /// # Panics
    /// If this was made for another device.
    pub fn send(&self, device: &Cuda, loaded: Loaded) -> Result<Sent, CudaError> {
        self.device.bind_to_thread()?;
        let Loaded { mut stage, images, labels } = loaded;
        let mut into = (Fresh::new(device, images)?, Fresh::new(device, labels)?);
        assert_eq!(into.0.on(), *self.device.cu_device(), "the device's number");
        match self.copy(stage.bytes(), &mut into) {
            Ok(copied) => {
                let copied = Arc::new(copied);
                stage.copying(copied.clone());
                self.pool.put(stage);
                Ok(Sent { tensors: Some(into), copied })
            }
            Err(error) => {
                // A part may have been started, and neither end of it may be used again before it has ended.
                // SAFETY: the stream is destroyed with `self` only.
                let _ = unsafe { result::stream::synchronize(self.copies) };
                Err(error)
            }
        }
    }

    /// Starts the copies; until the end that is returned, or where there is none that of the stream, both ends of them are
    /// in use.
    fn copy(&self, from: &[u8], into: &mut (Fresh<f32>, Fresh<usize>)) -> Result<Event, CudaError> {
        let (mut images, mut labels) = (into.0.write(), into.1.write());
        let (images_len, labels_at) = (images.len() * size_of::<f32>(), labels_at(images.len()));
        let labels_end = labels_at + labels.len() * size_of::<usize>();
        let parts = [
            (images.again().address(), &from[..images_len]),
            (labels.again().address(), &from[labels_at..labels_end]),
        ];
        // The tensors are filled with zeros on the kernels' stream, behind all that used their memory before.
        Event::record(&self.device, *self.device.cu_stream())?.hold(self.copies)?;
        for (address, part) in parts {
            // SAFETY: `part` is as long as the tensor at `address`, which is this function's to write to, and which the
            // kernels' stream is done with by then. Neither is freed or touched before the copy has ended: the tensor is kept
            // in `Sent` until the kernels' stream waits for the end, the page-locked memory in a `Stage` that waits for it;
            // and where no end comes to be, `send` waits for the stream.
            unsafe { result::memcpy_htod_async(address, part, self.copies) }?;
        }
        Event::record(&self.device, self.copies)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let bound = self.device.bind_to_thread();
        // SAFETY: it was made by `new`, and nothing else knows it; copies that run go on to their end.
        let _ = bound.and_then(|()| unsafe { result::stream::destroy(self.copies) });
    }
}

impl Sent {
    /// The images and the labels, for kernels that are launched from now on.
    ///
    /// # Errors
    /// The device's.
    pub fn arrive(mut self) -> Result<(Flat<f32, Cuda>, Labels<Cuda>), CudaError> {
        self.copied.hold(self.copied.kernels())?;
        let (images, labels) = self.tensors.take().expect("they are given away here alone");
        Ok((images.done(), labels.done()))
    }
}

impl Drop for Sent {
    /// The tensors' memory is used again, in the order of the kernels' stream.
    fn drop(&mut self) {
        if self.tensors.is_some() && self.copied.hold(self.copied.kernels()).is_err() {
            // A device that can neither wait nor be waited for makes no more copies either.
            let _ = self.copied.wait();
        }
    }
}

/// Where labels lie behind so many images.
fn labels_at(images: usize) -> usize {
    (images * size_of::<f32>()).next_multiple_of(align_of::<usize>())
}

fn bytes_of<E: Number>(numbers: &[E]) -> &[u8] {
    // SAFETY: numbers have no padding, and bytes may lie anywhere.
    unsafe { slice::from_raw_parts(numbers.as_ptr().cast(), size_of_val(numbers)) }
}

/// Types without padding.
trait Number {}
impl Number for f32 {}
impl Number for usize {}

/// Host memory that the device reads without the processor's help.
#[derive(Debug)]
struct PageLocked {
    device: Arc<CudaDevice>,
    first: NonNull<u8>,
    len: usize,
}

// SAFETY: it owns its memory, as a `Vec` does.
unsafe impl Send for PageLocked {}

impl PageLocked {
    fn new(device: Arc<CudaDevice>, len: usize) -> Result<Self, CudaError> {
        // CUDA has no memory of zero bytes.
        let len = len.max(1);
        let mut first = ptr::null_mut();
        // SAFETY: the caller has bound the context; `first` is there to be written to.
        unsafe { sys::cuMemHostAlloc(&mut first, len, 0) }.result()?;
        let first = NonNull::new(first.cast()).expect("a memory that was given has an address");
        // SAFETY: `len` bytes from `first` on are this one's; from here on they are initialised.
        unsafe { first.write_bytes(0, len) };
        Ok(Self { device, first, len })
    }
}

impl Drop for PageLocked {
    fn drop(&mut self) {
        let bound = self.device.bind_to_thread();
        // SAFETY: it was made by `new`; the `Stage` around it has waited for the last copy.
        let _ = bound.and_then(|()| unsafe { sys::cuMemFreeHost(self.first.as_ptr().cast()) }.result());
    }
}

impl Memory for PageLocked {
    type End = Arc<Event>;
    type Error = CudaError;

    fn bytes(&self) -> &[u8] {
        // SAFETY: `len` initialised bytes that are this one's.
        unsafe { slice::from_raw_parts(self.first.as_ptr(), self.len) }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `self` is borrowed alone; a `Stage` asks for it only when no copy runs.
        unsafe { slice::from_raw_parts_mut(self.first.as_ptr(), self.len) }
    }
}

/// A point in a stream.
#[derive(Debug)]
struct Event {
    device: Arc<CudaDevice>,
    event: CUevent,
}

// SAFETY: a handle, which the driver lets any thread use whose context is the device's; every use binds it.
unsafe impl Send for Event {}
// SAFETY: as above.
unsafe impl Sync for Event {}

impl Event {
    /// Behind all that `stream` was given so far.
    fn record(device: &Arc<CudaDevice>, stream: CUstream) -> Result<Self, CudaError> {
        let event = result::event::create(CUevent_flags::CU_EVENT_DISABLE_TIMING)?;
        let event = Self { device: device.clone(), event };
        // SAFETY: the event was made above; streams live as long as their owners, which ask for this.
        unsafe { result::event::record(event.event, stream) }?;
        Ok(event)
    }

    /// The stream of the device's kernels.
    fn kernels(&self) -> CUstream {
        *self.device.cu_stream()
    }

    /// Has `stream` wait here with all that it is given from now on; the host does not wait.
    fn hold(&self, stream: CUstream) -> Result<(), DriverError> {
        self.device.bind_to_thread()?;
        // SAFETY: both live; an event may be destroyed once the wait is in the stream.
        unsafe { result::stream::wait_event(stream, self.event, CUevent_wait_flags::CU_EVENT_WAIT_DEFAULT) }
    }
}

impl End for Arc<Event> {
    type Error = CudaError;

    fn wait(&self) -> Result<(), CudaError> {
        self.device.bind_to_thread()?;
        // SAFETY: the event lives.
        Ok(unsafe { sys::cuEventSynchronize(self.event) }.result()?)
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        let bound = self.device.bind_to_thread();
        // SAFETY: it was made by `record`, and nothing else destroys it.
        let _ = bound.and_then(|()| unsafe { result::event::destroy(self.event) });
    }
}
