//! The arithmetic of the filtering along a line, which is done for columns and then for rows.
//!
//! A line of a tile of two is y0 = d0 g0 + d1 g1 + d2 g2, y1 = d1 g0 + d2 g1 + d3 g2, and has 4 points: F(2, 3). With
//! stride 2 it is y0 = d0 g0 + d1 g1 + d2 g2, y1 = d2 g0 + d3 g1 + d4 g2: even inputs times g0 and g2, which is F(2, 2)
//! with its 3 points, and each odd input times g1. A line of a tile of four has 6 points: F(4, 3), as Toom and Cook
//! multiply polynomials by their values at 0, a, -a, b, -b and infinity.
//!
//! Rounding grows with the range of those points' powers, and with what cancels between near points. With a = 5/8 and
//! b = 3/2 it is half that of the usual 1 and 2 (compare B. Barabasz and others, "Error analysis and improving the accuracy
//! of Winograd convolution for deep neural networks", 2020); all factors are exact.

use crate::frozen::isa::Vectors;

/// The points of a line of four besides 0 and infinity, each with both signs.
const A: f32 = 0.625;
const B: f32 = 1.5;

/// B^T d.
#[inline(always)]
pub(super) fn input<S: Vectors, const SIDE: usize>(simd: S, d: [S::f32s; SIDE]) -> [S::f32s; SIDE] {
    let mut points = d;
    match SIDE {
        4 => {
            points[0] = simd.sub_f32s(d[0], d[2]);
            points[1] = simd.add_f32s(d[1], d[2]);
            points[2] = simd.sub_f32s(d[2], d[1]);
            points[3] = simd.sub_f32s(d[1], d[3]);
        }
        5 => {
            points[0] = simd.sub_f32s(d[0], d[2]);
            points[1] = d[2];
            points[2] = simd.sub_f32s(d[2], d[4]);
            points[3] = d[1];
            points[4] = d[3];
        }
        _ => {
            let [a2, b2] = [A * A, B * B].map(|square| simd.splat_f32s(-square));
            let (sum, product) = (simd.splat_f32s(-A * A - B * B), simd.splat_f32s(A * A * B * B));
            points[0] = simd.mul_add_e_f32s(product, d[0], simd.mul_add_e_f32s(sum, d[2], d[4]));
            points[5] = simd.mul_add_e_f32s(product, d[1], simd.mul_add_e_f32s(sum, d[3], d[5]));
            // Even and odd powers: their sum and difference are the values at a point and at its negative.
            let (even, odd) = (simd.mul_add_e_f32s(b2, d[2], d[4]), simd.mul_add_e_f32s(b2, d[1], d[3]));
            points[1] = simd.mul_add_e_f32s(simd.splat_f32s(A), odd, even);
            points[2] = simd.mul_add_e_f32s(simd.splat_f32s(-A), odd, even);
            let (even, odd) = (simd.mul_add_e_f32s(a2, d[2], d[4]), simd.mul_add_e_f32s(a2, d[1], d[3]));
            points[3] = simd.mul_add_e_f32s(simd.splat_f32s(B), odd, even);
            points[4] = simd.mul_add_e_f32s(simd.splat_f32s(-B), odd, even);
        }
    }
    points
}

/// G g.
pub(super) fn weights<const SIDE: usize>([g0, g1, g2]: [f64; 3]) -> [f64; SIDE] {
    let mut points = [g0; SIDE];
    match SIDE {
        4 => {
            points[1] = 0.5 * (g0 + g2 + g1);
            points[2] = 0.5 * (g0 + g2 - g1);
            points[3] = g2;
        }
        5 => {
            points[1] = g0 + g2;
            points[2] = g2;
            points[3] = g1;
            points[4] = g1;
        }
        _ => {
            let [a, b] = [A, B].map(f64::from);
            let values = |x: f64, other: f64| {
                let (even, scale) = (g0 + x * x * g2, 2.0 * x * x * (x * x - other * other));
                [(even + x * g1) / scale, (even - x * g1) / scale]
            };
            points[0] = g0 / (a * a * b * b);
            points[1..3].copy_from_slice(&values(a, b));
            points[3..5].copy_from_slice(&values(b, a));
            points[5] = g2;
        }
    }
    points
}

/// A^T m.
#[inline(always)]
pub(super) fn output<S: Vectors, const SIDE: usize, const TILE: usize>(
    simd: S,
    m: [S::f32s; SIDE],
) -> [S::f32s; TILE] {
    let mut line = [m[0]; TILE];
    match SIDE {
        4 => {
            let (sum, difference) = (simd.add_f32s(m[1], m[2]), simd.sub_f32s(m[1], m[2]));
            line[0] = simd.add_f32s(m[0], sum);
            line[1] = simd.sub_f32s(difference, m[3]);
        }
        5 => {
            let (even, odd) = (simd.add_f32s(m[0], m[3]), simd.sub_f32s(m[4], m[2]));
            line[0] = simd.add_f32s(even, m[1]);
            line[1] = simd.add_f32s(odd, m[1]);
        }
        _ => {
            let (sum_a, odd_a) = (simd.add_f32s(m[1], m[2]), simd.sub_f32s(m[1], m[2]));
            let (sum_b, odd_b) = (simd.add_f32s(m[3], m[4]), simd.sub_f32s(m[3], m[4]));
            let powers = |a: f32, b: f32| (simd.splat_f32s(a), simd.splat_f32s(b));
            line[0] = simd.add_f32s(simd.add_f32s(m[0], sum_a), sum_b);
            let (a, b) = powers(A, B);
            line[1] = simd.mul_add_e_f32s(a, odd_a, simd.mul_f32s(b, odd_b));
            let (a, b) = powers(A * A, B * B);
            line[2] = simd.mul_add_e_f32s(a, sum_a, simd.mul_f32s(b, sum_b));
            let (a, b) = powers(A * A * A, B * B * B);
            line[3] = simd.mul_add_e_f32s(a, odd_a, simd.mul_add_e_f32s(b, odd_b, m[5]));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use pulp::Scalar256b;

    use super::*;

    /// Compares a line of `TILE` pixels, whose inputs are `STRIDE` apart, with its definition.
    fn compare<const SIDE: usize, const TILE: usize, const STRIDE: usize>() {
        let d: [f64; SIDE] = std::array::from_fn(|at| (7 * at % 5) as f64 - 1.5);
        let g = [0.75, -1.25, 2.0];
        let simd = Scalar256b;
        let points = input(simd, d.map(|value| simd.splat_f32s(value as f32)));
        let factors = weights::<SIDE>(g).map(|value| simd.splat_f32s(value as f32));
        let products: [_; SIDE] = std::array::from_fn(|point| simd.mul_f32s(points[point], factors[point]));
        let line: [_; TILE] = output(simd, products);
        for (at, &value) in line.iter().enumerate() {
            let expected: f64 = (0..3).map(|tap| d[STRIDE * at + tap] * g[tap]).sum();
            let found = f64::from(simd.reduce_sum_f32s(value)) / 8.0;
            assert!((found - expected).abs() < 1e-5, "{SIDE} points, pixel {at}: {found}, not {expected}");
        }
    }

    #[test]
    fn a_line_of_each_form_is_a_convolution() {
        compare::<4, 2, 1>();
        compare::<5, 2, 2>();
        compare::<6, 4, 1>();
    }
}
