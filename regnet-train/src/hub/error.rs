//! What can go wrong between a reference and its file.

use std::path::PathBuf;

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The reference cannot be read.
    #[error(
        "`{reference}` is no file of the hub: {reason}; write hf:OWNER/MODEL, hf:OWNER/MODEL@REVISION or hf:OWNER/MODEL/FILE"
    )]
    Reference {
        /// As it was written.
        reference: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// There is no folder for the cache.
    #[error("there is no home folder to keep files of the hub in: set HF_HOME to a folder")]
    NoHome,
    /// The hub's address is none.
    #[error("HF_ENDPOINT is `{endpoint}`, which is no address: write it as in https://huggingface.co")]
    Endpoint {
        /// The address.
        endpoint: String,
    },
    /// The file is not in the cache, and the network must not be used.
    #[error(
        "{file} of {reference} is not in {}, and HF_HUB_OFFLINE is set: unset it once to download the file",
        cache.display()
    )]
    Offline {
        /// The model.
        reference: String,
        /// The file.
        file: String,
        /// The cache's folder.
        cache: PathBuf,
    },
    /// The hub has no such model or revision, or shows it to some only.
    #[error(
        "{endpoint} has no {reference}, or not for everybody: check the name and the revision on the model's page, and \
         set HF_TOKEN if the model is private"
    )]
    NoModel {
        /// The model.
        reference: String,
        /// The hub.
        endpoint: String,
    },
    /// The model has no such file.
    #[error("{reference} has no file {file}: {}", other_files(.reference, .files))]
    NoFile {
        /// The model.
        reference: String,
        /// The file.
        file: String,
        /// The files it has.
        files: Vec<String>,
    },
    /// The hub did not answer, or not to the end.
    #[error("cannot download {what}: {source}; nothing was kept, try again")]
    Download {
        /// Model and file.
        what: String,
        /// What went wrong.
        source: Box<ureq::Error>,
    },
    /// The file came too slowly to wait for its end.
    #[error(
        "{what} comes too slowly: {received} bytes in {seconds:.1} s, and {slowest} a second is the least; nothing was \
         kept, try again"
    )]
    TooSlow {
        /// Model and file.
        what: String,
        /// Bytes that came.
        received: u64,
        /// Seconds since the first of them was asked for.
        seconds: f64,
        /// Bytes a second, at least.
        slowest: u64,
    },
    /// The hub's answer makes no sense.
    #[error("the hub's answer about {what} is not to be trusted: {reason}; check HF_ENDPOINT")]
    Answer {
        /// Model and file.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What came is not what the hub has.
    #[error(
        "{what} was changed on its way: it should have {expected} and has {found}; nothing was kept, try again"
    )]
    Changed {
        /// Model and file.
        what: String,
        /// Its hash or length on the hub.
        expected: String,
        /// What was found.
        found: String,
    },
    /// The file system refused.
    #[error("cannot read or write {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
}

/// Weights among the files, as references.
fn other_files(reference: &str, files: &[String]) -> String {
    const WEIGHTS: [&str; 5] = [".safetensors", ".bin", ".pth", ".pyth", ".pt"];
    let weights = files.iter().filter(|file| WEIGHTS.iter().any(|end| file.ends_with(end)));
    let weights: Vec<String> = weights.map(|file| format!("{reference}/{file}")).collect();
    if weights.is_empty() {
        "there are no weights in it".to_owned()
    } else {
        format!("there is {}", weights.join(", "))
    }
}
