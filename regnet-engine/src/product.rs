//! The two matrix products that every convolution and linear layer is made of, in registers.
//!
//! [`Outer`] computes `out[row][q] += sum_t panel[row][t] input[offset_t + q]`: rows of the output are sums of
//! shifted rows of the input, one a *tap*. A 1x1 convolution's taps are its input channels; a 3x3's are nine
//! shifts of each channel in an image with a border of zeros, so that nothing is unrolled in memory.
//!
//! [`Inner`] computes the gradient of such a panel, `out[row][t] += sum_q left[row][q] input[offset_t + q]`.
//!
//! Both keep a block of sums in registers: with 32 registers 8 rows x 3 vectors, or 4 x 6 scalar products.

use pulp::{Arch, Simd, WithSimd};

use crate::Real;

/// Rows of the panel that lie side by side.
const PANEL_ROWS: usize = 8;

/// Vectors of an output row that [`Outer`] keeps in registers.
const OUTER_VECTORS: usize = 3;

/// Taps between passes over the output: the input of that many taps stays in the L1 cache.
const TAPS_PER_PASS: usize = 192;

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

/// Adds `sum_t panel[row][t] input[offsets[t] + q]` to `out[(row - rows.start) * out_stride + q]` for `row` in
/// `rows` and `q` below `columns`.
pub(crate) struct Outer<'a, T> {
    pub panel: &'a Panel<T>,
    pub rows: std::ops::Range<usize>,
    pub offsets: &'a [usize],
    pub input: &'a [T],
    pub columns: usize,
    pub out: &'a mut [T],
    pub out_stride: usize,
}

impl<T: Real> Outer<'_, T> {
    pub(crate) fn run(self) {
        assert!(self.rows.end <= self.panel.rows && self.offsets.len() == self.panel.taps);
        Arch::new().dispatch(self);
    }

    /// `ROWS` rows of the output from `row` on, `VECTORS` vectors from column `q` on.
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(
        &mut self,
        simd: S,
        taps: std::ops::Range<usize>,
        row: usize,
        q: usize,
    ) {
        let width = VECTORS * T::lanes::<S>();
        let mut sums = [[T::splat(simd, T::zero()); VECTORS]; ROWS];
        let weights = self.panel.from(row, taps.start).chunks(PANEL_ROWS);
        for (&offset, weights) in self.offsets[taps].iter().zip(weights) {
            let (input, _) = T::split::<S>(&self.input[offset + q..][..width]);
            let weights = &weights[..ROWS];
            for r in 0..ROWS {
                let weight = T::splat(simd, weights[r]);
                for v in 0..VECTORS {
                    sums[r][v] = T::times_plus(simd, weight, input[v], sums[r][v]);
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            let start = (row - self.rows.start + r) * self.out_stride + q;
            let (out, _) = T::split_mut::<S>(&mut self.out[start..][..width]);
            for v in 0..VECTORS {
                out[v] = T::plus(simd, out[v], sums[v]);
            }
        }
    }

    /// One row, less than a vector.
    #[inline(always)]
    fn partial_tile<S: Simd, const ROWS: usize>(
        &mut self,
        simd: S,
        taps: std::ops::Range<usize>,
        row: usize,
        q: usize,
    ) {
        let width = self.columns - q;
        let mut sums = [T::splat(simd, T::zero()); ROWS];
        let weights = self.panel.from(row, taps.start).chunks(PANEL_ROWS);
        for (&offset, weights) in self.offsets[taps].iter().zip(weights) {
            let input = T::load_partial(simd, &self.input[offset + q..][..width]);
            let weights = &weights[..ROWS];
            for r in 0..ROWS {
                sums[r] = T::times_plus(simd, T::splat(simd, weights[r]), input, sums[r]);
            }
        }
        for (r, &sum) in sums.iter().enumerate() {
            let start = (row - self.rows.start + r) * self.out_stride + q;
            let out = &mut self.out[start..][..width];
            let before = T::load_partial(simd, out);
            T::store_partial(simd, out, T::plus(simd, before, sum));
        }
    }

    /// `ROWS` rows from column `q` on: wide tiles where `VECTORS` vectors fit, then single vectors, then a rest.
    #[inline(always)]
    fn block<S: Simd, const ROWS: usize>(
        &mut self,
        simd: S,
        taps: &std::ops::Range<usize>,
        row: usize,
        q: usize,
    ) {
        let lanes = T::lanes::<S>();
        match (self.columns - q) / lanes {
            0 => self.partial_tile::<S, ROWS>(simd, taps.clone(), row, q),
            1 => self.tile::<S, ROWS, 1>(simd, taps.clone(), row, q),
            2 => self.tile::<S, ROWS, 2>(simd, taps.clone(), row, q),
            _ => self.tile::<S, ROWS, OUTER_VECTORS>(simd, taps.clone(), row, q),
        }
    }
}

impl<T: Real> WithSimd for Outer<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let lanes = T::lanes::<S>();
        let most_rows = if S::REGISTER_COUNT >= 32 { 8 } else { 4 };
        for first in (0..self.panel.taps).step_by(TAPS_PER_PASS) {
            let taps = first..(first + TAPS_PER_PASS).min(self.panel.taps);
            let mut q = 0;
            while q < self.columns {
                let mut row = self.rows.start;
                while row < self.rows.end {
                    let left = (self.rows.end - row).min(PANEL_ROWS - row % PANEL_ROWS).min(most_rows);
                    match left {
                        8.. => self.block::<S, 8>(simd, &taps, row, q),
                        4.. => self.block::<S, 4>(simd, &taps, row, q),
                        2.. => self.block::<S, 2>(simd, &taps, row, q),
                        _ => self.block::<S, 1>(simd, &taps, row, q),
                    }
                    row += 1 << left.ilog2();
                }
                q += match (self.columns - q) / lanes {
                    0 => self.columns - q,
                    vectors => vectors.min(OUTER_VECTORS) * lanes,
                };
            }
        }
    }
}

/// Adds `sum_q left[row * left_stride + q] input[offsets[t] + q]`, `q` below `columns`, to
/// `out[row * offsets.len() + t]` for `row` below `rows`.
pub(crate) struct Inner<'a, T> {
    pub left: &'a [T],
    pub left_stride: usize,
    pub rows: usize,
    pub offsets: &'a [usize],
    pub input: &'a [T],
    pub columns: usize,
    pub out: &'a mut [T],
}

impl<T: Real> Inner<'_, T> {
    pub(crate) fn run(self) {
        Arch::new().dispatch(self);
    }

    /// Scalar products of `ROWS` rows with `TAPS` taps.
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const TAPS: usize>(&mut self, simd: S, row: usize, tap: usize) {
        let mut sums = [[T::splat(simd, T::zero()); TAPS]; ROWS];
        let left: [&[T]; ROWS] =
            std::array::from_fn(|r| &self.left[(row + r) * self.left_stride..][..self.columns]);
        let input: [&[T]; TAPS] =
            std::array::from_fn(|t| &self.input[self.offsets[tap + t]..][..self.columns]);
        let left_split = left.map(|slice| T::split::<S>(slice));
        let input_split = input.map(|slice| T::split::<S>(slice));
        for q in 0..self.columns / T::lanes::<S>() {
            for r in 0..ROWS {
                let left = left_split[r].0[q];
                for t in 0..TAPS {
                    sums[r][t] = T::times_plus(simd, left, input_split[t].0[q], sums[r][t]);
                }
            }
        }
        if !self.columns.is_multiple_of(T::lanes::<S>()) {
            for r in 0..ROWS {
                let left = T::load_partial(simd, left_split[r].1);
                for t in 0..TAPS {
                    let input = T::load_partial(simd, input_split[t].1);
                    sums[r][t] = T::times_plus(simd, left, input, sums[r][t]);
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            let out = &mut self.out[(row + r) * self.offsets.len() + tap..][..TAPS];
            for (out, &sum) in out.iter_mut().zip(sums) {
                *out += T::reduce_sum(simd, sum);
            }
        }
    }

    /// `ROWS` rows with all taps.
    #[inline(always)]
    fn rows<S: Simd, const ROWS: usize>(&mut self, simd: S, row: usize) {
        let mut tap = 0;
        while tap < self.offsets.len() {
            match self.offsets.len() - tap {
                6.. => {
                    self.tile::<S, ROWS, 6>(simd, row, tap);
                    tap += 6;
                }
                3.. => {
                    self.tile::<S, ROWS, 3>(simd, row, tap);
                    tap += 3;
                }
                _ => {
                    self.tile::<S, ROWS, 1>(simd, row, tap);
                    tap += 1;
                }
            }
        }
    }
}

impl<T: Real> WithSimd for Inner<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let most_rows = if S::REGISTER_COUNT >= 32 { 4 } else { 2 };
        let mut row = 0;
        while row < self.rows {
            let rows = (self.rows - row).min(most_rows);
            match rows {
                4.. => self.rows::<S, 4>(simd, row),
                2.. => self.rows::<S, 2>(simd, row),
                _ => self.rows::<S, 1>(simd, row),
            }
            row += 1 << rows.ilog2();
        }
    }
}
