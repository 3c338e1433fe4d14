//! Rows of sums of shifted rows.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use crate::Real;

/// Rows of the panel that lie side by side.
const PANEL_ROWS: usize = 8;

/// Vectors of an output row that [`Outer`] keeps in registers.
const OUTER_VECTORS: usize = 3;

/// Taps between passes over the output: the input of that many taps stays in the L1 cache.
pub(crate) const TAPS_PER_PASS: usize = 192;

/// A weight matrix `[rows, taps]`, stored `[rows / 8][taps][8]` with zeros in the place of missing rows.
pub(crate) struct Panel<T> {
    rows: usize,
    taps: usize,
    elements: Vec<T>,
}

impl<T: Real> Panel<T> {
    /// A panel of `element(row, tap)`.
    pub(crate) fn new(rows: usize, taps: usize, element: impl Fn(usize, usize) -> T) -> Self {
        let mut elements = vec![T::zero(); rows.div_ceil(PANEL_ROWS) * taps * PANEL_ROWS];
        if taps > 0 {
            for (block, elements) in elements.chunks_exact_mut(taps * PANEL_ROWS).enumerate() {
                let first = block * PANEL_ROWS;
                for (tap, elements) in elements.chunks_exact_mut(PANEL_ROWS).enumerate() {
                    for (row, value) in (first..rows).zip(elements) {
                        *value = element(row, tap);
                    }
                }
            }
        }
        Panel { rows, taps, elements }
    }

    /// Rows `first..` of the block that holds row `first`, for taps `taps` and beyond.
    #[inline(always)]
    fn from(&self, first: usize, tap: usize) -> &[T] {
        let (block, row) = (first / PANEL_ROWS, first % PANEL_ROWS);
        &self.elements[(block * self.taps + tap) * PANEL_ROWS + row..]
    }
}

/// What the sums of [`Outer`] are added to.
#[derive(Clone, Copy)]
pub(crate) enum Start<'a, T> {
    /// What the output holds.
    Output,
    /// Zero, or one number for each row of the panel.
    Bias(Option<&'a [T]>),
}

/// Writes the start plus `sum_t panel[row][t] input[offsets[t - taps.start] + q]` to
/// `out[(row - rows.start) * out_stride + q]` for `t` in `taps`, `row` in `rows` and `q` below `columns`.
pub(crate) struct Outer<'a, T> {
    pub panel: &'a Panel<T>,
    pub rows: Range<usize>,
    pub taps: Range<usize>,
    pub offsets: &'a [usize],
    pub input: &'a [T],
    pub columns: usize,
    pub start: Start<'a, T>,
    pub out: &'a mut [T],
    pub out_stride: usize,
}

/// A block of the output: its first row and column, and the taps that are summed into it.
struct Tile<'a> {
    row: usize,
    q: usize,
    taps: &'a Range<usize>,
    offsets: &'a [usize],
    /// Whether the sums are added to the output, whatever the start is.
    add: bool,
}

impl<T: Real> Outer<'_, T> {
    pub(crate) fn run(self) {
        assert!(self.rows.end <= self.panel.rows && self.taps.end <= self.panel.taps);
        Arch::new().dispatch(self);
    }

    /// Where row `row` of the output begins, and what its sums start from unless it is the output.
    #[inline(always)]
    fn row(&self, row: usize) -> (usize, T) {
        let bias = match self.start {
            Start::Bias(Some(bias)) => bias[row],
            _ => T::zero(),
        };
        ((row - self.rows.start) * self.out_stride, bias)
    }

    /// `ROWS` rows of the output, `VECTORS` vectors of each.
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(&mut self, simd: S, tile: &Tile<'_>) {
        let width = VECTORS * T::lanes::<S>();
        let mut sums = [[T::splat(simd, T::zero()); VECTORS]; ROWS];
        let weights = self.panel.from(tile.row, tile.taps.start).chunks(PANEL_ROWS);
        for (&offset, weights) in tile.offsets.iter().zip(weights) {
            let (input, _) = T::split::<S>(&self.input[offset + tile.q..][..width]);
            let weights = &weights[..ROWS];
            for r in 0..ROWS {
                let weight = T::splat(simd, weights[r]);
                for v in 0..VECTORS {
                    sums[r][v] = T::times_plus(simd, weight, input[v], sums[r][v]);
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            let (start, bias) = self.row(tile.row + r);
            let bias = T::splat(simd, bias);
            let (out, _) = T::split_mut::<S>(&mut self.out[start + tile.q..][..width]);
            for v in 0..VECTORS {
                let before = if tile.add { out[v] } else { bias };
                out[v] = T::plus(simd, before, sums[v]);
            }
        }
    }

    /// Less than a vector of each row.
    #[inline(always)]
    fn partial_tile<S: Simd, const ROWS: usize>(&mut self, simd: S, tile: &Tile<'_>) {
        let width = self.columns - tile.q;
        let mut sums = [T::splat(simd, T::zero()); ROWS];
        let weights = self.panel.from(tile.row, tile.taps.start).chunks(PANEL_ROWS);
        for (&offset, weights) in tile.offsets.iter().zip(weights) {
            let input = T::load_partial(simd, &self.input[offset + tile.q..][..width]);
            let weights = &weights[..ROWS];
            for r in 0..ROWS {
                sums[r] = T::times_plus(simd, T::splat(simd, weights[r]), input, sums[r]);
            }
        }
        for (r, &sum) in sums.iter().enumerate() {
            let (start, bias) = self.row(tile.row + r);
            let out = &mut self.out[start + tile.q..][..width];
            let before = if tile.add { T::load_partial(simd, out) } else { T::splat(simd, bias) };
            T::store_partial(simd, out, T::plus(simd, before, sum));
        }
    }

    /// `ROWS` rows of so many vectors, or of less than one.
    #[inline(always)]
    fn block<S: Simd, const ROWS: usize>(&mut self, simd: S, vectors: usize, tile: &Tile<'_>) {
        match vectors {
            0 => self.partial_tile::<S, ROWS>(simd, tile),
            1 => self.tile::<S, ROWS, 1>(simd, tile),
            2 => self.tile::<S, ROWS, 2>(simd, tile),
            _ => self.tile::<S, ROWS, OUTER_VECTORS>(simd, tile),
        }
    }
}

impl<T: Real> WithSimd for Outer<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let lanes = T::lanes::<S>();
        let most_rows = if S::REGISTER_COUNT >= 32 { 8 } else { 4 };
        let mut add = matches!(self.start, Start::Output);
        for offsets in self.offsets.chunks(TAPS_PER_PASS) {
            let taps = self.taps.start..self.taps.start + offsets.len();
            self.taps.start = taps.end;
            let mut q = 0;
            while q < self.columns {
                // Two pairs of vectors rather than three and one, whose sums would wait for each other.
                let vectors = match (self.columns - q) / lanes {
                    4 => 2,
                    vectors => vectors.min(OUTER_VECTORS),
                };
                let mut row = self.rows.start;
                while row < self.rows.end {
                    let left = (self.rows.end - row).min(PANEL_ROWS - row % PANEL_ROWS).min(most_rows);
                    let tile = Tile { row, q, taps: &taps, offsets, add };
                    match left {
                        8.. => self.block::<S, 8>(simd, vectors, &tile),
                        4.. => self.block::<S, 4>(simd, vectors, &tile),
                        2.. => self.block::<S, 2>(simd, vectors, &tile),
                        _ => self.block::<S, 1>(simd, vectors, &tile),
                    }
                    row += 1 << left.ilog2();
                }
                q += if vectors == 0 { self.columns - q } else { vectors * lanes };
            }
            add = true;
        }
    }
}
