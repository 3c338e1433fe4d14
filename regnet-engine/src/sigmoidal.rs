//! The logistic function and the hyperbolic tangent, in a form that compilers make vectors of.
//!
//! Both rest on `e^t` for `t <= 0`: with `k` the integer nearest to `t / ln 2` and `r = t - k ln 2`, so that
//! `|r| <= ln 2 / 2`, it is `2^k e^r`, and `e^r - 1` is its Taylor polynomial. No branches, no tables.
//!
//! # Accuracy
//!
//! The relative error is at most 4 units in the last place in `f32` and 1e-14 in `f64`, down to the subnormal
//! numbers. Both functions are exact at 0 and at the infinities, and NaN stays NaN.

/// Element types that have these functions.
pub trait Sigmoidal: Sized {
    /// `1 / (1 + e^-x)`.
    fn sigmoid(self) -> Self;

    /// The hyperbolic tangent; `-0` stays `-0`.
    fn hyperbolic_tangent(self) -> Self;
}

/// `1 / 2!`, `1 / 3!` and so on.
const fn inverse_factorials<const COUNT: usize>() -> [f64; COUNT] {
    let mut values = [0.0; COUNT];
    let (mut factorial, mut index) = (1.0, 0);
    while index < COUNT {
        factorial *= (index + 2) as f64;
        values[index] = 1.0 / factorial;
        index += 1;
    }
    values
}

/// `$terms` are those of the polynomial from `r^2` on; `$least` is where `e^t` is 0 for the type, `$saturated`
/// where `e^t - 1` is -1; `$ln2_high` has so few digits that `k ln2_high` is exact.
macro_rules! sigmoidal {
    ($module:ident, $element:ident, $bits:ident, terms: $terms:literal, least: $least:literal, saturated: $saturated:literal,
     ln2_high: $ln2_high:expr, ln2_low: $ln2_low:expr) => {
        mod $module {
            use super::{Sigmoidal, inverse_factorials};

            const COEFFICIENTS: [f64; $terms] = inverse_factorials();
            /// Added to a small number, it leaves the nearest integer in the low bits.
            const ROUND: $element = 1.5 / $element::EPSILON;
            const MANTISSA: u32 = $element::MANTISSA_DIGITS - 1;
            const BIAS: $bits = $element::MAX_EXP as $bits - 1;

            /// `2^k` for the exponents of normal numbers.
            #[inline(always)]
            fn power_of_two(k: $bits) -> $element {
                $element::from_bits((k.wrapping_add(BIAS) << MANTISSA) as _)
            }

            /// `(k, e^r - 1)` for `t = k ln 2 + r`.
            #[inline(always)]
            fn reduce(t: $element) -> ($bits, $element) {
                let rounded = t * std::$element::consts::LOG2_E + ROUND;
                let k = (rounded.to_bits() as $bits).wrapping_sub(ROUND.to_bits() as $bits);
                let whole = rounded - ROUND;
                let r = (t - whole * $ln2_high) - whole * $ln2_low;
                let tail = COEFFICIENTS.iter().rev().fold(0.0, |sum, &c| sum * r + c as $element);
                (k, r * r * tail + r)
            }

            /// `max(t, least)`, but NaN for NaN.
            #[inline(always)]
            fn at_least(t: $element, least: $element) -> $element {
                if t < least { least } else { t }
            }

            impl Sigmoidal for $element {
                #[inline(always)]
                fn sigmoid(self) -> $element {
                    let (k, q) = reduce(at_least(-self.abs(), $least));
                    // In two steps, because `2^k` may be less than any normal number.
                    let half = k >> 1;
                    let e = (q + 1.0) * power_of_two(half) * power_of_two(k.wrapping_sub(half));
                    let numerator = if self < 0.0 { e } else { 1.0 };
                    numerator / (1.0 + e)
                }

                #[inline(always)]
                fn hyperbolic_tangent(self) -> $element {
                    let (k, q) = reduce(at_least(-2.0 * self.abs(), $saturated));
                    let scale = power_of_two(k);
                    let m = scale * q + (scale - 1.0);
                    (-m / (m + 2.0)).copysign(self)
                }
            }
        }
    };
}

sigmoidal!(single, f32, i32, terms: 6, least: -104.0, saturated: -20.0,
    ln2_high: 355.0 / 512.0, ln2_low: -2.121_944_4e-4);
sigmoidal!(double, f64, i64, terms: 12, least: -746.0, saturated: -40.0,
    ln2_high: 2_977_044_471.0 / 4_294_967_296.0, ln2_low: 1.908_214_929_270_587_8e-10);

#[cfg(test)]
mod tests;
