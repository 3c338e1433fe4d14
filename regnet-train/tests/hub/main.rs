//! Files of the hub, from a server on this machine: what comes, what stays in the cache, and what goes wrong.
#![allow(clippy::unwrap_used)]

mod server;

use std::fs;
use std::path::{Path, PathBuf};

use dfdx::prelude::Cpu;
use regnet_core::{DynRegNet, weights};
use regnet_space::{AnyNet, Preset, Stem, StemKind};
use regnet_train::hub::{Hub, HubError};
use server::{COMMIT, File, Server};
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
        Hub { endpoint: self.server.endpoint(), cache: self.folder.path().to_owned(), offline: false }
    }

    fn resolve(&self, reference: &str) -> Result<PathBuf, HubError> {
        self.hub().resolve(reference)
    }

    /// Names of files below a folder of the model's place in the cache.
    fn cached(&self, folder: &str) -> Vec<String> {
        let place = self.folder.path().join("models--timm--regnet_tiny.test_in1k").join(folder);
        let mut names = Vec::new();
        let mut folders = vec![place];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { names.push(name(&path)) }
            }
        }
        names
    }
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

    assert!(world.server.requests().iter().any(|request| request.ends_with("model.safetensors 0-")));
    for reference in
        [format!("hf:{MODEL}"), format!("hf:{MODEL}@{COMMIT}"), format!("hf:{MODEL}/model.safetensors")]
    {
        assert_eq!(world.resolve(&reference).unwrap(), path, "{reference}");
    }
    assert_eq!(world.server.requests(), [""; 0]);
}

#[test]
fn a_broken_download_leaves_no_file_and_goes_on_where_it_broke() {
    let world = world();
    let half = world.weights.len() / 2;
    world.server.change(FILE, |file| file.cut = Some(half));
    let error = world.resolve(&format!("hf:{MODEL}")).unwrap_err();
    assert!(matches!(error, HubError::Download { .. }), "{error}");
    assert!(error.to_string().contains("try again"), "{error}");
    assert_eq!(world.cached("snapshots"), [""; 0]);
    assert!(world.cached("blobs").iter().all(|name| name.ends_with(".part") || name.ends_with(".lock")));

    world.server.requests();
    let path = world.resolve(&format!("hf:{MODEL}")).unwrap();
    assert_eq!(fs::read(path).unwrap(), world.weights);
    let requests = world.server.requests();
    assert!(requests.iter().any(|request| request.ends_with(&format!("{half}-"))), "{requests:?}");
}

/// Without a length there is no telling that a download broke but by comparing.
#[test]
fn a_file_that_is_too_short_is_deleted() {
    let world = world();
    world.server.change(FILE, |file| (file.cut, file.says_length) = (Some(1000), false));
    let error = world.resolve(&format!("hf:{MODEL}")).unwrap_err();
    assert!(error.to_string().contains("1000 bytes"), "{error}");
    assert!(matches!(error, HubError::Changed { .. }), "{error}");
    assert_eq!(world.cached("snapshots"), [""; 0]);
    assert_eq!(fs::read(world.resolve(&format!("hf:{MODEL}")).unwrap()).unwrap(), world.weights);
}

#[test]
fn a_wrong_hash_is_found_and_the_file_deleted() {
    let world = world();
    world.server.change(FILE, |file| *file.content.last_mut().unwrap() ^= 1);
    let error = world.resolve(&format!("hf:{MODEL}")).unwrap_err();
    assert!(matches!(error, HubError::Changed { .. }), "{error}");
    assert!(error.to_string().contains("SHA-256"), "{error}");
    assert_eq!(world.cached("snapshots"), [""; 0]);
    assert!(world.cached("blobs").iter().all(|name| name.ends_with(".lock")));

    world.server.put(FILE, File::new(world.weights.clone()));
    assert_eq!(fs::read(world.resolve(&format!("hf:{MODEL}")).unwrap()).unwrap(), world.weights);
}

/// What another program left, longer than the file or as long.
#[test]
fn a_rest_that_does_not_fit_is_thrown_away() {
    for surplus in [0, 7] {
        let world = world();
        let blobs = world.folder.path().join("models--timm--regnet_tiny.test_in1k/blobs");
        fs::create_dir_all(&blobs).unwrap();
        let part = blobs.join(File::new(world.weights.clone()).tag).with_extension("part");
        fs::write(part, vec![0; world.weights.len() + surplus]).unwrap();
        assert_eq!(fs::read(world.resolve(&format!("hf:{MODEL}")).unwrap()).unwrap(), world.weights);
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
