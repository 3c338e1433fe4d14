//! Kernels of 3x3 with step 1 in fewer multiplications: Winograd's F(2x2, 3x3) (Lavin and Gray, "Fast Algorithms for
//! Convolutional Neural Networks", 2016), by which 2x2 output pixels take 16 multiplications a channel instead of 36.
//!
//! A tile sees 4x4 input pixels `d`. With the matrices below its output is `Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A`, so that for
//! each of the 16 places the channels are one matrix product, whose columns are tiles.
//!
//! ```text
//!      1  0 -1  0        1   0   0
//! Bᵀ = 0  1  1  0    G = ½   ½   ½    Aᵀ = 1  1  1  0
//!      0 -1  1  0        ½  -½   ½         0  1 -1 -1
//!      0  1  0 -1        0   0   1
//! ```

mod gradient;
mod output;
mod pass;
mod task;

use std::array;

use pulp::Simd;

use super::Conv2d;
use crate::Real;

pub(super) use gradient::{AddImages, Image, TileGradient};
pub(super) use pass::Winograd;

/// Numbers of a tile's transform.
pub(super) const PLACES: usize = 16;

/// Tiles that are transformed at once, unless a row has more: their products stay in the L2 cache.
const TILES_PER_STRIP: usize = 64;

/// Whether transforming pays: it costs the more the fewer channels share it, and small maps are not whole tiles.
pub(super) fn pays(op: &Conv2d) -> bool {
    let (inputs, outputs) = (op.group_width, op.group_outputs());
    let tiles = op.height.div_ceil(2) * op.width.div_ceil(2);
    op.kernel == 3
        && op.stride == 1
        && 3 * inputs * outputs >= 16 * (inputs + outputs)
        && 40 * tiles <= 14 * op.pixels()
}

/// `G g Gᵀ`.
fn of_kernel<T: Real>(g: impl Fn(usize, usize) -> T) -> [T; PLACES] {
    let half = T::of(0.5);
    let along = |a: T, b: T, c: T| [a, half * (a + b + c), half * (a - b + c), c];
    let rows: [[T; 3]; 4] = {
        let columns: [[T; 4]; 3] = array::from_fn(|x| along(g(0, x), g(1, x), g(2, x)));
        array::from_fn(|y| array::from_fn(|x| columns[x][y]))
    };
    let all = rows.map(|[a, b, c]| along(a, b, c));
    array::from_fn(|place| all[place / 4][place % 4])
}

/// A row or column of `Bᵀ d B`.
#[inline(always)]
fn of_input<S: Simd, T: Real>(simd: S, d: [T::Vector<S>; 4]) -> [T::Vector<S>; 4] {
    [
        T::minus(simd, d[0], d[2]),
        T::plus(simd, d[1], d[2]),
        T::minus(simd, d[2], d[1]),
        T::minus(simd, d[1], d[3]),
    ]
}

/// A row or column of `Aᵀ m A`.
#[inline(always)]
fn of_products<S: Simd, T: Real>(simd: S, m: [T::Vector<S>; 4]) -> [T::Vector<S>; 2] {
    [T::plus(simd, T::plus(simd, m[0], m[1]), m[2]), T::minus(simd, T::minus(simd, m[1], m[2]), m[3])]
}

/// A row or column of `A y Aᵀ`, the gradient of the products.
#[inline(always)]
fn of_output<S: Simd, T: Real>(simd: S, y: [T::Vector<S>; 2]) -> [T::Vector<S>; 4] {
    let zero = T::splat(simd, T::zero());
    [y[0], T::plus(simd, y[0], y[1]), T::minus(simd, y[0], y[1]), T::minus(simd, zero, y[1])]
}

/// `Gᵀ u G`, the gradient of the kernel, in its order.
pub(super) fn of_kernel_gradient<T: Real>(u: impl Fn(usize) -> T) -> [T; 9] {
    let half = T::of(0.5);
    let along = |[a, b, c, d]: [T; 4]| [a + half * (b + c), half * (b - c), half * (b + c) + d];
    let rows: [[T; 3]; 4] = array::from_fn(|y| along(array::from_fn(|x| u(y * 4 + x))));
    let columns: [[T; 3]; 3] = array::from_fn(|x| along(array::from_fn(|y| rows[y][x])));
    array::from_fn(|place| columns[place % 3][place / 3])
}
