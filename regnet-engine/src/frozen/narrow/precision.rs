//! The numbers that an engine computes with.

use std::fmt;

use super::Format;
use super::calibrate::Ranges;
use crate::frozen::FreezeError;

/// The numbers that convolutions are computed with. Where the processor has no instructions for them, it is f32.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Precision {
    /// 32 bits: a network's own results, to the last few bits.
    #[default]
    F32,
    /// 16 bits with the range of f32 and 8 significant bits (AVX512_BF16). Sums are f32.
    Bf16,
    /// Whole numbers of 8 bits (AVX512_VNNI): weights with a scale for each output channel, activations with one for each
    /// map, from the ranges that they had in a [`Calibration`](super::super::Calibration).
    Int8(Ranges),
}

impl Precision {
    /// Its name, in lower case.
    pub const fn name(&self) -> &'static str {
        match self.format() {
            None => "f32",
            Some(format) => format.name(),
        }
    }

    pub(in crate::frozen) const fn format(&self) -> Option<Format> {
        match self {
            Self::F32 => None,
            Self::Bf16 => Some(Format::Bf16),
            Self::Int8(_) => Some(Format::Int8),
        }
    }

    /// The ranges of the activations of a network with so many, if they matter.
    pub(in crate::frozen) fn ranges(&self, expected: usize) -> Result<Option<&Ranges>, FreezeError> {
        match self {
            Self::Int8(ranges) if ranges.0.len() != expected => {
                Err(FreezeError::Ranges { found: ranges.0.len(), expected })
            }
            Self::Int8(ranges) => Ok(Some(ranges)),
            Self::F32 | Self::Bf16 => Ok(None),
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
