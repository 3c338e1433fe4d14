//! Products of row-major matrices, many of them side by side.

use crate::cuda::queue::{Element, Factor, Product, Queue};
use crate::cuda::view::{View, ViewMut};

/// A row-major matrix, or one for each product.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<V> {
    /// The elements of all of them.
    pub elements: V,
    /// Elements from one stored row to the next.
    pub pitch: usize,
    /// Elements from one matrix to the next; 0 for the same in all products.
    pub stride: usize,
    /// Whether the stored matrix is the transpose of the one that is meant.
    pub transposed: bool,
}

impl<V> Matrix<V> {
    /// One matrix for all products.
    pub fn new(elements: V, pitch: usize) -> Self {
        Self { elements, pitch, stride: 0, transposed: false }
    }

    /// A matrix for each product.
    pub fn each(elements: V, pitch: usize, stride: usize) -> Self {
        Self { elements, pitch, stride, transposed: false }
    }

    /// The transpose of the stored matrix.
    pub fn transposed(self) -> Self {
        Self { transposed: !self.transposed, ..self }
    }

    fn factor(&self) -> Factor {
        Factor { transposed: self.transposed, leading: self.pitch, stride: self.stride }
    }

    /// Elements that `batch` matrices of `rows` x `columns` need.
    fn needs(&self, batch: usize, rows: usize, columns: usize) -> usize {
        let (rows, columns) = if self.transposed { (columns, rows) } else { (rows, columns) };
        if batch == 0 || rows == 0 || columns == 0 {
            return 0;
        }
        assert!(columns <= self.pitch || rows == 1, "rows of {columns} elements, {} apart", self.pitch);
        (batch - 1) * self.stride + (rows - 1) * self.pitch + columns
    }
}

/// Sizes of products: `rows` x `terms` times `terms` x `columns`.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Number of products.
    pub batch: usize,
    /// Of the left factor and the result.
    pub rows: usize,
    /// Of the right factor and the result.
    pub columns: usize,
    /// Columns of the left factor, rows of the right.
    pub terms: usize,
}

/// `into = left right`, or `into += left right`.
pub fn multiply<E: Element, Q: Queue>(
    queue: &Q,
    Sizes { batch, rows, columns, terms }: Sizes,
    left: Matrix<View<'_, E>>,
    right: Matrix<View<'_, E>>,
    mut into: Matrix<ViewMut<'_, E>>,
    add: bool,
) -> Result<(), Q::Error> {
    assert!(left.elements.len() >= left.needs(batch, rows, terms), "left factor: {left:?}");
    assert!(right.elements.len() >= right.needs(batch, terms, columns), "right factor: {right:?}");
    assert!(into.elements.len() >= into.needs(batch, rows, columns) && !into.transposed, "result: {into:?}");
    assert!(batch <= 1 || into.stride > 0, "several products into one result: {into:?}");
    if batch == 0 || rows == 0 || columns == 0 {
        return Ok(());
    }
    // BLAS is column-major, and so sees the transposes of row-major matrices: (a b)ᵀ = bᵀ aᵀ.
    let product = Product {
        m: columns,
        n: rows,
        k: terms,
        a: right.factor(),
        b: left.factor(),
        c: [into.pitch, into.stride],
        batch,
        add,
    };
    // SAFETY: the assertions above count the elements that each matrix reaches.
    unsafe { queue.multiply(&product, right.elements, left.elements, into.elements.again()) }
}
