//! From planes to pixels: channels innermost.

use crate::Real;

/// Rows and columns of the blocks that are turned in registers.
const BLOCK: usize = 4;

/// Overwrites `to[q * to_stride + c]` with `from[c * from_stride + q]` for `c` below `channels` and `q` below `pixels`.
pub(super) struct Transpose<'a, T> {
    pub from: &'a [T],
    pub from_stride: usize,
    pub channels: usize,
    pub pixels: usize,
    pub to: &'a mut [T],
    pub to_stride: usize,
}

impl<T: Real> Transpose<'_, T> {
    /// To be inlined into a caller that is compiled for the machine's vectors.
    #[inline(always)]
    pub(super) fn run(mut self) {
        let whole = (self.channels / BLOCK * BLOCK, self.pixels / BLOCK * BLOCK);
        for c in (0..whole.0).step_by(BLOCK) {
            let rows: [&[[T; BLOCK]]; BLOCK] = std::array::from_fn(|r| {
                self.from[(c + r) * self.from_stride..][..whole.1].as_chunks::<BLOCK>().0
            });
            let to = self.to[c..].chunks_mut(BLOCK * self.to_stride);
            for (q, to) in (0..whole.1 / BLOCK).zip(to) {
                let block = [rows[0][q], rows[1][q], rows[2][q], rows[3][q]];
                for i in 0..BLOCK {
                    let to = &mut to[i * self.to_stride..][..BLOCK];
                    to.copy_from_slice(&[block[0][i], block[1][i], block[2][i], block[3][i]]);
                }
            }
        }
        self.rest(0..whole.0, whole.1..self.pixels);
        self.rest(whole.0..self.channels, 0..self.pixels);
    }

    /// What fills no block.
    #[inline(always)]
    fn rest(&mut self, channels: std::ops::Range<usize>, pixels: std::ops::Range<usize>) {
        for c in channels {
            for q in pixels.clone() {
                self.to[q * self.to_stride + c] = self.from[c * self.from_stride + q];
            }
        }
    }
}
