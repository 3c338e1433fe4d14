//! The spellings of a preset's name.

use super::{Family, Preset};

/// What a name says, however it is spelt.
pub(super) struct Spelling {
    family: Family,
    megaflops: f64,
    torchvision: bool,
}

impl Spelling {
    /// Reads `regnet`, `x` or `y`, a size and perhaps `tv`, with or without `-`, `_` or a space between them.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let rest = skip(name.strip_prefix("regnet")?);
        let (family, rest) = match rest.strip_prefix('x') {
            Some(rest) => (Family::X, rest),
            None => (Family::Y, rest.strip_prefix('y')?),
        };
        let size = skip(rest);
        let (size, torchvision) = match size.strip_suffix("tv") {
            Some(size) => (size.trim_end_matches(SEPARATORS), true),
            None => (size, false),
        };
        Some(Self { family, megaflops: megaflops(size)?, torchvision })
    }

    pub(super) fn means(&self, preset: &Preset) -> bool {
        self.family == preset.family
            && self.megaflops == f64::from(preset.megaflops)
            && self.torchvision == preset.is_torchvision()
    }

    /// The model of the same family that is nearest in size, by ratio; of two, the one of the same maker.
    pub(super) fn nearest<'a>(&self, presets: impl Iterator<Item = &'a Preset>) -> Option<&'a Preset> {
        let distance = |preset: &Preset| (self.megaflops / f64::from(preset.megaflops)).ln().abs();
        let foreign = |preset: &Preset| preset.is_torchvision() != self.torchvision;
        presets
            .filter(|preset| preset.family == self.family)
            .min_by(|a, b| distance(a).total_cmp(&distance(b)).then(foreign(a).cmp(&foreign(b))))
    }
}

const SEPARATORS: [char; 3] = ['-', '_', ' '];

fn skip(text: &str) -> &str {
    text.strip_prefix(SEPARATORS).unwrap_or(text)
}

/// `400mf`, `4.0gf`, `4gf`, torchvision's `1_6gf`, or timm's three digits in units of 100 MF: `016`.
fn megaflops(size: &str) -> Option<f64> {
    let number = |digits: &str| {
        let plain = digits.starts_with(|c: char| c.is_ascii_digit());
        plain.then(|| digits.replace('_', ".").parse::<f64>().ok()).flatten()
    };
    if let Some(digits) = size.strip_suffix("mf") {
        number(digits)
    } else if let Some(digits) = size.strip_suffix("gf") {
        // Rounded, because 1.6 · 1000 need not be whole.
        number(digits).map(|gigaflops| (gigaflops * 1000.0).round())
    } else if size.len() == 3 {
        number(size).map(|hundreds| hundreds * 100.0)
    } else {
        None
    }
}
