//! Files of the Hugging Face Hub: `hf:timm/regnety_004.pycls_in1k` in place of a path.
//!
//! A file is kept in the cache that Python's `huggingface_hub` uses too, and comes from there the next time, without
//! asking the hub: a branch that has moved is not noticed.
//!
//! A server is not trusted. [`Limits`] bound how long it is waited for, how often it may redirect and how much it may
//! send. A file gets its name in the cache once its length and its hash (SHA-256 of large files, git's of small ones)
//! are what the hub announced; until then it is a temporary file, which is removed when the download fails.
//!
//! | variable | meaning |
//! | --- | --- |
//! | `HF_ENDPOINT` | the hub's address, instead of `https://huggingface.co` |
//! | `HF_TOKEN` | the access token, instead of the one in the file `token` of `HF_HOME`; only ever sent to `HF_ENDPOINT` |
//! | `HF_HUB_CACHE` | the cache's folder, instead of `hub` in `HF_HOME` |
//! | `HF_HOME` | the folder of all that is kept, instead of `~/.cache/huggingface` |
//! | `HF_HUB_OFFLINE` | `1`, `on`, `yes` or `true`: only what is in the cache |

mod cache;
mod client;
mod digest;
mod error;
mod reference;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use cache::ModelCache;
use client::Client;
pub use error::HubError;
use reference::Reference;

/// What a reference to a file of the hub starts with.
pub const PREFIX: &str = "hf:";

/// The weights of a model whose reference names no file: the first of these that it has.
pub const USUAL_FILES: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];

/// The file that `hf:OWNER/MODEL[@REVISION][/FILE]` means, downloaded unless it is in the cache. The environment says
/// from where and to where.
///
/// # Errors
///
/// As [`Hub::resolve`].
pub fn resolve(reference: &str) -> Result<PathBuf, HubError> {
    Hub::from_env()?.resolve(reference)
}

/// A hub and the folder that its files are kept in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hub {
    /// Its address, such as `https://huggingface.co`.
    pub endpoint: String,
    /// What it knows the user by.
    pub token: Option<Token>,
    /// The cache's folder.
    pub cache: PathBuf,
    /// Whether to leave the network alone.
    pub offline: bool,
    /// What it may cost.
    pub limits: Limits,
}

/// An access token. It is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(pub String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// What a hub may cost in time, requests and disk space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest wait for a connection, for an answer, and for each next piece of a file.
    pub wait: Duration,
    /// Bytes a second that a download must reach on average, once it has taken as long as `wait`.
    pub slowest: u64,
    /// Redirects to follow in one request.
    pub redirects: u32,
    /// Bytes of the largest file to download.
    pub largest: u64,
}

impl Default for Limits {
    /// 30 seconds, 1 KiB a second, 5 redirects, 64 GiB.
    fn default() -> Self {
        Self { wait: Duration::from_secs(30), slowest: 1 << 10, redirects: 5, largest: 64 << 30 }
    }
}

impl Hub {
    /// The hub that the environment names.
    ///
    /// # Errors
    ///
    /// [`HubError::NoHome`].
    pub fn from_env() -> Result<Self, HubError> {
        let set = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        let usual = || std::env::home_dir().map(|home| home.join(".cache/huggingface"));
        let home = set("HF_HOME").map(PathBuf::from).or_else(usual);
        let in_home = |name| home.as_ref().map(|home| home.join(name));
        let cache = set("HF_HUB_CACHE").map(PathBuf::from).or_else(|| in_home("hub"));
        let kept = || std::fs::read_to_string(in_home("token")?).ok();
        let token = set("HF_TOKEN").or_else(kept).map(|token| token.trim().to_owned());
        let yes = |value: String| ["1", "on", "yes", "true"].contains(&value.to_lowercase().as_str());
        Ok(Self {
            endpoint: set("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_owned()),
            token: token.filter(|token| !token.is_empty()).map(Token),
            cache: cache.ok_or(HubError::NoHome)?,
            offline: set("HF_HUB_OFFLINE").is_some_and(yes),
            limits: Limits::default(),
        })
    }

    /// The file that a reference means, downloaded unless it is in the cache.
    ///
    /// # Errors
    ///
    /// Any [`HubError`]. Nothing that is incomplete or was changed on its way stays in the cache.
    pub fn resolve(&self, reference: &str) -> Result<PathBuf, HubError> {
        let reference: Reference = reference.parse()?;
        let cache = ModelCache::new(&self.cache, &reference.model);
        let named = reference.file.as_ref().map(|file| vec![file.as_str()]);
        let files = named.unwrap_or_else(|| USUAL_FILES.to_vec());
        if let Some(path) = files.iter().find_map(|file| cache.find(&reference.revision, file)) {
            return Ok(path);
        }
        if self.offline {
            let (file, cache) = (files[0].to_owned(), self.cache.clone());
            return Err(HubError::Offline { reference: reference.to_string(), file, cache });
        }
        let client = Client::new(self)?;
        let mut missing = None;
        for file in files {
            match download(&client, &cache, &reference, file) {
                // The first file's absence says what should have been there.
                Err(error @ HubError::NoFile { .. }) => missing = missing.or(Some(error)),
                done => return done,
            }
        }
        Err(missing.expect("a reference means at least one file"))
    }
}

fn download(
    client: &Client<'_>,
    cache: &ModelCache,
    reference: &Reference,
    file: &str,
) -> Result<PathBuf, HubError> {
    let announced = client.announced(reference, file)?;
    let blob = cache.blob(&announced.tag);
    // Another revision may have the same content.
    if !announced.is_in(&blob) {
        let mut part = cache.part(&announced.tag)?;
        client.receive(&announced, part.as_file_mut())?;
        cache.keep(part, &announced.tag)?;
    }
    cache.link(&announced.tag, &announced.commit, &reference.revision, file)
}
