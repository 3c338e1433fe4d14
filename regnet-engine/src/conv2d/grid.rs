//! Planes laid out so that a convolution needs no edge code.
//!
//! A *lattice* is every `stride`-th pixel of a plane, from some first row and column on. A *view* is a lattice moved
//! sideways by a column of the kernel: as wide as the output, with zeros where the lattice has no column, and rows of
//! zeros above and below. A kernel position then is a view and a number of rows: all output pixels, row after row, read
//! one run of the view, strides included, and nothing is computed that is not used.
//!
//! Images that are too small to fill vectors lie side by side: row 0 of all of them, then row 1.

use std::ops::RangeInclusive;

use super::Conv2d;
use super::rows::{Rows, add_rows, copy_rows};
use crate::Real;

/// Every `step`-th pixel of a plane, from (`first_row`, `first_column`) on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lattice {
    pub height: usize,
    pub width: usize,
    pub step: usize,
    pub first_row: usize,
    pub first_column: usize,
}

impl Lattice {
    fn whole(height: usize, width: usize) -> Self {
        Lattice { height, width, step: 1, first_row: 0, first_column: 0 }
    }

    fn rows(&self) -> usize {
        self.height.saturating_sub(self.first_row).div_ceil(self.step)
    }

    fn columns(&self) -> usize {
        self.width.saturating_sub(self.first_column).div_ceil(self.step)
    }

    /// Where in the plane row `r` begins.
    fn row(&self, r: usize) -> usize {
        (self.first_row + r * self.step) * self.width + self.first_column
    }
}

/// A lattice whose column `c + shift` is seen at column `c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct View {
    lattice: Lattice,
    shift: isize,
}

/// What output pixels see at a kernel position: row `r + rows` of a view at row `r`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    view: usize,
    rows: isize,
}

/// The layout that one pass reads.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    /// Rows that are computed.
    height: usize,
    /// Columns that are computed.
    width: usize,
    /// Rows of zeros above and below.
    border: usize,
    pub views: Vec<View>,
}

/// For every place along an axis, seen from an output pixel's own: which lattice it falls on, by its first row or
/// column, and how many of the lattice's rows or columns away.
fn axis(places: RangeInclusive<isize>, step: usize) -> Vec<(usize, isize)> {
    let step = step as isize;
    places.map(|place| (place.rem_euclid(step) as usize, place.div_euclid(step))).collect()
}

/// The same for the rows or columns of a kernel.
fn kernel_axis(op: &Conv2d) -> Vec<(usize, isize)> {
    let padding = op.padding() as isize;
    axis(-padding..=padding, op.stride)
}

impl Grid {
    fn new(op: &Conv2d) -> Self {
        let border = op.padding().div_ceil(op.stride);
        Grid { height: op.out_height(), width: op.out_width(), border, views: Vec::new() }
    }

    /// What is seen of planes of so many rows and columns, from the first row of places to the last.
    fn seen(&mut self, axis: &[(usize, isize)], (height, width): (usize, usize), step: usize) -> Vec<Seen> {
        let mut positions = Vec::new();
        for &(first_row, rows) in axis {
            for &(first_column, shift) in axis {
                let lattice = Lattice { height, width, step, first_row, first_column };
                positions.push(Seen { view: self.view(View { lattice, shift }), rows });
            }
        }
        positions
    }

    /// The input as the forward pass and the gradient of the weight read it, and what each kernel position sees.
    pub(super) fn of_input(op: &Conv2d) -> (Self, Vec<Seen>) {
        let mut grid = Grid::new(op);
        let seen = grid.seen(&kernel_axis(op), (op.height, op.width), op.stride);
        (grid, seen)
    }

    /// Planes in tiles of 2x2 pixels, and what each tile sees: 4x4 pixels, itself and a border.
    pub(super) fn of_tiles(height: usize, width: usize) -> (Self, Vec<Seen>) {
        let mut grid =
            Grid { height: height.div_ceil(2), width: width.div_ceil(2), border: 1, views: Vec::new() };
        let seen = grid.seen(&axis(-1..=2, 2), (height, width), 2);
        (grid, seen)
    }

    /// The output as the gradient of the input reads it, and, for each lattice of the input, the kernel positions that
    /// fall on it with what they see.
    pub(super) fn of_output(op: &Conv2d) -> (Self, Vec<(Lattice, Vec<(usize, Seen)>)>) {
        let (mut grid, axis) = (Grid::new(op), kernel_axis(op));
        let whole = grid.whole();
        let mut lattices: Vec<(Lattice, Vec<(usize, Seen)>)> = Vec::new();
        for (ky, &(first_row, rows)) in axis.iter().enumerate() {
            for (kx, &(first_column, shift)) in axis.iter().enumerate() {
                let (height, width, step) = (op.height, op.width, op.stride);
                let lattice = Lattice { height, width, step, first_row, first_column };
                let view = grid.view(View { lattice: whole, shift: -shift });
                let position = (ky * op.kernel + kx, Seen { view, rows: -rows });
                match lattices.iter_mut().find(|(known, _)| *known == lattice) {
                    Some((_, positions)) => positions.push(position),
                    None => lattices.push((lattice, vec![position])),
                }
            }
        }
        (grid, lattices)
    }

    /// The number of a view.
    fn view(&mut self, view: View) -> usize {
        self.views.iter().position(|&known| known == view).unwrap_or_else(|| {
            self.views.push(view);
            self.views.len() - 1
        })
    }

    /// Whether the planes that are read are their own only view.
    pub(super) fn is_plain(&self) -> bool {
        self.border == 0 && self.views.len() == 1 && self.is_whole(&self.views[0].lattice)
    }

    /// All that is computed.
    pub(super) fn whole(&self) -> Lattice {
        Lattice::whole(self.height, self.width)
    }

    /// Whether a lattice is all that is computed, in its order.
    pub(super) fn is_whole(&self, lattice: &Lattice) -> bool {
        *lattice == self.whole()
    }

    /// Pixels that are computed of one image.
    pub(super) fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Elements of a row of some images.
    pub(super) fn row(&self, images: usize) -> usize {
        self.width * images
    }

    /// Elements of a view of some images.
    pub(super) fn plane(&self, images: usize) -> usize {
        (self.height + 2 * self.border) * self.width * images
    }

    /// Where, in the views of one channel of some images, the first output pixel finds what it sees.
    pub(super) fn offset(&self, seen: Seen, images: usize) -> usize {
        let row = self.border.strict_add_signed(seen.rows);
        seen.view * self.plane(images) + row * self.width * images
    }

    /// Writes image number `image` of `images` into one of the views. What the view lacks is left as it is: zero, if a
    /// buffer that starts as zeros holds nothing but this view.
    pub(super) fn gather<T: Real>(
        &self,
        view: &View,
        plane: &[T],
        (image, images): (usize, usize),
        to: &mut [T],
    ) {
        let (lattice, width) = (&view.lattice, self.width);
        let first = view.shift.min(0).unsigned_abs().min(width);
        let end = lattice.columns().saturating_add_signed(-view.shift).min(width);
        if end <= first {
            return;
        }
        if images == 1 && self.is_whole(lattice) {
            let to = &mut to[self.border * width..][..self.pixels()];
            return shifted(plane, view.shift, width, to);
        }
        let skipped = first.strict_add_signed(view.shift) * lattice.step;
        let from = Rows { start: lattice.row(0) + skipped, distance: lattice.step * lattice.width };
        let start = (self.border * images + image) * width + first;
        let to_rows = Rows { start, distance: images * width };
        copy_rows((lattice.rows(), end - first), (plane, from, lattice.step), (to, to_rows, 1));
    }

    /// Overwrites a lattice of a plane with what was computed for image number `image` of `images`, or adds it.
    pub(super) fn scatter<T: Real>(
        &self,
        computed: &[T],
        (image, images): (usize, usize),
        lattice: &Lattice,
        add: bool,
        plane: &mut [T],
    ) {
        let size = (lattice.rows(), lattice.columns());
        if size.0 == 0 || size.1 == 0 {
            return;
        }
        let from = Rows { start: image * self.width, distance: images * self.width };
        let to = Rows { start: lattice.row(0), distance: lattice.step * lattice.width };
        if add {
            add_rows(size, (computed, from, 1), (plane, to, lattice.step));
        } else {
            copy_rows(size, (computed, from, 1), (plane, to, lattice.step));
        }
    }
}

/// Writes rows of `width`, moved by `shift`, at the speed of one long copy; the zeros at the rows' ends come after it.
fn shifted<T: Real>(from: &[T], shift: isize, width: usize, to: &mut [T]) {
    let (distance, length) = (shift.unsigned_abs(), to.len());
    let zeros = if shift < 0 {
        to[distance..].copy_from_slice(&from[..length - distance]);
        0..distance
    } else {
        to[..length - distance].copy_from_slice(&from[distance..length]);
        width - distance..width
    };
    for column in zeros {
        to[column..].iter_mut().step_by(width).for_each(|pixel| *pixel = T::zero());
    }
}
