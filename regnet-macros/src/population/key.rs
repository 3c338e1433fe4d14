//! The keys of a population.

/// What can be set with `key = value;` between the braces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Seed,
    Flops,
    Params,
    Acts,
    Input,
    Classes,
    Stem,
}

impl Key {
    /// All keys, in the order in which messages list them.
    pub const ALL: [Self; 7] =
        [Self::Seed, Self::Flops, Self::Params, Self::Acts, Self::Input, Self::Classes, Self::Stem];

    /// As it is spelt, here and in `regnet-space`'s errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seed => "seed",
            Self::Flops => "flops",
            Self::Params => "params",
            Self::Acts => "acts",
            Self::Input => "input",
            Self::Classes => "classes",
            Self::Stem => "stem",
        }
    }

    /// An entry to copy.
    pub fn example(self) -> &'static str {
        match self {
            Self::Seed => "seed = 7",
            Self::Flops => "flops = 80M..=100M",
            Self::Params => "params = ..=2M",
            Self::Acts => "acts = ..=1.5M",
            Self::Input => "input = 3 x 32 x 32",
            Self::Classes => "classes = 10",
            Self::Stem => "stem = cifar(16)",
        }
    }

    /// The key of this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }
}
