//! Files of the Hugging Face Hub: `hf:timm/regnety_004.pycls_in1k` in place of a path.
//!
//! A file comes through the [hf-hub](https://docs.rs/hf-hub) crate into the cache that Python's `huggingface_hub` uses
//! too, and from there the next time, without asking the hub: a branch that has moved is not noticed. What hf-hub
//! leaves to its caller is done here: the hash and the length of what came are compared with what the hub said, what
//! does not agree is deleted, and a broken download goes on where it broke.
//!
//! | variable | meaning |
//! | --- | --- |
//! | `HF_ENDPOINT` | the hub's address, instead of `https://huggingface.co` |
//! | `HF_HUB_CACHE` | the cache's folder, instead of `hub` in `HF_HOME` |
//! | `HF_HOME` | the folder of all that is kept, instead of `~/.cache/huggingface` |
//! | `HF_HUB_OFFLINE` | `1`, `on`, `yes` or `true`: only what is in the cache |

mod error;
mod reference;

use std::fs;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

use hf_hub::api::sync::{Api, ApiBuilder, ApiError, Metadata};
use hf_hub::{Cache, Repo, RepoType};
use sha2::{Digest, Sha256};

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
    /// The cache's folder.
    pub cache: PathBuf,
    /// Whether to leave the network alone.
    pub offline: bool,
}

impl Hub {
    /// The hub that the environment names.
    ///
    /// # Errors
    ///
    /// [`HubError::NoHome`].
    pub fn from_env() -> Result<Self, HubError> {
        let set = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        let home = || std::env::home_dir().map(|home| home.join(".cache/huggingface"));
        let in_home = || set("HF_HOME").map(PathBuf::from).or_else(home).map(|home| home.join("hub"));
        let cache = set("HF_HUB_CACHE").map(PathBuf::from).or_else(in_home).ok_or(HubError::NoHome)?;
        let endpoint = set("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_owned());
        let yes = |value: String| ["1", "on", "yes", "true"].contains(&value.to_lowercase().as_str());
        Ok(Self { endpoint, cache, offline: set("HF_HUB_OFFLINE").is_some_and(yes) })
    }

    /// The file that a reference means, downloaded unless it is in the cache.
    ///
    /// # Errors
    ///
    /// Any [`HubError`]. Nothing that is incomplete or was changed on its way stays in the cache under a file's name.
    pub fn resolve(&self, reference: &str) -> Result<PathBuf, HubError> {
        let reference: Reference = reference.parse()?;
        let named = reference.file.as_ref().map(|file| vec![file.as_str()]);
        let files = named.unwrap_or_else(|| USUAL_FILES.to_vec());
        if let Some(path) = files.iter().find_map(|file| self.cached(&reference, file)) {
            return Ok(path);
        }
        if self.offline {
            let (file, cache) = (files[0].to_owned(), self.cache.clone());
            return Err(HubError::Offline { reference: reference.to_string(), file, cache });
        }
        let mut missing = None;
        for file in files {
            match self.download(&reference, file) {
                // The first file's absence says what should have been there.
                Err(error @ HubError::NoFile { .. }) => missing = missing.or(Some(error)),
                done => return done,
            }
        }
        Err(missing.expect("a reference means at least one file"))
    }

    fn repo(reference: &Reference) -> Repo {
        Repo::with_revision(reference.model.clone(), RepoType::Model, reference.revision.clone())
    }

    fn cached(&self, reference: &Reference, file: &str) -> Option<PathBuf> {
        let repo = Cache::new(self.cache.clone()).repo(Self::repo(reference));
        // A revision that is a commit needs no entry that says which commit it is.
        let of_commit = repo.pointer_path(&reference.revision).join(file);
        repo.get(file).or_else(|| of_commit.exists().then_some(of_commit))
    }

    fn download(&self, reference: &Reference, file: &str) -> Result<PathBuf, HubError> {
        let cache = Cache::new(self.cache.clone());
        let api = ApiBuilder::from_cache(cache.clone()).with_endpoint(self.endpoint.clone()).build();
        let failed =
            |error| HubError::Download { what: format!("{reference}/{file}"), source: Box::new(error) };
        let api = api.map_err(failed)?;
        let repo = Self::repo(reference);
        let url = api.repo(repo.clone()).url(file);
        let metadata = api.metadata(&url).map_err(|error| self.explain(&api, reference, file, error))?;
        let [etag, commit] = [metadata.etag(), metadata.commit_hash()];
        // Both become parts of paths.
        if ![etag, commit].into_iter().all(is_plain) {
            let what = format!("{reference}/{file}");
            return Err(HubError::Answer { what, reason: format!("its hashes are `{etag}` and `{commit}`") });
        }
        let place = cache.repo(repo.clone());
        let (blob, pointer) = (place.blob_path(etag), place.pointer_path(commit).join(file));
        remove_dangling(&pointer).map_err(|source| HubError::Io { path: pointer.clone(), source })?;
        let part = blob.with_extension("part");
        let fetched = match api.repo(repo.clone()).download(file) {
            // What came before is of another length than the file: begin anew.
            Err(error) if cannot_go_on(&error) && fs::remove_file(&part).is_ok() => {
                api.repo(repo).download(file)
            }
            fetched => fetched,
        };
        let path = fetched.map_err(failed)?;
        check(&path, &metadata, &format!("{reference}/{file}")).inspect_err(|_| {
            // The error says what is wrong; a file that cannot be deleted would be found wrong again.
            let _ = fs::remove_file(&pointer);
            let _ = fs::remove_file(&blob);
        })?;
        Ok(path)
    }

    /// Why there is no answer about a file.
    fn explain(&self, api: &Api, reference: &Reference, file: &str, error: ApiError) -> HubError {
        let what = format!("{reference}/{file}");
        if !is_refused(&error) {
            return HubError::Download { what, source: Box::new(error) };
        }
        match api.repo(Self::repo(reference)).info() {
            Ok(info) => HubError::NoFile {
                reference: reference.to_string(),
                file: file.to_owned(),
                files: info.siblings.into_iter().map(|sibling| sibling.rfilename).collect(),
            },
            Err(error) if is_refused(&error) => {
                HubError::NoModel { reference: reference.to_string(), endpoint: self.endpoint.clone() }
            }
            Err(error) => HubError::Download { what, source: Box::new(error) },
        }
    }
}

/// Whether a name has no place but its own in a path.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// Not there, or not for everybody; of models that are not there the hub says the latter.
fn is_refused(error: &ApiError) -> bool {
    status(error).is_some_and(|status| [401, 403, 404].contains(&status))
}

/// Whether the rest of a download that broke does not fit its beginning.
fn cannot_go_on(error: &ApiError) -> bool {
    matches!(error, ApiError::InvalidResume) || status(error) == Some(416)
}

fn status(error: &ApiError) -> Option<u16> {
    match error {
        ApiError::RequestError(error) => match **error {
            ureq::Error::StatusCode(status) => Some(status),
            _ => None,
        },
        _ => None,
    }
}

/// A name in the cache whose content is gone would be in the way.
fn remove_dangling(pointer: &Path) -> io::Result<()> {
    if pointer.is_symlink() && !pointer.exists() { fs::remove_file(pointer) } else { Ok(()) }
}

/// Compares a file with what the hub said of it. Large files have their SHA-256 as tag; other tags are git's, and
/// only the length is compared.
fn check(path: &Path, metadata: &Metadata, what: &str) -> Result<(), HubError> {
    let unreadable = |source| HubError::Io { path: path.to_owned(), source };
    let length = fs::metadata(path).map_err(unreadable)?.len();
    if length != metadata.size() as u64 {
        let (expected, found) = (format!("{} bytes", metadata.size()), format!("{length} bytes"));
        return Err(HubError::Changed { what: what.to_owned(), expected, found });
    }
    let tag = metadata.etag();
    if tag.len() != 64 {
        return Ok(());
    }
    let found = sha256(path).map_err(unreadable)?;
    if found.eq_ignore_ascii_case(tag) {
        return Ok(());
    }
    let expected = format!("SHA-256 {tag}");
    Err(HubError::Changed { what: what.to_owned(), expected, found: format!("SHA-256 {found}") })
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut reader = io::BufReader::with_capacity(1 << 16, fs::File::open(path)?);
    let mut hash = Sha256::new();
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hash.update(bytes);
        let read = bytes.len();
        reader.consume(read);
    }
}
