//! What matrix products compute with.

use std::fmt;
use std::str::FromStr;

/// What f32's matrix products round their factors to. Sums, weights, activations and all other arithmetic stay in f32, so
/// that small steps of an optimiser are not lost.
///
/// f16 is not among them: gradients would leave its range, and losses would have to be scaled.
///
/// ```
/// use regnet_core::Products;
///
/// assert_eq!("bf16".parse(), Ok(Products::Bf16));
/// let error = "f16".parse::<Products>().unwrap_err();
/// assert_eq!(error.to_string(), "`f16` is no format of products: f32, tf32 or bf16");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Products {
    /// Nothing: 23 bits of fraction.
    #[default]
    F32,
    /// NVIDIA's TF32: 10 bits of fraction.
    Tf32,
    /// bfloat16: 7 bits of fraction.
    Bf16,
}

impl Products {
    const ALL: [Self; 3] = [Self::F32, Self::Tf32, Self::Bf16];

    /// Its name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
        }
    }
}

impl fmt::Display for Products {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Products {
    type Err = UnknownProducts;

    fn from_str(name: &str) -> Result<Self, UnknownProducts> {
        let format = Self::ALL.into_iter().find(|format| format.name() == name);
        format.ok_or_else(|| UnknownProducts(name.to_owned()))
    }
}

/// A name that is no format's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no format of products: f32, tf32 or bf16")]
pub struct UnknownProducts(String);
