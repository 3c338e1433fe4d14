//! What a safetensors file says of itself in its metadata.

use std::collections::HashMap;

use super::file::WeightFile;

/// The key of the description of a file's network.
const DESCRIPTION: &str = "regnet";

/// What libraries look for in a file of PyTorch's tensors.
const FORMAT: (&str, &str) = ("format", "pt");

/// The metadata of a file of weights.
pub(super) fn metadata(description: Option<&str>) -> Option<HashMap<String, String>> {
    let entries = [FORMAT].into_iter().chain(description.map(|description| (DESCRIPTION, description)));
    let entries: Vec<_> = entries.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    // They are written in the map's own order, which is drawn anew for each map; the same weights should always be the
    // same bytes. One map in two has the order wanted.
    loop {
        let map: HashMap<_, _> = entries.iter().cloned().collect();
        if map.keys().eq(entries.iter().map(|(key, _)| key)) {
            return Some(map);
        }
    }
}

/// The description in a file's metadata.
pub(super) fn description(metadata: Option<&HashMap<String, String>>) -> Option<String> {
    metadata?.get(DESCRIPTION).cloned()
}

impl WeightFile {
    /// What the file says of its network: the value of `regnet` in the metadata of a safetensors file, as
    /// [`to_bytes_described`](super::to_bytes_described) writes it. `None` in files of other programs, and in
    /// checkpoints of PyTorch.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use dfdx::prelude::*;
    use regnet_space::{AnyNet, Bottleneck, Naming, Stage, Stem, StemKind};

    use super::*;
    use crate::DynRegNet;
    use crate::weights::{Precision, Style, to_bytes, to_bytes_described};

    fn spec() -> AnyNet {
        let stage = Stage { depth: 1, width: 8, stride: 2, bottleneck: Bottleneck::ONE, group_width: 8 };
        let stem = Stem { kind: StemKind::Simple, width: 8 };
        AnyNet {
            input_channels: 3,
            stem,
            block: Default::default(),
            stages: vec![stage],
            se: None,
            regulator: None,
            classes: 2,
        }
    }

    /// Converted or not, a file keeps what it says of its network, and is the same bytes whenever it is written.
    #[test]
    fn descriptions_are_kept() {
        let net = DynRegNet::<f32, Cpu>::try_new(&Cpu::default(), &spec()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let said = "{\"a\": \"ü\\n\"}";
        for _ in 0..8 {
            assert!(to_bytes_described(&net, said) == to_bytes_described(&net, said));
        }
        std::fs::write(&path, to_bytes_described(&net, said)).unwrap();
        let file = WeightFile::open(&path).unwrap();
        assert_eq!(file.description(), Some(said));

        let converted = folder.path().join("timm.safetensors");
        let style = Style::of(&spec(), Naming::Timm, Precision::F16);
        for description in [file.description(), None] {
            file.convert(&spec(), style, description, &converted).unwrap();
            assert_eq!(WeightFile::open(&converted).unwrap().description(), description);
        }
        std::fs::write(&path, to_bytes(&net)).unwrap();
        assert_eq!(WeightFile::open(&path).unwrap().description(), None);
    }
}
