//! What a device must do for the operations of this module: keep memory, launch kernels and multiply matrices, in order.

use std::fmt::Debug;
use std::hash::{Hash, Hasher};

use super::view::{View, ViewMut};

/// An element type of the kernels.
pub trait Element: Copy + Debug + Send + Sync + 'static {
    /// Its name in CUDA C++.
    const NAME: &'static str;

    /// A number as an argument of this type.
    fn argument(value: f64) -> Argument;
}

impl Element for f32 {
    const NAME: &'static str = "float";

    fn argument(value: f64) -> Argument {
        Argument::Float(value as f32)
    }
}

impl Element for f64 {
    const NAME: &'static str = "double";

    fn argument(value: f64) -> Argument {
        Argument::Double(value)
    }
}

/// An argument of a kernel.
#[derive(Clone, Copy, Debug)]
pub enum Argument {
    /// A pointer.
    Address(u64),
    /// An `int`.
    Int(i32),
    /// A `size_t`.
    Size(u64),
    /// A `float`.
    Float(f32),
    /// A `double`.
    Double(f64),
}

impl Argument {
    /// What a kernel takes for "none".
    pub const NULL: Self = Self::Address(0);

    /// An `int`.
    pub fn int(value: usize) -> Self {
        Self::Int(i32::try_from(value).expect("sizes of one dimension fit an int"))
    }

    /// A `size_t`.
    pub fn size(value: usize) -> Self {
        Self::Size(value as u64)
    }

    /// A flag, which kernels take as an `int`.
    pub fn flag(value: bool) -> Self {
        Self::Int(value.into())
    }

    /// A pointer that may be null.
    pub fn optional<E>(view: Option<View<'_, E>>) -> Self {
        view.map_or(Self::NULL, Self::from)
    }
}

impl<E> From<View<'_, E>> for Argument {
    fn from(view: View<'_, E>) -> Self {
        Self::Address(view.address())
    }
}

impl<E> From<&mut ViewMut<'_, E>> for Argument {
    fn from(view: &mut ViewMut<'_, E>) -> Self {
        Self::Address(view.address())
    }
}

/// A kernel with the constants that it is compiled for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// The text of its file, and of the files it rests on.
    pub sources: &'static [&'static str],
    /// Its name in that text, which no kernel of another file has.
    pub name: &'static str,
    /// The element type.
    pub element: &'static str,
    /// Names and values of constants.
    pub constants: Vec<(&'static str, usize)>,
}

impl Hash for Kernel {
    /// Without the text, which follows from the name.
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.name, self.element, &self.constants).hash(state);
    }
}

impl Kernel {
    /// The constants and the sources.
    pub fn text(&self) -> String {
        let mut text = format!("#define REAL {}\n", self.element);
        for (name, value) in &self.constants {
            text += &format!("#define {name} {value}\n");
        }
        text + &self.sources.concat()
    }
}

/// How many blocks of how many threads run a kernel.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    /// Blocks in x, y and z.
    pub blocks: [usize; 3],
    /// Threads of a block.
    pub threads: usize,
}

/// Products of column-major matrices, `c = a b` or `c += a b`, as BLAS has them: `a` is `m x k`, `b` is `k x n`.
#[derive(Clone, Copy, Debug)]
pub struct Product {
    /// Rows of `c`.
    pub m: usize,
    /// Columns of `c`.
    pub n: usize,
    /// Terms of a sum.
    pub k: usize,
    /// Of the left factor.
    pub a: Factor,
    /// Of the right factor.
    pub b: Factor,
    /// Elements from one column of `c` to the next, and from one `c` to the next.
    pub c: [usize; 2],
    /// Number of products.
    pub batch: usize,
    /// Whether the products are added to `c`.
    pub add: bool,
}

/// How a factor of a product is stored.
#[derive(Clone, Copy, Debug)]
pub struct Factor {
    /// Whether the stored matrix is the factor's transpose.
    pub transposed: bool,
    /// Elements from one stored column to the next.
    pub leading: usize,
    /// Elements from one factor to the next; 0 for the same in all products.
    pub stride: usize,
}

/// A device's memory and what runs on it, one thing after the other.
pub trait Queue {
    /// Why something did not work.
    type Error;

    /// Memory that is given back when it is dropped, after all that was launched before.
    type Memory<E: Copy + 'static>;

    /// How many blocks the device works on side by side.
    fn multiprocessors(&self) -> usize;

    /// Memory for `len` elements that nothing has written to yet.
    ///
    /// # Errors
    /// There is not enough.
    fn memory<E: Copy + 'static>(&self, len: usize) -> Result<Self::Memory<E>, Self::Error>;

    /// Memory that holds `numbers`, for what is launched from now on.
    ///
    /// # Errors
    /// There is not enough.
    fn upload(&self, numbers: &[u64]) -> Result<Self::Memory<u64>, Self::Error>;

    /// The elements of a memory.
    fn elements<'a, E: Copy + 'static>(&self, memory: &'a mut Self::Memory<E>) -> ViewMut<'a, E>;

    /// Sets every element to zero.
    ///
    /// # Errors
    /// The device's.
    fn clear<E: Element>(&self, memory: &mut Self::Memory<E>) -> Result<(), Self::Error>;

    /// Launches a kernel.
    ///
    /// # Errors
    /// The device's, and the compiler's.
    ///
    /// # Safety
    /// `arguments` have the types of the kernel's parameters in their order, and for them and its constants the kernel
    /// stays within the memory behind its pointers.
    #[allow(unsafe_code)]
    unsafe fn launch(&self, kernel: &Kernel, grid: Grid, arguments: &[Argument]) -> Result<(), Self::Error>;

    /// Multiplies matrices.
    ///
    /// # Errors
    /// The device's.
    ///
    /// # Safety
    /// All elements that `product` reads and writes lie within `a`, `b` and `c`.
    #[allow(unsafe_code)]
    unsafe fn multiply<E: Element>(
        &self,
        product: &Product,
        a: View<'_, E>,
        b: View<'_, E>,
        c: ViewMut<'_, E>,
    ) -> Result<(), Self::Error>;
}
