//! The keys of a declaration.

/// What can be set with `key = value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    D,
    W0,
    Wa,
    Wm,
    G,
    B,
    Se,
    Classes,
    Stem,
    Input,
    Space,
    Budget,
}

impl Key {
    /// All keys, in the order in which messages list them.
    pub const ALL: [Self; 12] = [
        Self::D,
        Self::W0,
        Self::Wa,
        Self::Wm,
        Self::G,
        Self::B,
        Self::Se,
        Self::Classes,
        Self::Stem,
        Self::Input,
        Self::Space,
        Self::Budget,
    ];

    /// The keys that have no default: those of the quantised widths.
    pub const REQUIRED: [Self; 5] = [Self::D, Self::W0, Self::Wa, Self::Wm, Self::G];

    /// As it is spelt, in declarations and in `regnet-space`'s errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::D => "d",
            Self::W0 => "w0",
            Self::Wa => "wa",
            Self::Wm => "wm",
            Self::G => "g",
            Self::B => "b",
            Self::Se => "se",
            Self::Classes => "classes",
            Self::Stem => "stem",
            Self::Input => "input",
            Self::Space => "space",
            Self::Budget => "budget",
        }
    }

    /// An entry to copy.
    pub fn example(self) -> &'static str {
        match self {
            Self::D => "d = 16",
            Self::W0 => "w0 = 48",
            Self::Wa => "wa = 36.97",
            Self::Wm => "wm = 2.24",
            Self::G => "g = 24",
            Self::B => "b = 1",
            Self::Se => "se = true",
            Self::Classes => "classes = 10",
            Self::Stem => "stem = simple(32)",
            Self::Input => "input = 3 x 224 x 224",
            Self::Space => "space = any",
            Self::Budget => "budget = flops <= 400M, params <= 6M",
        }
    }

    /// Whether it is one of the numbers that stand between `<` and `>`, not one of the options around them.
    pub fn is_parameter(self) -> bool {
        matches!(self, Self::D | Self::W0 | Self::Wa | Self::Wm | Self::G | Self::B | Self::Se)
    }

    /// The key of this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }
}
