//! Scalar products of rows with shifted rows.

use pulp::{Arch, Simd, WithSimd};

use crate::Real;

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
