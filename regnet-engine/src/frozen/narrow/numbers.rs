//! Narrow numbers and the words they lie in.

/// A narrow number format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::frozen) enum Format {
    /// The upper half of an f32, and sums in f32.
    Bf16,
    /// Activations in u8, weights in i8, and sums in i32.
    Int8,
}

impl Format {
    /// Numbers in a word of 32 bits, the first in the lowest bits.
    pub const fn per_word(self) -> usize {
        match self {
            Self::Bf16 => 2,
            Self::Int8 => 4,
        }
    }

    /// Its name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        }
    }

    /// The word of as many weights. Those of int8 are whole numbers from -127 to 127.
    pub fn word(self, weights: &[f32]) -> u32 {
        let bits = |&weight: &f32| match self {
            Self::Bf16 => u32::from(bf16(weight)),
            Self::Int8 => u32::from((weight as i8).cast_unsigned()),
        };
        let shift = 32 / self.per_word();
        weights.iter().map(bits).rev().fold(0, |word, bits| word << shift | bits)
    }
}

/// The nearest bf16, the even one of two.
pub(in crate::frozen) fn bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    if value.is_nan() {
        // Quiet, so that what is cut off may be all that made it one.
        return (bits >> 16) as u16 | 0x40;
    }
    let odd = bits >> 16 & 1;
    ((bits + 0x7fff + odd) >> 16) as u16
}

/// How activations are coded in u8: `x` as the whole number nearest to `inverse x + zero`. bf16 needs no code.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::frozen) struct Code {
    /// Steps in 1.
    pub inverse: f32,
    /// The code of 0, a whole number.
    pub zero: f32,
}

impl Code {
    /// Codes for values from `least` to `greatest`, 0 among them and exact.
    pub fn new([least, greatest]: [f32; 2]) -> Self {
        const MOST: f32 = u8::MAX as f32;
        let (least, greatest) = (least.min(0.0), greatest.max(0.0));
        let inverse = MOST / (greatest - least);
        // Nothing but zeros may have been seen, or numbers that are as good as zeros.
        let inverse = if inverse.is_finite() { inverse } else { 1.0 };
        Self { inverse, zero: (-least * inverse).round_ties_even() }
    }

    /// A value's code.
    #[cfg(test)]
    pub fn encode(self, value: f32) -> u8 {
        (value * self.inverse + self.zero).round_ties_even() as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bf16_is_the_nearest() {
        let one = 0x3f80;
        let step = 1.0 / 128.0;
        assert_eq!(bf16(1.0), one);
        assert_eq!(bf16(1.0 + 0.5 * step), one, "a tie goes to the even one");
        assert_eq!(bf16(1.0 + 1.5 * step), one + 2, "a tie goes to the even one");
        assert_eq!(bf16(1.0 + 0.51 * step), one + 1);
        assert_eq!(bf16(-1.0), one | 0x8000);
        assert_eq!(bf16(f32::MAX), 0x7f80, "infinity is nearer");
        assert!(f32::from_bits(u32::from(bf16(f32::from_bits(0x7fff_ffff))) << 16).is_nan());
        assert!(f32::from_bits(u32::from(bf16(f32::from_bits(0x7f80_0001))) << 16).is_nan());
    }

    #[test]
    fn the_first_number_of_a_word_is_the_lowest() {
        assert_eq!(Format::Bf16.word(&[1.0, -2.0]), 0xc000_3f80);
        assert_eq!(Format::Int8.word(&[1.0, -1.0, 127.0, -127.0]), 0x817f_ff01);
        assert_eq!(Format::Int8.word(&[5.0]), 5, "the rest is 0");
    }

    #[test]
    fn codes_reach_from_end_to_end() {
        let positive = Code::new([0.5, 2.0]);
        assert_eq!([0.0, 1.0, 2.0, 9.0, -1.0].map(|value| positive.encode(value)), [0, 128, 255, 255, 0]);
        let signed = Code::new([-1.0, 3.0]);
        assert_eq!(signed.zero, 64.0);
        assert_eq!([-1.0, 0.0, 3.0].map(|value| signed.encode(value)), [0, 64, 255]);
        assert_eq!(Code::new([0.0, 0.0]).encode(0.0), 0);
        assert_eq!(Code::new([0.0, 1e-40]).encode(1e-40), 0, "a range that cannot be divided by");
        assert_eq!(positive.encode(f32::NAN), 0);
    }
}
