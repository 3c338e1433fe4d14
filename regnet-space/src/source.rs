//! Declarations as Rust source, ready to paste: the way back from numbers to `regnet!` and `anynet!`.
//!
//! ```
//! use regnet_space::Preset;
//!
//! let source = Preset::find("RegNetX-600MF")?.declaration().to_source("X600", [224, 224]);
//! assert_eq!(
//!     source,
//!     "\
//! regnet! {
//!     pub struct X600 = < d=16, w0=48, wa=36.97, wm=2.24, g=24, b=1, se=false >;
//!     input   = 3 x 224 x 224;
//!     classes = 1000;
//!     stem    = simple(32);
//! }
//! "
//! );
//! # Ok::<(), regnet_space::ParamError>(())
//! ```

mod anynet;

use crate::compat::Compatibility;
use crate::declaration::Declaration;
use crate::params::{RegNetParams, SE_RATIO, Space};
use crate::preset::torchvision_presets;
use crate::regulator::Regulator;
use crate::spec::Stem;

impl RegNetParams {
    /// The parameters as `regnet!` takes them: `< d=16, w0=48, wa=36.97, wm=2.24, g=24, b=1, se=true >`.
    ///
    /// Numbers are as short as they can be and still read back as the same bits.
    pub fn to_source(&self) -> String {
        format!("< {} >", self.entries())
    }

    fn entries(&self) -> String {
        let &Self { d, w0, wa, wm, g, b, se } = self;
        let [wa, wm, b] = [wa, wm, b.ratio()].map(number);
        let se = squeeze_excite(se);
        format!("d={d}, w0={w0}, wa={wa}, wm={wm}, g={g}, b={b}, se={se}")
    }
}

impl Declaration {
    /// This declaration as a formatted `regnet!` item called `name`, for images of height and width `image`, in pixels.
    ///
    /// Everything is written out, so that what it means never depends on a default. A declaration that is not sound
    /// is written as it is; the macro then says what is wrong with it. `name` must be a Rust identifier.
    pub fn to_source(&self, name: &str, image: [usize; 2]) -> String {
        let &Self { params, space, compatibility, stem, regulator, input_channels, classes } = self;
        let network = match compatibility {
            Compatibility::Published => params.to_source(),
            Compatibility::Torchvision => format!("< {}, {} >", torchvision(&params), params.entries()),
        };
        let mut ends = ends(input_channels, image, classes, stem, regulator);
        if space == Space::Any {
            ends.push(("space", "any".to_owned()));
        }
        let ends = lines("    ", &ends, ";");
        format!("regnet! {{\n    pub struct {name} = {network};\n{ends}}}\n")
    }
}

/// What both macros have after the network.
fn ends(
    channels: usize,
    [height, width]: [usize; 2],
    classes: usize,
    stem: Stem,
    regulator: Option<Regulator>,
) -> Vec<(&'static str, String)> {
    let mut ends = vec![
        ("input", format!("{channels} x {height} x {width}")),
        ("classes", classes.to_string()),
        ("stem", stem.to_string()),
    ];
    ends.extend(regulator.map(|regulator| ("regulator", regulator.to_string())));
    ends
}

/// `key = value`, a line each, with the values below each other.
fn lines(indent: &str, entries: &[(&str, String)], end: &str) -> String {
    let column = entries.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    entries.iter().map(|(key, value)| format!("{indent}{key:column$} = {value}{end}\n")).collect()
}

/// A preset that brings torchvision's rule with it, since no key sets that rule: the one of these parameters, or any.
fn torchvision(params: &RegNetParams) -> &'static str {
    let presets = torchvision_presets();
    presets.iter().find(|preset| preset.params == *params).unwrap_or(&presets[0]).name
}

fn squeeze_excite(se: Option<f64>) -> String {
    match se {
        None => "false".to_owned(),
        Some(SE_RATIO) => "true".to_owned(),
        Some(ratio) => number(ratio),
    }
}

/// The shortest text that reads back as the same number; without a tail of zeros, which `Display` writes for 1e300.
fn number(x: f64) -> String {
    let plain = x == 0.0 || (1e-5..1e16).contains(&x.abs());
    if plain { format!("{x}") } else { format!("{x:e}") }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_short_and_read_back() {
        for (x, text) in [(37.0, "37"), (36.97, "36.97"), (0.0, "0"), (0.1 + 0.2, "0.30000000000000004")] {
            assert_eq!(number(x), text);
        }
        for x in [1e300, 1e-300, f64::MIN_POSITIVE, 1.0 / 3.0, 123_456_789.123, 1e16] {
            assert_eq!(number(x).parse(), Ok(x), "{}", number(x));
            assert!(number(x).len() < 25);
        }
    }
}
