//! The arithmetic of the filtering along a line, which is done for columns and then for rows.
//!
//! With stride 1 a line is y0 = d0 g0 + d1 g1 + d2 g2, y1 = d1 g0 + d2 g1 + d3 g2, and has 4 points: F(2, 3). With stride 2
//! it is y0 = d0 g0 + d1 g1 + d2 g2, y1 = d2 g0 + d3 g1 + d4 g2: even inputs times g0 and g2, which is F(2, 2) with its 3
//! points, and each odd input times g1.

use crate::frozen::isa::Vectors;

/// Points of a line for a stride: as many as inputs.
pub(super) const fn side(stride: usize) -> usize {
    if stride == 1 { 4 } else { 5 }
}

/// B^T d.
#[inline(always)]
pub(super) fn input<S: Vectors, const SIDE: usize>(simd: S, d: [S::f32s; SIDE]) -> [S::f32s; SIDE] {
    let mut points = d;
    points[0] = simd.sub_f32s(d[0], d[2]);
    if SIDE == side(1) {
        points[1] = simd.add_f32s(d[1], d[2]);
        points[2] = simd.sub_f32s(d[2], d[1]);
        points[3] = simd.sub_f32s(d[1], d[3]);
    } else {
        points[1] = d[2];
        points[2] = simd.sub_f32s(d[2], d[4]);
        points[3] = d[1];
        points[4] = d[3];
    }
    points
}

/// G g.
pub(super) fn weights<const SIDE: usize>([a, b, c]: [f32; 3]) -> [f32; SIDE] {
    let mut points = [a; SIDE];
    if SIDE == side(1) {
        points[1] = 0.5 * (a + c + b);
        points[2] = 0.5 * (a + c - b);
        points[3] = c;
    } else {
        points[1] = a + c;
        points[2] = c;
        points[3] = b;
        points[4] = b;
    }
    points
}

/// A^T m.
#[inline(always)]
pub(super) fn output<S: Vectors, const SIDE: usize>(simd: S, m: [S::f32s; SIDE]) -> [S::f32s; 2] {
    if SIDE == side(1) {
        let (sum, difference) = (simd.add_f32s(m[1], m[2]), simd.sub_f32s(m[1], m[2]));
        [simd.add_f32s(m[0], sum), simd.sub_f32s(difference, m[3])]
    } else {
        let (even, odd) = (simd.add_f32s(m[0], m[3]), simd.sub_f32s(m[4], m[2]));
        [simd.add_f32s(even, m[1]), simd.add_f32s(odd, m[1])]
    }
}
