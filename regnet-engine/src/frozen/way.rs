//! The ways to compute a convolution.

use std::fmt;
use std::str::FromStr;

use super::lower::{Convolution, Layer, LayerOp};
use super::winograd::{self, Form};

/// How a 3x3 convolution is computed that can be in several ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// As it is defined.
    Direct,
    /// By Winograd's minimal filtering, in tiles of 2 x 2 pixels.
    Tiles2,
    /// By Winograd's minimal filtering, in tiles of 4 x 4 pixels; those of stride 2 have no such way.
    Tiles4,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Direct, Self::Tiles2, Self::Tiles4];

    /// Its name, as in the literature.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Tiles2 => "F(2x2, 3x3)",
            Self::Tiles4 => "F(4x4, 3x3)",
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Way {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|way| way.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(|way| format!("`{way}`"));
            format!("`{text}` is no way to compute a convolution: choose {}", names.join(" or "))
        })
    }
}

/// The kernels that compute a convolution, and so the order of its weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// Those that read images.
    Image,
    Winograd(Form),
    Grouped,
    Dense,
}

impl Method {
    /// That of a layer, by filtering where `way` says so and the layer can be; `None` if it is no convolution.
    pub fn new(layer: &Layer, way: impl FnOnce() -> Way) -> Option<Self> {
        let LayerOp::Conv(conv) = &layer.op else { return None };
        Some(match conv {
            _ if conv.inputs == [0] => Self::Image,
            _ if let Some(form) =
                winograd::is_possible(conv).then(way).and_then(|way| Form::new(way, conv)) =>
            {
                Self::Winograd(form)
            }
            _ if is_grouped(conv) => Self::Grouped,
            _ => Self::Dense,
        })
    }
}

/// Whether the kernels of grouped convolutions compute it.
pub(super) fn is_grouped(layer: &Convolution) -> bool {
    let conv = &layer.conv;
    conv.groups() > 1 && conv.kernel == 3 && conv.input == conv.output
}
