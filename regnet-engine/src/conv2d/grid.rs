//! Images laid out so that a convolution needs no edge code.
//!
//! A *lattice* is every `stride`-th pixel of a plane, from some first row and column on. In a *grid* each
//! lattice lies in rows of the output's width, with a border of zeros above every image and left of every
//! row; the next row's border serves as the right one, the next image's as the bottom one. A kernel position
//! then is a shift by a constant, the same for all pixels, strides included: output pixel `q` needs element
//! `q + shift` of the lattice that the position falls on. What comes out at border places is not used.

use std::ops::Range;

use super::Conv2d;
use crate::Real;

/// Every `step`-th pixel of a plane, from (`first_row`, `first_column`) on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lattice {
    pub height: usize,
    pub width: usize,
    pub step: usize,
    pub first_row: usize,
    pub first_column: usize,
}

impl Lattice {
    fn rows(&self) -> usize {
        self.height.saturating_sub(self.first_row).div_ceil(self.step)
    }

    fn columns(&self) -> usize {
        self.width.saturating_sub(self.first_column).div_ceil(self.step)
    }

    /// Pixels of the whole plane.
    pub(super) fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// The part of the plane from the lattice's pixel 0 in its row `r` to the end of that row.
    fn row(&self, r: usize) -> Range<usize> {
        let start = (self.first_row + r * self.step) * self.width;
        start + self.first_column..start + self.width
    }
}

/// A kernel position: the lattice it falls on and how far it shifts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shift {
    /// Index into [`Grid::input`].
    pub lattice: usize,
    /// Rows, from `-border` to `border`.
    pub rows: isize,
    /// Columns, from `-border` to `border`.
    pub columns: isize,
}

/// The layout for one convolution.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    /// Rows above and columns left of an image.
    border: usize,
    /// Distance between rows.
    row: usize,
    /// Distance between images.
    pub image: usize,
    /// The lattices of the input that some kernel position falls on.
    pub input: Vec<Lattice>,
    /// The output's only lattice.
    pub output: Lattice,
    /// One for each kernel position, in the weight's order.
    pub shifts: Vec<Shift>,
}

impl Grid {
    pub(super) fn new(op: &Conv2d) -> Self {
        let (stride, padding) = (op.stride as isize, op.padding() as isize);
        let border = op.padding().div_ceil(op.stride);
        let row = op.out_width() + border;
        let axis: Vec<(usize, isize)> = (-padding..=padding)
            .map(|place| (place.rem_euclid(stride) as usize, place.div_euclid(stride)))
            .collect();
        let mut residues: Vec<usize> = axis.iter().map(|&(residue, _)| residue).collect();
        residues.sort_unstable();
        residues.dedup();
        let index = |residue| residues.iter().position(|&r| r == residue).expect("every residue is listed");
        let pairs = |a: usize, b: usize| (0..a * b).map(move |i| (i / b, i % b));
        Grid {
            border,
            row,
            image: (op.out_height() + border) * row,
            input: pairs(residues.len(), residues.len())
                .map(|(r, c)| Lattice {
                    height: op.height,
                    width: op.width,
                    step: op.stride,
                    first_row: residues[r],
                    first_column: residues[c],
                })
                .collect(),
            output: Lattice {
                height: op.out_height(),
                width: op.out_width(),
                step: 1,
                first_row: 0,
                first_column: 0,
            },
            shifts: pairs(op.kernel, op.kernel)
                .map(|(ky, kx)| Shift {
                    lattice: index(axis[ky].0) * residues.len() + index(axis[kx].0),
                    rows: axis[ky].1,
                    columns: axis[kx].1,
                })
                .collect(),
        }
    }

    /// Whether planes of the input, of the output and of the grid are the same, so that nothing need be
    /// copied.
    pub(super) fn is_plain(&self) -> bool {
        self.border == 0 && self.input[0].step == 1
    }

    /// Elements of a bordered plane of some images.
    pub(super) fn plane(&self, images: usize) -> usize {
        images * self.image + 2 * self.border * (self.row + 1)
    }

    /// Where in a bordered plane output pixel 0 finds what lies (`rows`, `columns`) from it.
    pub(super) fn offset(&self, rows: isize, columns: isize) -> usize {
        let border = self.border as isize;
        ((rows + border) * self.row as isize + columns + border) as usize
    }

    /// Copies a lattice of one image's plane into the grid, `bordered` or from the first element on, where
    /// output pixels lie.
    pub(super) fn gather<T: Real>(&self, lattice: &Lattice, plane: &[T], bordered: bool, grid: &mut [T]) {
        let start = if bordered { self.offset(0, 0) } else { 0 };
        let (rows, columns) = (lattice.rows(), lattice.columns());
        if rows == 0 || columns == 0 {
            return;
        }
        if lattice.step == 1 {
            let from = Rows { start: 0, distance: lattice.width };
            let to = Rows { start, distance: self.row };
            copy_rows(rows, columns, plane, from, grid, to);
            return;
        }
        for r in 0..rows {
            let grid = &mut grid[start + r * self.row..][..columns];
            let plane = &plane[lattice.row(r)];
            if lattice.step == 2 {
                // Pairs, because the compiler has vectors for those.
                let (pairs, rest) = plane.as_chunks::<2>();
                grid.iter_mut().zip(pairs).for_each(|(to, &[pixel, _])| *to = pixel);
                grid[pairs.len()..].copy_from_slice(rest);
            } else {
                grid.iter_mut().zip(plane.iter().step_by(lattice.step)).for_each(|(to, &pixel)| *to = pixel);
            }
        }
    }

    /// Overwrites an image's plane with what the grid holds for it.
    pub(super) fn overwrite<T: Real>(&self, grid: &[T], lattice: &Lattice, plane: &mut [T]) {
        debug_assert_eq!(lattice.step, 1);
        let from = Rows { start: 0, distance: self.row };
        let to = Rows { start: 0, distance: lattice.width };
        copy_rows(lattice.height, lattice.width, grid, from, plane, to);
    }

    /// Adds what the grid holds for a lattice to an image's plane.
    pub(super) fn add<T: Real>(&self, grid: &[T], lattice: &Lattice, plane: &mut [T]) {
        let (rows, columns) = (lattice.rows(), lattice.columns());
        if columns == 0 {
            return;
        }
        if lattice.step == 1 {
            let from = Rows { start: 0, distance: self.row };
            let to = Rows { start: 0, distance: lattice.width };
            add_rows(rows, columns, grid, from, plane, to);
            return;
        }
        for r in 0..rows {
            let grid = &grid[r * self.row..][..columns];
            let plane = &mut plane[lattice.row(r)];
            if lattice.step == 2 {
                let (pairs, rest) = plane.as_chunks_mut::<2>();
                pairs.iter_mut().zip(grid).for_each(|([pixel, _], &sum)| *pixel += sum);
                rest.iter_mut().zip(&grid[pairs.len()..]).for_each(|(pixel, &sum)| *pixel += sum);
            } else {
                plane.iter_mut().step_by(lattice.step).zip(grid).for_each(|(pixel, &sum)| *pixel += sum);
            }
        }
    }
}

/// Where rows lie in a slice.
#[derive(Clone, Copy)]
struct Rows {
    start: usize,
    distance: usize,
}

/// Copies rows.
fn copy_rows<T: Real>(rows: usize, width: usize, from: &[T], a: Rows, to: &mut [T], b: Rows) {
    if a.distance == width && b.distance == width {
        let length = rows * width;
        to[b.start..][..length].copy_from_slice(&from[a.start..][..length]);
        return;
    }
    each_row(
        rows,
        width,
        from,
        a,
        to,
        b,
        #[inline(always)]
        |to, from| to.copy_from_slice(from),
    );
}

/// Adds rows to rows.
fn add_rows<T: Real>(rows: usize, width: usize, from: &[T], a: Rows, to: &mut [T], b: Rows) {
    each_row(
        rows,
        width,
        from,
        a,
        to,
        b,
        #[inline(always)]
        |to, from| to.iter_mut().zip(from).for_each(|(to, &from)| *to += from),
    );
}

/// Calls `run(to, from)` for each row; those of the usual short widths without a loop or a call of its own.
#[inline(always)]
fn each_row<T>(
    rows: usize,
    width: usize,
    from: &[T],
    a: Rows,
    to: &mut [T],
    b: Rows,
    run: impl Fn(&mut [T], &[T]),
) {
    macro_rules! widths {
        ($($usual:literal)*) => {
            match width {
                $($usual => each_row_of::<T, $usual>(rows, from, a, to, b, run),)*
                _ => {
                    for r in 0..rows {
                        let from = &from[a.start + r * a.distance..][..width];
                        run(&mut to[b.start + r * b.distance..][..width], from);
                    }
                }
            }
        };
    }
    widths!(4 7 8 14 16 28 32);
}

#[inline(always)]
fn each_row_of<T, const WIDTH: usize>(
    rows: usize,
    from: &[T],
    a: Rows,
    to: &mut [T],
    b: Rows,
    run: impl Fn(&mut [T], &[T]),
) {
    for r in 0..rows {
        let from = &from[a.start + r * a.distance..][..WIDTH];
        run(&mut to[b.start + r * b.distance..][..WIDTH], from);
    }
}
