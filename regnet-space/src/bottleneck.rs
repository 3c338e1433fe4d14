//! The bottleneck ratio b: a stage's width over the width of its blocks' 3x3 convolution.

use std::fmt;

use crate::error::{Nearest, ParamError};
use crate::limits::MAX_BOTTLENECK;

/// The paper's bottleneck ratio b, kept exact: a whole number n, or one over it for an inverted bottleneck.
///
/// pycls configures the inverse, `BOT_MUL` = 1/b.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bottleneck {
    factor: usize,
    /// Whether the ratio is 1/factor; never set for a factor of 1, so that equal ratios compare equal.
    inverted: bool,
}

impl Bottleneck {
    /// b = 1: inner and outer widths agree, as in every published RegNet.
    pub const ONE: Self = Self { factor: 1, inverted: false };

    /// b = n: the inner width is one nth of the stage's.
    ///
    /// # Panics
    ///
    /// When n is not in `1..=`[`MAX_BOTTLENECK`]. This is for numbers written in source; check others with
    /// [`from_ratio`](Self::from_ratio).
    pub const fn reduces(n: usize) -> Self {
        assert!(1 <= n && n <= MAX_BOTTLENECK, "a bottleneck ratio is at least 1 and at most MAX_BOTTLENECK");
        Self { factor: n, inverted: false }
    }

    /// b = 1/n, an inverted bottleneck: the inner width is n times the stage's.
    ///
    /// # Panics
    ///
    /// As [`reduces`](Self::reduces).
    pub const fn expands(n: usize) -> Self {
        Self { inverted: n > 1, ..Self::reduces(n) }
    }

    /// The ratio written as a number, such as 4 or 0.25.
    ///
    /// # Errors
    ///
    /// [`ParamError::Bottleneck`] when `b` is neither whole nor one over a whole number, or out of bounds.
    pub fn from_ratio(b: f64) -> Result<Self, ParamError> {
        const MAX: f64 = MAX_BOTTLENECK as f64;
        let error = |below, above| Err(ParamError::Bottleneck { b, nearest: Nearest { below, above } });
        if b.is_nan() || b <= 0.0 {
            return error(None, Some(1.0));
        }
        if b >= 1.0 {
            return match b {
                _ if b > MAX => error(Some(MAX), None),
                _ if b.fract() == 0.0 => Ok(Self::reduces(b as usize)),
                _ => error(Some(b.floor()), Some(b.ceil())),
            };
        }
        let n = b.recip();
        let whole = n.round();
        match b {
            _ if whole > MAX => error(None, Some(MAX.recip())),
            _ if whole.recip() == b => Ok(Self::expands(whole as usize)),
            _ => error(Some(n.ceil().recip()), Some(n.floor().recip())),
        }
    }

    /// b as a number.
    pub fn ratio(self) -> f64 {
        if self.inverted { (self.factor as f64).recip() } else { self.factor as f64 }
    }

    /// The n of b = n or b = 1/n.
    pub const fn factor(self) -> usize {
        self.factor
    }

    /// Whether b < 1.
    pub const fn is_inverted(self) -> bool {
        self.inverted
    }

    /// The inner width of a block of width `w`: w / b, rounded down, at least 1.
    pub fn inner(self, w: usize) -> usize {
        let v = if self.inverted { w * self.factor } else { w / self.factor };
        v.max(1)
    }

    /// The block width of inner width `v`: v · b, rounded down.
    pub fn outer(self, v: usize) -> usize {
        if self.inverted { v / self.factor } else { v * self.factor }
    }
}

impl fmt::Display for Bottleneck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.inverted { write!(f, "1/{}", self.factor) } else { write!(f, "{}", self.factor) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_ratios_and_their_inverses_survive_a_round_trip() {
        for n in 1..=MAX_BOTTLENECK {
            for b in [Bottleneck::reduces(n), Bottleneck::expands(n)] {
                assert_eq!(Bottleneck::from_ratio(b.ratio()), Ok(b));
            }
        }
        assert_eq!(Bottleneck::expands(1), Bottleneck::ONE);
    }

    #[test]
    fn other_ratios_name_their_neighbours() {
        let message = |b| Bottleneck::from_ratio(b).map_err(|e| e.to_string());
        let text = |b: &str, nearest: &str| {
            Err(format!(
                "a bottleneck ratio of {b} is neither a whole number nor one over a whole number up to 64; {nearest}"
            ))
        };
        assert_eq!(message(1.5), text("1.5", "the nearest are 1 and 2"));
        assert_eq!(message(0.4), text("0.4", "the nearest are 0.3333333333333333 and 0.5"));
        assert_eq!(message(0.75), text("0.75", "the nearest are 0.5 and 1"));
        assert_eq!(message(-2.0), text("-2", "the nearest is 1"));
        assert_eq!(message(f64::NAN), text("NaN", "the nearest is 1"));
        assert_eq!(message(f64::INFINITY), text("inf", "the nearest is 64"));
        assert_eq!(message(0.01), text("0.01", "the nearest is 0.015625"));
        assert_eq!(message(64.5), text("64.5", "the nearest is 64"));
    }
}
