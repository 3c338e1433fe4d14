//! The end of a strip: from products to output pixels.

use std::ops::Range;

use pulp::Simd;

use super::of_products;
use super::pass::{Scratch, Winograd};
use super::task::Run;
use crate::Real;
use crate::conv2d::Store;
use crate::planes::LANES;

impl<T: Real> Run<'_, '_, T> {
    /// `Aᵀ m A` of some tiles, to the target.
    #[inline(always)]
    pub(super) fn finish<S: Simd>(&mut self, simd: S, tiles: &Range<usize>, at: usize) {
        let (lanes, width) = (T::lanes::<S>(), tiles.len().next_multiple_of(LANES));
        let (rows, sides, zero) = (self.task.rows.clone(), &self.pass.targets, T::splat(simd, T::zero()));
        let Scratch { images, products, pixels, .. } = &mut *self.scratch;
        let products = &products.as_ref()[at..];
        for part in 0..sides.len() * rows.len() {
            let (row, target) = (part % rows.len(), part / rows.len());
            let side = &sides[target];
            let bias = match self.store {
                Store::Overwrite(Some(bias)) => bias[self.task.group * side.group + rows.start + row],
                _ => T::zero(),
            };
            let bias = T::splat(simd, bias);
            let pixels = &mut pixels.as_mut()[..4 * width];
            for q in (0..width).step_by(lanes) {
                let mut half = [[zero; 2]; 4];
                for (y, half) in half.iter_mut().enumerate() {
                    let mut m = [zero; 4];
                    for (x, m) in m.iter_mut().enumerate() {
                        let start = ((y * 4 + x) * sides.len() * rows.len() + part) * width + q;
                        *m = T::split::<S>(&products[start..][..lanes]).0[0];
                    }
                    *half = of_products::<S, T>(simd, m);
                }
                for x in 0..2 {
                    let column = [half[0][x], half[1][x], half[2][x], half[3][x]];
                    let column = of_products::<S, T>(simd, column);
                    for y in 0..2 {
                        let to = &mut pixels[(y * 2 + x) * width + q..][..lanes];
                        T::split_mut::<S>(to).0[0] = T::plus(simd, column[y], bias);
                    }
                }
            }
            let plane = row * side.pixels;
            let out = Pixels { pass: self.pass, images: *images, pixels, width };
            for image in 0..self.task.images {
                let plane = &mut self.targets[target][image * side.image() + plane..];
                match self.store {
                    Store::Overwrite(_) => out.each_row(
                        tiles,
                        image,
                        plane,
                        #[inline(always)]
                        |to, from| *to = from,
                    ),
                    Store::Add => out.each_row(
                        tiles,
                        image,
                        plane,
                        #[inline(always)]
                        |to, from| *to += from,
                    ),
                }
            }
        }
    }
}

/// A strip's pixels, even and odd rows and columns apart.
struct Pixels<'a, T> {
    pass: &'a Winograd<T>,
    images: usize,
    pixels: &'a [T],
    width: usize,
}

impl<T: Real> Pixels<'_, T> {
    /// Puts the pixels of one image into its plane.
    #[inline(always)]
    fn each_row(&self, tiles: &Range<usize>, image: usize, plane: &mut [T], each: impl Fn(&mut T, T) + Copy) {
        let Winograd { grid, height, width, .. } = self.pass;
        let columns = width.div_ceil(2);
        let row_of_tiles = grid.row(self.images);
        for (index, first) in tiles.clone().step_by(row_of_tiles).enumerate() {
            let from = index * row_of_tiles + image * columns;
            for y in 0..2 {
                let row = first / row_of_tiles * 2 + y;
                if row >= *height {
                    break;
                }
                let [even, odd] = [0, 1].map(|x| &self.pixels[(y * 2 + x) * self.width + from..][..columns]);
                let (pairs, last) = plane[row * width..][..*width].as_chunks_mut::<2>();
                for ((pair, &even), &odd) in pairs.iter_mut().zip(even).zip(odd) {
                    each(&mut pair[0], even);
                    each(&mut pair[1], odd);
                }
                if let [last] = last {
                    each(last, even[columns - 1]);
                }
            }
        }
    }
}
