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
