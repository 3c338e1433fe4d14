//! Outer products of what pixels saw with what they are.

use pulp::{Arch, Simd, WithSimd};

use crate::Real;

/// Bytes of the left factor between passes over the sums: it stays in the L1 cache with the input's.
const STRIP: usize = 16 * 1024;

/// Neighbouring pixels of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// Where the window of the first one begins.
    pub input: usize,
    /// The number of the first one.
    pub left: usize,
    pub pixels: usize,
}

/// Adds `sum over pixels of input[window + row * row_distance + tap] left[pixel * outputs + output]` to
/// `out[(row * taps + tap) * outputs + output]`.
pub(crate) struct Windows<'a, T> {
    pub input: &'a [T],
    /// Rows of a window.
    pub rows: usize,
    pub row_distance: usize,
    /// Elements of a window's row.
    pub taps: usize,
    /// From a pixel's window to the next one's.
    pub advance: usize,
    pub left: &'a [T],
    /// A multiple of every vector's elements.
    pub outputs: usize,
    pub lines: &'a [Line],
    pub out: &'a mut [T],
}

/// A block of the sums.
struct Tile<'a> {
    lines: &'a [Line],
    row: usize,
    tap: usize,
    /// The first vector of outputs.
    vector: usize,
}

impl<T: Real> Windows<'_, T> {
    pub(crate) fn run(self) {
        Arch::new().dispatch(self);
    }

    /// `TAPS` taps of `VECTORS` vectors of outputs.
    #[inline(always)]
    fn tile<S: Simd, const TAPS: usize, const VECTORS: usize>(&mut self, simd: S, tile: &Tile<'_>) {
        let lanes = T::lanes::<S>();
        let vectors = self.outputs / lanes;
        let mut sums = [[T::splat(simd, T::zero()); VECTORS]; TAPS];
        let shift = tile.row * self.row_distance + tile.tap;
        for line in tile.lines {
            if line.pixels == 0 {
                continue;
            }
            let input = &self.input[line.input + shift..][..(line.pixels - 1) * self.advance + TAPS];
            let (left, _) =
                T::split::<S>(&self.left[line.left * self.outputs..][..line.pixels * self.outputs]);
            for q in 0..line.pixels {
                let window = &input[q * self.advance..][..TAPS];
                let left = &left[q * vectors + tile.vector..][..VECTORS];
                for t in 0..TAPS {
                    let value = T::splat(simd, window[t]);
                    for v in 0..VECTORS {
                        sums[t][v] = T::times_plus(simd, value, left[v], sums[t][v]);
                    }
                }
            }
        }
        for (t, sums) in sums.iter().enumerate() {
            let start = (tile.row * self.taps + tile.tap + t) * self.outputs + tile.vector * lanes;
            let (out, _) = T::split_mut::<S>(&mut self.out[start..][..VECTORS * lanes]);
            for v in 0..VECTORS {
                out[v] = T::plus(simd, out[v], sums[v]);
            }
        }
    }

    /// All taps of a window's row.
    #[inline(always)]
    fn row<S: Simd, const MOST: usize, const SOME: usize, const VECTORS: usize>(
        &mut self,
        simd: S,
        lines: &[Line],
        row: usize,
        vector: usize,
    ) {
        let mut tap = 0;
        while tap < self.taps {
            let tile = Tile { lines, row, tap, vector };
            let left = self.taps - tap;
            if left >= MOST {
                self.tile::<S, MOST, VECTORS>(simd, &tile);
                tap += MOST;
            } else if left >= SOME {
                self.tile::<S, SOME, VECTORS>(simd, &tile);
                tap += SOME;
            } else {
                self.tile::<S, 1, VECTORS>(simd, &tile);
                tap += 1;
            }
        }
    }
}

impl<T: Real> WithSimd for Windows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let vectors = self.outputs / T::lanes::<S>();
        let pixels = self.lines.first().map_or(1, |line| line.pixels);
        let lines_per_strip = (STRIP / (size_of::<T>() * self.outputs * pixels).max(1)).max(1);
        for lines in self.lines.chunks(lines_per_strip) {
            for row in 0..self.rows {
                let mut vector = 0;
                while vector < vectors {
                    let many = S::REGISTER_COUNT >= 32;
                    match (vectors - vector, many) {
                        (4.., true) => self.row::<S, 6, 2, 4>(simd, lines, row, vector),
                        (3, true) => self.row::<S, 8, 4, 3>(simd, lines, row, vector),
                        (2, true) => self.row::<S, 12, 4, 2>(simd, lines, row, vector),
                        (_, true) => self.row::<S, 24, 8, 1>(simd, lines, row, vector),
                        (4.., false) => self.row::<S, 3, 2, 4>(simd, lines, row, vector),
                        (3, false) => self.row::<S, 4, 2, 3>(simd, lines, row, vector),
                        (2, false) => self.row::<S, 6, 4, 2>(simd, lines, row, vector),
                        (_, false) => self.row::<S, 12, 4, 1>(simd, lines, row, vector),
                    }
                    vector += (vectors - vector).min(4);
                }
            }
        }
    }
}
