//! A CUDA device as a [`Queue`]: dfdx's primary context and default stream, so that its own kernels and these run in the order
//! they are launched in.
#![allow(unsafe_code)]

use std::collections::HashMap;
use std::ffi::{CString, c_void};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use cudarc::cublas::CudaBlas;
use cudarc::cublas::sys as blas;
use cudarc::driver::sys::{CUdevice_attribute, CUfunction, CUmodule};
use cudarc::driver::{CudaDevice, CudaSlice, DevicePtr, DevicePtrMut, DeviceSlice, result};
use cudarc::nvrtc::{CompileOptions, compile_ptx_with_opts};
use dfdx::tensor::CudaError;

use crate::backend::Products;

use super::queue::{Argument, Element, Grid, Kernel, Product, Queue};
use super::view::{View, ViewMut};

/// A device, its matrix products, and the kernels that have been compiled for it.
#[derive(Debug)]
pub struct Stream {
    device: Arc<CudaDevice>,
    blas: CudaBlas,
    products: Mutex<Products>,
    multiprocessors: usize,
    /// What the compiler calls the card's instructions.
    architecture: &'static str,
    compiled: Mutex<Compiled>,
}

/// What has been compiled; it stays in the device's memory until the process ends.
#[derive(Debug, Default)]
struct Compiled {
    functions: HashMap<Kernel, Function>,
    /// By their text, which often has several functions.
    modules: HashMap<String, Module>,
}

#[derive(Clone, Copy, Debug)]
struct Function(CUfunction);

#[derive(Clone, Copy, Debug)]
struct Module(CUmodule);

// SAFETY: handles, which the driver lets any thread use whose context is the device's; `launch` sees to that.
unsafe impl Send for Function {}
// SAFETY: as above.
unsafe impl Send for Module {}

/// Memory of a device.
#[derive(Debug)]
pub struct DeviceMemory<E> {
    bytes: CudaSlice<u8>,
    len: usize,
    elements: PhantomData<E>,
}

impl Stream {
    /// The default stream of a device.
    pub fn new(device: Arc<CudaDevice>) -> Result<Self, CudaError> {
        let blas = CudaBlas::new(device.clone())?;
        let attribute = |which| device.attribute(which);
        let [major, minor, multiprocessors] = [
            CUdevice_attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR,
            CUdevice_attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR,
            CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT,
        ]
        .map(attribute);
        // cudarc's options want it for ever; there is one of it for each device.
        let architecture = Box::leak(format!("compute_{}{}", major?, minor?).into_boxed_str());
        let multiprocessors = usize::try_from(multiprocessors?).unwrap_or(1).max(1);
        let (products, compiled) = (Mutex::default(), Mutex::default());
        Ok(Self { device, blas, products, multiprocessors, architecture, compiled })
    }

    /// The device.
    pub fn device(&self) -> Arc<CudaDevice> {
        self.device.clone()
    }

    /// What products of f32 round their factors to. Convolutions by this crate's own kernels stay in f32.
    pub fn round_products(&self, to: Products) {
        *self.products.lock().unwrap_or_else(PoisonError::into_inner) = to;
    }

    /// How cuBLAS computes products of an element, and what it calls that.
    fn formats<E: Element>(&self) -> (blas::cudaDataType, blas::cublasComputeType_t) {
        use blas::cublasComputeType_t as Compute;
        if E::NAME != "float" {
            return (blas::cudaDataType::CUDA_R_64F, Compute::CUBLAS_COMPUTE_64F);
        }
        let compute = match *self.products.lock().unwrap_or_else(PoisonError::into_inner) {
            Products::F32 => Compute::CUBLAS_COMPUTE_32F,
            Products::Tf32 => Compute::CUBLAS_COMPUTE_32F_FAST_TF32,
            Products::Bf16 => Compute::CUBLAS_COMPUTE_32F_FAST_16BF,
        };
        (blas::cudaDataType::CUDA_R_32F, compute)
    }

    fn function(&self, kernel: &Kernel) -> Result<Function, CudaError> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&function) = compiled.functions.get(kernel) {
            return Ok(function);
        }
        let text = kernel.text();
        let Module(module) = match compiled.modules.get(&text) {
            Some(&module) => module,
            None => {
                *compiled.modules.entry(text.clone()).insert_entry(self.compile(kernel.name, text)?).get()
            }
        };
        let name = CString::new(kernel.name).expect("a name holds no zero");
        // SAFETY: the module is never unloaded, and the context is bound.
        let function = Function(unsafe { result::module::get_function(module, name) }?);
        compiled.functions.insert(kernel.clone(), function);
        Ok(function)
    }

    /// # Panics
    ///
    /// If the text does not compile, which is a fault of this crate's or of CUDA's installation, found at the first kernel.
    fn compile(&self, name: &str, text: String) -> Result<Module, CudaError> {
        let options = CompileOptions { arch: Some(self.architecture), ..CompileOptions::default() };
        let program = compile_ptx_with_opts(text, options)
            .unwrap_or_else(|error| panic!("NVRTC does not compile {name}: {error}"));
        let program = CString::new(program.to_src()).expect("PTX holds no zero");
        // SAFETY: the text is PTX that ends in a zero, and the context is bound.
        Ok(Module(unsafe { result::module::load_data(program.as_ptr().cast()) }?))
    }
}

impl<E> DeviceMemory<E> {
    /// The elements, of a memory that something has written to.
    pub fn view(&self) -> View<'_, E> {
        let address = *self.bytes.device_ptr();
        // SAFETY: the memory is this one's, and is freed on the stream that all kernels run on, behind them.
        unsafe { View::new(address, self.len) }
    }

    fn view_mut(&mut self) -> ViewMut<'_, E> {
        let address = *self.bytes.device_ptr_mut();
        // SAFETY: as above, and `self` is borrowed alone.
        unsafe { ViewMut::new(address, self.len) }
    }
}

impl Queue for Stream {
    type Error = CudaError;
    type Memory<E: Copy + 'static> = DeviceMemory<E>;

    fn multiprocessors(&self) -> usize {
        self.multiprocessors
    }

    fn memory<E: Copy + 'static>(&self, len: usize) -> Result<DeviceMemory<E>, CudaError> {
        // CUDA has no memory of zero bytes.
        let bytes = (len * size_of::<E>()).max(1);
        // SAFETY: any bytes are a `u8`; kernels find it uninitialised, as the trait says.
        let bytes = unsafe { self.device.alloc::<u8>(bytes) }?;
        Ok(DeviceMemory { bytes, len, elements: PhantomData })
    }

    fn upload(&self, numbers: &[u64]) -> Result<DeviceMemory<u64>, CudaError> {
        let mut memory = self.memory::<u64>(numbers.len())?;
        let mut bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect();
        bytes.resize(memory.bytes.len(), 0);
        // The memory keeps the bytes until it is dropped.
        self.device.htod_copy_into(bytes, &mut memory.bytes)?;
        Ok(memory)
    }

    fn elements<'a, E: Copy + 'static>(&self, memory: &'a mut DeviceMemory<E>) -> ViewMut<'a, E> {
        memory.view_mut()
    }

    fn clear<E: Element>(&self, memory: &mut DeviceMemory<E>) -> Result<(), CudaError> {
        Ok(self.device.memset_zeros(&mut memory.bytes)?)
    }

    unsafe fn launch(&self, kernel: &Kernel, grid: Grid, arguments: &[Argument]) -> Result<(), CudaError> {
        self.device.bind_to_thread()?;
        let Function(function) = self.function(kernel)?;
        let [x, y, z] = grid.blocks.map(|count| u32::try_from(count).expect("grids are small"));
        let threads = u32::try_from(grid.threads).expect("blocks are small");
        let mut values = arguments.to_vec();
        let mut pointers: Vec<*mut c_void> = values.iter_mut().map(pointer).collect();
        // SAFETY: the caller's promise about kernel and arguments; the driver copies the arguments before it returns. The
        // stream is the device's.
        unsafe {
            let stream = *self.device.cu_stream();
            result::launch_kernel(function, (x, y, z), (threads, 1, 1), 0, stream, &mut pointers)?;
        }
        Ok(())
    }

    unsafe fn multiply<E: Element>(
        &self,
        product: &Product,
        a: View<'_, E>,
        b: View<'_, E>,
        c: ViewMut<'_, E>,
    ) -> Result<(), CudaError> {
        self.device.bind_to_thread()?;
        let [a, b, c] = [a, b, c.view()].map(|view| view.address());
        let &Product { m, n, k, a: of_a, b: of_b, c: [leading, stride], batch, add } = product;
        let (element, compute) = self.formats::<E>();
        let operation = |transposed| match transposed {
            true => blas::cublasOperation_t::CUBLAS_OP_T,
            false => blas::cublasOperation_t::CUBLAS_OP_N,
        };
        let int = |size: usize| i32::try_from(size).expect("sizes of one dimension fit an int");
        let (mut one, mut beta) = (E::argument(1.0), E::argument(if add { 1.0 } else { 0.0 }));
        // SAFETY: the caller's promise that all elements lie within the views; `element` says which type they, `one` and
        // `beta` are of. The handle lives, and works on the device's stream.
        unsafe {
            cudarc::cublas::result::gemm_strided_batched_ex(
                *self.blas.handle(),
                operation(of_a.transposed),
                operation(of_b.transposed),
                int(m),
                int(n),
                int(k),
                pointer(&mut one),
                a as *const c_void,
                element,
                int(of_a.leading),
                of_a.stride as i64,
                b as *const c_void,
                element,
                int(of_b.leading),
                of_b.stride as i64,
                pointer(&mut beta),
                c as *mut c_void,
                element,
                int(leading),
                stride as i64,
                int(batch),
                compute,
                blas::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT,
            )?;
        }
        Ok(())
    }
}

fn pointer(argument: &mut Argument) -> *mut c_void {
    match argument {
        Argument::Address(value) | Argument::Size(value) => std::ptr::from_mut(value).cast(),
        Argument::Int(value) => std::ptr::from_mut(value).cast(),
        Argument::Float(value) => std::ptr::from_mut(value).cast(),
        Argument::Double(value) => std::ptr::from_mut(value).cast(),
    }
}
