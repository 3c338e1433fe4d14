//! Elements of files and how they become those of networks.

use std::fmt;
use std::str::FromStr;

use ::safetensors::tensor::Dtype as FileDtype;
use dfdx::prelude::Dtype;
use half::{bf16, f16};

/// An element type that weights are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precision {
    /// IEEE 754 half precision.
    F16,
    /// The upper half of an f32.
    Bf16,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
}

impl Precision {
    /// All, from the shortest.
    pub const ALL: [Self; 4] = [Self::F16, Self::Bf16, Self::F32, Self::F64];

    /// The type of this name in safetensors.
    pub const fn file_dtype(self) -> FileDtype {
        match self {
            Self::F16 => FileDtype::F16,
            Self::Bf16 => FileDtype::BF16,
            Self::F32 => FileDtype::F32,
            Self::F64 => FileDtype::F64,
        }
    }

    /// The same of a file; `None` for types that weights do not have.
    pub fn of(dtype: FileDtype) -> Option<Self> {
        Self::ALL.into_iter().find(|precision| precision.file_dtype() == dtype)
    }

    /// Bytes of an element.
    pub const fn bytes(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Calls `each` with every element of little-endian `bytes`.
    pub(super) fn each(self, bytes: &[u8], each: impl FnMut(f64)) {
        match self {
            Self::F16 => words(bytes).map(|word| f16::from_le_bytes(word).to_f64()).for_each(each),
            Self::Bf16 => words(bytes).map(|word| bf16::from_le_bytes(word).to_f64()).for_each(each),
            Self::F32 => words(bytes).map(|word| f64::from(f32::from_le_bytes(word))).for_each(each),
            Self::F64 => words(bytes).map(f64::from_le_bytes).for_each(each),
        }
    }

    /// The little-endian bytes of numbers, each rounded once.
    pub fn encode(self, values: impl IntoIterator<Item = f64>) -> Vec<u8> {
        let values = values.into_iter();
        match self {
            Self::F16 => values.flat_map(|value| f16::from_f64(value).to_le_bytes()).collect(),
            Self::Bf16 => values.flat_map(|value| bf16::from_f64(value).to_le_bytes()).collect(),
            Self::F32 => values.flat_map(|value| (value as f32).to_le_bytes()).collect(),
            Self::F64 => values.flat_map(f64::to_le_bytes).collect(),
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::F32 => "f32",
            Self::F64 => "f64",
        })
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|precision| precision.to_string() == name);
        found.ok_or_else(|| {
            format!("no element type is called `{name}`; there are `f16`, `bf16`, `f32` and `f64`")
        })
    }
}

/// An element type that networks hold.
pub trait FileElement: Dtype {
    /// Its name in files.
    const PRECISION: Precision;

    /// Appends the little-endian bytes.
    fn push_le(self, bytes: &mut Vec<u8>);

    /// The elements of little-endian `bytes`, converted from what the file holds.
    fn decode(precision: Precision, bytes: &[u8]) -> Vec<Self>;
}

macro_rules! file_element {
    ($($type:ident $precision:ident $from_half:ident;)*) => { $(
        impl FileElement for $type {
            const PRECISION: Precision = Precision::$precision;

            fn push_le(self, bytes: &mut Vec<u8>) {
                bytes.extend(self.to_le_bytes());
            }

            fn decode(precision: Precision, bytes: &[u8]) -> Vec<Self> {
                match precision {
                    Precision::F16 => words(bytes).map(|word| f16::from_le_bytes(word).$from_half()).collect(),
                    Precision::Bf16 => words(bytes).map(|word| bf16::from_le_bytes(word).$from_half()).collect(),
                    Precision::F32 => words(bytes).map(|word| f32::from_le_bytes(word) as $type).collect(),
                    Precision::F64 => words(bytes).map(|word| f64::from_le_bytes(word) as $type).collect(),
                }
            }
        }
    )* };
}

file_element! {
    f32 F32 to_f32;
    f64 F64 to_f64;
}

fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks().0.iter().copied()
}
