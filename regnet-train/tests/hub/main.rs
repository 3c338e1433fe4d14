//! Files of the hub, from a server on this machine: what comes, what stays in the cache, and what goes wrong.
#![allow(clippy::unwrap_used)]

mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dfdx::prelude::Cpu;
use regnet_core::{DynRegNet, weights};
use regnet_space::{AnyNet, Preset, Stem, StemKind};
use regnet_train::hub::{Hub, HubError, Limits, Token};
use server::{COMMIT, Fault, File, Server};
use tempfile::TempDir;

/// A small network and a hub that has its weights.
struct World {
    server: Server,
    folder: TempDir,
    weights: Vec<u8>,
}

const MODEL: &str = "timm/regnet_tiny.test_in1k";
const FILE: &str = "timm/regnet_tiny.test_in1k/model.safetensors";

fn spec() -> AnyNet {
    let mut declaration = Preset::find("RegNetX-200MF").unwrap().declaration();
    declaration.stem = Stem { kind: StemKind::Cifar, width: 8 };
    declaration.classes = 3;
    let mut spec = declaration.to_anynet().unwrap();
    spec.stages.truncate(2);
    spec
}

fn network(seed: u64) -> DynRegNet<f32, Cpu> {
    DynRegNet::try_new(&Cpu::seed_from_u64(seed), &spec()).unwrap()
}

fn world() -> World {
    let (server, weights) = (Server::start(), weights::to_bytes(&network(1)));
    server.put(FILE, File::new(weights.clone()));
    World { server, folder: TempDir::new().unwrap(), weights }
}

impl World {
    fn hub(&self) -> Hub {
        let (endpoint, cache) = (self.server.endpoint(), self.folder.path().to_owned());
        Hub { endpoint, token: None, cache, offline: false, limits: Limits::default() }
    }

    fn resolve(&self, reference: &str) -> Result<PathBuf, HubError> {
        self.hub().resolve(reference)
    }

    /// Names of all files in the cache.
    fn left(&self) -> Vec<String> {
        below(self.folder.path())
    }

    /// Names of files below a folder of the model's place in the cache.
    fn cached(&self, folder: &str) -> Vec<String> {
        below(&self.folder.path().join("models--timm--regnet_tiny.test_in1k").join(folder))
    }
}

fn below(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { names.push(name(&path)) }
        }
    }
    names
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn a_file_comes_once_and_loads() {
    let world = world();
    let path = world.resolve(&format!("hf:{MODEL}")).unwrap();
    assert!(path.ends_with(format!("snapshots/{COMMIT}/model.safetensors")), "{}", path.display());
    assert_eq!(fs::read(&path).unwrap(), world.weights);
    let mut net = network(2);
    weights::load(&mut net, &path).unwrap();
    assert_eq!(weights::to_bytes(&net), world.weights);

    assert!(world.server.requests().iter().any(|request| request.contains("/cdn/")));
    for reference in
        [format!("hf:{MODEL}"), format!("hf:{MODEL}@{COMMIT}"), format!("hf:{MODEL}/model.safetensors")]
    {
        assert_eq!(world.resolve(&reference).unwrap(), path, "{reference}");
    }
    assert_eq!(world.server.requests(), [""; 0]);
}

#[test]
fn a_broken_download_leaves_nothing() {
    let world = world();
    let half = world.weights.len() / 2;
    for (fault, says) in [(Fault::Cut(half), "try again"), (Fault::ShortWithoutLength(1000), "1000 bytes")] {
        world.server.change(FILE, |file| file.fault = Some(fault));
        let error = world.resolve(&format!("hf:{MODEL}")).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(world.left(), [""; 0], "{fault:?}");
    }
    assert_eq!(fs::read(world.resolve(&format!("hf:{MODEL}")).unwrap()).unwrap(), world.weights);
}

#[test]
fn a_wrong_hash_is_found_and_the_file_deleted() {
    for small in [false, true] {
        let world = world();
        let file = if small { File::small } else { File::new };
        world.server.put(FILE, file(world.weights.clone()));
        world.server.change(FILE, |file| *file.content.last_mut().unwrap() ^= 1);
        let error = world.resolve(&format!("hf:{MODEL}")).unwrap_err();
        assert!(matches!(error, HubError::Changed { .. }), "{error}");
        assert!(error.to_string().contains(if small { "SHA-1" } else { "SHA-256" }), "{error}");
        assert_eq!(world.left(), [""; 0]);

        world.server.put(FILE, file(world.weights.clone()));
        assert_eq!(fs::read(world.resolve(&format!("hf:{MODEL}")).unwrap()).unwrap(), world.weights);
    }
}

/// Each fault of a server is an error within the limits, and leaves nothing.
#[test]
fn hostile_servers_cost_little() {
    for (fault, says) in [
        (Fault::Endless, "sends more than"),
        (Fault::Longer, "now sends 1099511627776"),
        (Fault::Gzip, "as \"gzip\", unasked"),
        (Fault::AskLoop, "redirects more than 5 times"),
        (Fault::DownloadLoop, "redirect"),
        (Fault::Huge, "is the limit"),
        (Fault::Silent, "timeout"),
        (Fault::EndlessHead, "timeout"),
        (Fault::Stall, "timeout"),
        (Fault::Drip, "comes too slowly"),
    ] {
        let world = world();
        world.server.change(FILE, |file| file.fault = Some(fault));
        let mut hub = world.hub();
        // Only what is waited for in vain has to be given up soon: the machine may be busy.
        if ["timeout", "comes too slowly"].contains(&says) {
            hub.limits.wait = Duration::from_millis(500);
        }
        let error = hub.resolve(&format!("hf:{MODEL}")).unwrap_err().to_string();
        assert!(error.contains(says) && error.contains(MODEL), "{fault:?}: {error}");
        assert_eq!(world.left(), [""; 0], "{fault:?}");
        assert!(world.server.requests().len() <= 8, "{fault:?}");
    }
}

#[test]
fn a_list_of_files_without_end() {
    let world = world();
    world.server.change(FILE, |file| file.fault = Some(Fault::EndlessListing));
    let error = world.resolve(&format!("hf:{MODEL}/other.bin")).unwrap_err();
    assert!(matches!(error, HubError::Download { .. }), "{error}");
}

/// The token goes to the hub, and not to where the hub redirects to.
#[test]
fn a_token_stays_with_its_host() {
    let world = world();
    let hub = Hub { token: Some(Token("hf_secret".to_owned())), ..world.hub() };
    hub.resolve(&format!("hf:{MODEL}")).unwrap();
    let requests = world.server.requests();
    assert_eq!(requests.len(), 3, "{requests:?}");
    for request in requests {
        assert_eq!(request.contains("bearer hf_secret"), !request.contains("/cdn/"), "{request}");
    }
    assert!(!format!("{hub:?}").contains("secret"));
}

/// What a killed process left is removed, and what another one is downloading is not.
#[test]
fn the_parts_of_a_file_that_nobody_downloads_any_more_are_removed() {
    let world = world();
    let blobs = world.folder.path().join("models--timm--regnet_tiny.test_in1k/blobs");
    fs::create_dir_all(&blobs).unwrap();
    let tag = File::new(world.weights.clone()).tag;
    fs::write(blobs.join(format!("{tag}.a1b2c3.part")), "left").unwrap();
    let busy = fs::File::create(blobs.join(format!("{tag}.d4e5f6.part"))).unwrap();
    busy.lock().unwrap();
    world.resolve(&format!("hf:{MODEL}")).unwrap();
    let mut left = world.cached("blobs");
    left.sort();
    assert_eq!(left, [tag.clone(), format!("{tag}.d4e5f6.part")]);
}

/// Content that another revision brought is not sent again, unless it was damaged since.
#[test]
fn content_that_is_there_is_linked() {
    let world = world();
    let path = world.resolve(&format!("hf:{MODEL}")).unwrap();
    for (damaged, downloads) in [(false, 0), (true, 1)] {
        if damaged {
            fs::write(&path, "damaged").unwrap();
        }
        fs::remove_file(&path).unwrap();
        world.server.requests();
        assert_eq!(world.resolve(&format!("hf:{MODEL}")).unwrap(), path);
        assert_eq!(fs::read(&path).unwrap(), world.weights);
        let requests = world.server.requests();
        assert_eq!(requests.iter().filter(|request| request.contains("/cdn/")).count(), downloads);
    }
}

#[test]
fn what_the_hub_does_not_have() {
    let world = world();
    let error = world.resolve(&format!("hf:{MODEL}/weights.bin")).unwrap_err();
    assert!(matches!(error, HubError::NoFile { .. }), "{error}");
    assert!(error.to_string().contains(&format!("there is hf:{MODEL}/model.safetensors")), "{error}");
    for reference in ["hf:timm/regnet_tony".to_owned(), format!("hf:{MODEL}@gone")] {
        let error = world.resolve(&reference).unwrap_err();
        assert!(matches!(error, HubError::NoModel { .. }), "{error}");
        assert!(error.to_string().contains(&reference), "{error}");
    }
    assert_eq!(world.cached("snapshots"), [""; 0]);
}

#[test]
fn offline_only_the_cache_counts() {
    let world = world();
    let offline = Hub { offline: true, ..world.hub() };
    let error = offline.resolve(&format!("hf:{MODEL}")).unwrap_err();
    assert!(matches!(error, HubError::Offline { .. }), "{error}");
    assert!(error.to_string().contains("HF_HUB_OFFLINE"), "{error}");
    assert_eq!(world.server.requests(), [""; 0]);

    let path = world.resolve(&format!("hf:{MODEL}")).unwrap();
    world.server.requests();
    assert_eq!(offline.resolve(&format!("hf:{MODEL}")).unwrap(), path);
    assert_eq!(world.server.requests(), [""; 0]);
}

/// The hub leads from a model's old name to its new one.
#[test]
fn a_model_of_another_name_and_another_usual_file() {
    let world = world();
    world.server.put("new/name/pytorch_model.bin", File::new(world.weights.clone()));
    assert_eq!(fs::read(world.resolve("hf:old/name/pytorch_model.bin").unwrap()).unwrap(), world.weights);
    let path = world.resolve("hf:new/name").unwrap();
    assert_eq!(name(&path), "pytorch_model.bin");
}

#[test]
fn a_hash_that_is_a_path_is_refused() {
    let world = world();
    world.server.change(FILE, |file| file.tag = "../../../../evil".to_owned());
    let error = world.resolve(&format!("hf:{MODEL}")).unwrap_err();
    assert!(matches!(error, HubError::Answer { .. }), "{error}");
    assert_eq!(fs::read_dir(world.folder.path()).unwrap().count(), 0);
}

#[test]
fn nobody_answers() {
    let world = world();
    let hub = Hub { endpoint: "http://127.0.0.1:1".to_owned(), ..world.hub() };
    let error = hub.resolve(&format!("hf:{MODEL}")).unwrap_err();
    assert!(matches!(error, HubError::Download { .. }), "{error}");
}
