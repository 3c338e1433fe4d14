//! The macros and the keys of their declarations.

/// The macro that was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `regnet!`: generating parameters or a preset.
    RegNet,
    /// `anynet!`: stages one by one.
    AnyNet,
    /// `self_regulated!`: a depth and a regulator.
    SelfRegulated,
}

impl Form {
    /// Its keys, in the order in which messages list them.
    pub fn keys(self) -> &'static [Key] {
        match self {
            Self::RegNet => &Key::REGNET,
            Self::AnyNet => &Key::ANYNET,
            Self::SelfRegulated => &Key::SELF_REGULATED,
        }
    }

    /// The keys that have no default: those of the quantised widths, or of the stages.
    pub fn required(self) -> &'static [Key] {
        match self {
            Self::RegNet => &[Key::D, Key::W0, Key::Wa, Key::Wm, Key::G],
            Self::AnyNet => &[Key::Depths, Key::Widths],
            Self::SelfRegulated => &[Key::Depth],
        }
    }

    /// The key of this name.
    pub fn find(self, name: &str) -> Option<Key> {
        Key::find(self.keys(), name)
    }

    /// An item to copy.
    pub fn item(self) -> &'static str {
        match self {
            Self::RegNet => "pub struct Net = RegNetX-200MF;",
            Self::AnyNet => "pub struct Net = < depths = [1, 3], widths = [48, 96] >;",
            Self::SelfRegulated => "pub struct Net = < depth = 20, cell = lstm >;",
        }
    }

    /// What to do when nothing is declared.
    pub fn start(self) -> &'static str {
        match self {
            Self::RegNet => {
                "name a preset, such as `RegNetX-200MF`, or give the parameters, such as \
                 `< d=16, w0=48, wa=36.97, wm=2.24, g=24 >`"
            }
            Self::AnyNet => "give the stages, such as `depths = [1, 3, 5, 7], widths = [48, 96, 240, 528]`",
            Self::SelfRegulated => "give the depth, such as `depth = 20`",
        }
    }
}

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
    Depths,
    Widths,
    Groups,
    Bottleneck,
    Strides,
    Block,
    /// `anynet!`'s `space`, which names one of the paper's.
    DesignSpace,
    Regulator,
    Depth,
    Cell,
    Conv,
    Share,
    Carry,
}

impl Key {
    const REGNET: [Self; 13] = [
        Self::D,
        Self::W0,
        Self::Wa,
        Self::Wm,
        Self::G,
        Self::B,
        Self::Se,
        Self::Classes,
        Self::Stem,
        Self::Regulator,
        Self::Input,
        Self::Space,
        Self::Budget,
    ];

    const ANYNET: [Self; 13] = [
        Self::Depths,
        Self::Widths,
        Self::Groups,
        Self::Bottleneck,
        Self::Strides,
        Self::Block,
        Self::Se,
        Self::Classes,
        Self::Stem,
        Self::Regulator,
        Self::Input,
        Self::DesignSpace,
        Self::Budget,
    ];

    const SELF_REGULATED: [Self; 9] = [
        Self::Depth,
        Self::Cell,
        Self::Conv,
        Self::Share,
        Self::Carry,
        Self::Se,
        Self::Classes,
        Self::Input,
        Self::Budget,
    ];

    /// The options of a regulator, which stand in parentheses after its cell.
    pub const REGULATOR: [Self; 3] = [Self::Conv, Self::Share, Self::Carry];

    /// The one of `keys` that has this name.
    pub fn find(keys: &[Self], name: &str) -> Option<Self> {
        keys.iter().copied().find(|key| key.name() == name)
    }

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
            Self::Space | Self::DesignSpace => "space",
            Self::Depths => "depths",
            Self::Widths => "widths",
            Self::Groups => "groups",
            Self::Bottleneck => "bottleneck",
            Self::Strides => "strides",
            Self::Block => "block",
            Self::Budget => "budget",
            Self::Regulator => "regulator",
            Self::Depth => "depth",
            Self::Cell => "cell",
            Self::Conv => "conv",
            Self::Share => "share",
            Self::Carry => "carry",
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
            Self::DesignSpace => "space = AnyNetXE",
            Self::Depths => "depths = [1, 3, 5, 7]",
            Self::Widths => "widths = [48, 96, 240, 528]",
            Self::Groups => "groups = 24",
            Self::Bottleneck => "bottleneck = 4",
            Self::Strides => "strides = [1, 2, 2, 2]",
            Self::Block => "block = basic",
            Self::Budget => "budget = flops <= 400M, params <= 6M",
            Self::Regulator => "regulator = lstm",
            Self::Depth => "depth = 20",
            Self::Cell => "cell = lstm",
            Self::Conv => "conv = efficient",
            Self::Share => "share = block",
            Self::Carry => "carry = true",
        }
    }

    /// Whether it is one of the numbers that stand between `<` and `>`, not one of the options around them.
    pub fn is_parameter(self) -> bool {
        use Key::{Budget, Carry, Cell, Classes, Conv, DesignSpace, Input, Regulator, Share, Space, Stem};
        let option = matches!(self, Classes | Stem | Input | Space | DesignSpace | Budget)
            || matches!(self, Regulator | Cell | Conv | Share | Carry);
        !option
    }
}
