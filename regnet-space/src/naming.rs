//! The names that pycls, timm and torchvision give a network's tensors.
//!
//! The layer graph has pycls's; the others follow from them, name by name. One table below is all there is.
//!
//! ```
//! use regnet_space::{Layout, Naming};
//!
//! let name = "s2.b1.f.a_bn.running_var";
//! assert_eq!(Naming::Timm.name(Layout::RegNet, name).as_deref(), Some("s2.b1.conv1.bn.running_var"));
//! let torchvision = "trunk_output.block2.block2-0.f.a.1.running_var";
//! assert_eq!(Naming::Torchvision.name(Layout::RegNet, name).as_deref(), Some(torchvision));
//! assert_eq!(Naming::Timm.name(Layout::ResNet, name).as_deref(), Some("layer2.0.bn1.running_var"));
//! ```

use std::fmt;
use std::str::FromStr;

use crate::spec::{AnyNet, Block, StemKind};

/// A library's way of naming tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Naming {
    /// facebookresearch/pycls, and the layer graph.
    #[default]
    Pycls,
    /// timm.
    Timm,
    /// torchvision.
    Torchvision,
}

/// The class that timm and torchvision implement a network with, which decides its names there. pycls has one for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Their `RegNet`.
    RegNet,
    /// Their `ResNet`; of its tensors both have the same names.
    ResNet,
}

impl Layout {
    /// Both.
    pub const ALL: [Self; 2] = [Self::RegNet, Self::ResNet];

    /// The layout of a network: ResNets are those with the ResNet stem and shortcuts, and nothing more.
    pub fn of(net: &AnyNet) -> Self {
        let plain = net.se.is_none() && net.regulator.is_none() && net.block != Block::Vanilla;
        if plain && net.stem.kind == StemKind::ResNet { Self::ResNet } else { Self::RegNet }
    }
}

impl Naming {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pycls, Self::Timm, Self::Torchvision];

    /// The name here of the tensor that is called `name` in pycls and in the layer graph; `None` where the library has
    /// no such layer.
    pub fn name(self, layout: Layout, name: &str) -> Option<String> {
        let column = match (self, layout) {
            (Self::Pycls, _) => return Some(name.to_owned()),
            (Self::Timm, Layout::RegNet) => 1,
            (Self::Torchvision, Layout::RegNet) => 2,
            (Self::Timm | Self::Torchvision, Layout::ResNet) => 3,
        };
        let (layer, tensor) = name.rsplit_once('.')?;
        if let Some(layer) = look_up(&ENDS, layer, column) {
            return Some(format!("{layer}.{tensor}"));
        }
        let (stage, block, layer) = in_block(layer)?;
        let layer = look_up(&BLOCK, layer, column)?;
        Some(match column {
            1 => format!("s{stage}.b{block}.{layer}.{tensor}"),
            2 => format!("trunk_output.block{stage}.block{stage}-{}.{layer}.{tensor}", block - 1),
            _ => format!("layer{stage}.{}.{layer}.{tensor}", block - 1),
        })
    }
}

/// A layer in pycls; in timm's and torchvision's RegNets; in either's ResNets. Empty where there is none.
type Row = [&'static str; 4];

const ENDS: [Row; 3] = [
    ["stem.conv", "stem.conv", "stem.0", "conv1"],
    ["stem.bn", "stem.bn", "stem.1", "bn1"],
    ["head.fc", "head.fc", "fc", "fc"],
];

#[rustfmt::skip]
const BLOCK: [Row; 10] = [
    ["proj",        "downsample.conv", "proj.0",   "downsample.0"],
    ["bn",          "downsample.bn",   "proj.1",   "downsample.1"],
    ["f.a",         "conv1.conv",      "f.a.0",    "conv1"],
    ["f.a_bn",      "conv1.bn",        "f.a.1",    "bn1"],
    ["f.b",         "conv2.conv",      "f.b.0",    "conv2"],
    ["f.b_bn",      "conv2.bn",        "f.b.1",    "bn2"],
    ["f.se.f_ex.0", "se.fc1",          "f.se.fc1", ""],
    ["f.se.f_ex.2", "se.fc2",          "f.se.fc2", ""],
    ["f.c",         "conv3.conv",      "f.c.0",    "conv3"],
    ["f.c_bn",      "conv3.bn",        "f.c.1",    "bn3"],
];

fn look_up(table: &[Row], layer: &str, column: usize) -> Option<&'static str> {
    let row = table.iter().find(|row| row[0] == layer)?;
    Some(row[column]).filter(|name| !name.is_empty())
}

/// `s2.b1.f.a` as 2, 1 and `f.a`.
fn in_block(layer: &str) -> Option<(usize, usize, &str)> {
    let (stage, rest) = layer.strip_prefix('s')?.split_once(".b")?;
    let (block, rest) = rest.split_once('.')?;
    let block = block.parse().ok().filter(|&block| block > 0)?;
    Some((stage.parse().ok()?, block, rest))
}

impl fmt::Display for Naming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pycls => "pycls",
            Self::Timm => "timm",
            Self::Torchvision => "torchvision",
        })
    }
}

impl FromStr for Naming {
    type Err = UnknownNaming;

    fn from_str(name: &str) -> Result<Self, UnknownNaming> {
        let found = Self::ALL.into_iter().find(|naming| naming.to_string() == name);
        found.ok_or_else(|| UnknownNaming { name: name.to_owned() })
    }
}

/// No naming has this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownNaming {
    /// The name given.
    pub name: String,
}

impl fmt::Display for UnknownNaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no naming is called `{}`; there are `pycls`, `timm` and `torchvision`", self.name)
    }
}

impl std::error::Error for UnknownNaming {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;
    use crate::{Preset, presets, torchvision_presets};

    #[test]
    fn every_preset_has_every_name_once() {
        for preset in presets().iter().chain(torchvision_presets()) {
            let graph = preset.declaration().to_anynet().unwrap().graph(64, 64).unwrap();
            for naming in Naming::ALL {
                let names = graph.parameters().map(|p| naming.name(Layout::RegNet, &p.name).unwrap());
                assert_eq!(names.collect::<BTreeSet<_>>().len(), graph.parameters().count());
            }
        }
    }

    #[test]
    fn what_has_no_counterpart_has_no_name() {
        let net = Preset::find("RegNetY-400MF").unwrap().declaration().to_anynet().unwrap();
        assert_eq!(Layout::of(&net), Layout::RegNet);
        for name in ["s1.r.x.weight", "s1.b1.f.r_bn.bias", "s1.b0.f.a.weight", "s1.b1.a.weight", "weight", ""]
        {
            assert_eq!(Naming::Timm.name(Layout::RegNet, name), None, "{name}");
        }
        assert_eq!(Naming::Timm.name(Layout::ResNet, "s1.b1.f.se.f_ex.0.bias"), None);
    }

    #[test]
    fn spellings() {
        for naming in Naming::ALL {
            assert_eq!(naming.to_string().parse(), Ok(naming));
        }
        let error = "tim".parse::<Naming>().unwrap_err().to_string();
        assert_eq!(error, "no naming is called `tim`; there are `pycls`, `timm` and `torchvision`");
    }
}
