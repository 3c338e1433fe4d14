//! Where weights are.

use std::path::PathBuf;

/// The file that a `--weights` argument means: a file of the hub (`hf:OWNER/MODEL`), downloaded unless it is in the cache;
/// the weights in a folder that `regnet train` wrote; or the file itself.
pub fn weights_path(argument: &str) -> anyhow::Result<PathBuf> {
    if argument.starts_with("hf:") {
        return from_hub(argument);
    }
    let path = PathBuf::from(argument);
    Ok(if path.is_dir() { path.join("model.safetensors") } else { path })
}

#[cfg(feature = "hub")]
fn from_hub(reference: &str) -> anyhow::Result<PathBuf> {
    Ok(regnet::train::hub::resolve(reference)?)
}

#[cfg(not(feature = "hub"))]
fn from_hub(reference: &str) -> anyhow::Result<PathBuf> {
    anyhow::bail!(
        "{reference} is on the hub, and this regnet was built without it: build it with --features hub"
    )
}
