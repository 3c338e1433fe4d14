//! What a run says of itself: which cards are sound, and whose weights a file holds.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use dfdx::prelude::Cpu;
use regnet_core::DynRegNet;
use regnet_core::weights::{WeightFile, to_bytes, to_bytes_described};
use regnet_train::card::{Card, Note, Origin};
use regnet_train::predict::{Filter, Framing};
use serde_json::{Value, json};
use tempfile::tempdir;

/// A card of a small network.
fn card() -> Value {
    json!({
        "format": 1,
        "network": {
            "input_channels": 3, "stem": "cifar", "stem_width": 8, "block": "bottleneck",
            "stages": [{"depth": 1, "width": 8, "stride": 1, "bottleneck": 1, "group_width": 8}],
            "se": null, "classes": 2
        },
        "data": "pictures",
        "input": [3, 32, 32],
        "classes": ["dark", "light"],
        "framing": "square",
        "mean": [0.5, 0.4, 0.3],
        "std": [0.2, 0.2, 0.2],
        "recipe": {
            "epochs": 1, "batch": 4, "lr": 0.1, "momentum": 0.9, "nesterov": true, "weight_decay": 0.0,
            "label_smoothing": 0.0, "warmup_epochs": 0.0, "seed": 0, "flip": true, "crop_padding": 4
        }
    })
}

fn changed(pointer: &str, value: Value) -> Value {
    let mut card = card();
    *card.pointer_mut(pointer).unwrap() = value;
    card
}

fn parsed(card: &Value) -> Card {
    Card::parse(&card.to_string()).unwrap()
}

#[test]
fn sound_cards_read_back() {
    let mut early = card();
    early.as_object_mut().unwrap().retain(|key, _| key != "format" && key != "framing");
    assert_eq!(parsed(&early), parsed(&card()));
    let crop = changed("/framing", json!({"crop": {"shorter": 256, "filter": "bilinear"}}));
    assert_eq!(parsed(&crop).framing, Framing::Crop { shorter: 256, filter: Filter::Bilinear });
    for card in [card(), crop] {
        assert_eq!(Card::parse(&parsed(&card).description()).unwrap(), parsed(&card));
        assert_eq!(
            serde_json::from_str::<Value>(&parsed(&card).description()).unwrap()["classes"],
            card["classes"]
        );
    }
}

#[test]
fn numbers_out_of_range_are_refused() {
    for (pointer, value, says) in [
        ("/std", json!([0, 0, 0]), "deviation"),
        ("/std", json!([0.2, -0.2, 0.2]), "deviation"),
        ("/std", json!([0.2, 1e30, 0.2]), "deviation"),
        ("/mean", json!([0.5, 1e39, 0.5]), "out of range"),
        ("/mean", json!([0.5, 0.5, -11]), "mean"),
        ("/mean", json!([0.5, 0.5]), "length"),
        ("/input", json!([3, 4096, 4096]), "8 to 1024"),
        ("/input", json!([3, 4, 4]), "8 to 1024"),
        ("/input", json!([1, 32, 32]), "3 channels"),
        ("/input", json!([3, 32, 64]), "squares"),
        ("/classes", json!(["one"]), "`classes` names 1"),
        ("/network/classes", json!(3), "the network's are 3"),
        ("/network/stem", json!("cifra"), "no stem"),
        ("/framing", json!({"crop": {"shorter": 31, "filter": "bicubic"}}), "`shorter` is 31"),
        ("/framing", json!({"crop": {"shorter": 4000, "filter": "bicubic"}}), "`shorter` is 4000"),
        ("/framing", json!("round"), "round"),
        ("/recipe/batch", json!(0), "batch = 0"),
        ("/format", json!(2), "use a later one"),
        ("/data", json!({"much": "x".repeat(5 << 20)}), "longer than"),
    ] {
        let error = Card::parse(&changed(pointer, value).to_string()).unwrap_err();
        assert!(error.contains(says), "{pointer}: {error}");
    }
    let mut misspelt = card();
    misspelt["framming"] = json!("square");
    assert!(Card::parse(&misspelt.to_string()).unwrap_err().contains("framming"));
}

/// A file that never ends is given up.
#[test]
#[cfg(unix)]
fn endless_cards_are_refused() {
    let error = Card::read(Path::new("/dev/zero")).unwrap_err().to_string();
    assert!(error.contains("larger than 4096 KiB"), "{error}");
}

/// Writes weights of a card's network, and opens them.
fn weights(path: &Path, card: &Card, described: bool) -> WeightFile {
    let net = DynRegNet::<f32, Cpu>::try_new(&Cpu::default(), card.spec()).unwrap();
    let bytes = if described { to_bytes_described(&net, &card.description()) } else { to_bytes(&net) };
    fs::write(path, bytes).unwrap();
    WeightFile::open(path).unwrap()
}

#[test]
fn weights_say_what_they_are() {
    let folder = tempdir().unwrap();
    let (path, beside) = (folder.path().join("any.safetensors"), folder.path().join("model.json"));
    let card = parsed(&card());
    let file = weights(&path, &card, true);
    assert_eq!(Origin::of(&file).unwrap(), Origin { card: Some(card.clone()), note: None });

    // The file's own metadata counts before what lies beside it.
    fs::write(&beside, card.description()).unwrap();
    assert_eq!(Origin::of(&file).unwrap(), Origin { card: Some(card.clone()), note: None });
    fs::write(&beside, changed("/mean/0", json!(0.1)).to_string()).unwrap();
    let Origin { card: found, note } = Origin::of(&file).unwrap();
    assert_eq!(found, Some(card.clone()));
    assert!(
        matches!(&note, Some(Note::Differs { difference, .. }) if difference.field == "mean[0]"),
        "{note:?}"
    );

    // What it says of itself must be sound, and true.
    let net = DynRegNet::<f32, Cpu>::try_new(&Cpu::default(), card.spec()).unwrap();
    for (said, says) in [
        (changed("/std", json!([0, 0, 0])), "in its metadata: a deviation"),
        (changed("/network/stages/0/depth", json!(2)), "does not fit this network"),
    ] {
        fs::write(&path, to_bytes_described(&net, &said.to_string())).unwrap();
        let error = Origin::of(&WeightFile::open(&path).unwrap()).unwrap_err().to_string();
        assert!(error.contains(says) && error.contains("any.safetensors"), "{error}");
    }
}

#[test]
fn a_card_beside_weights_is_theirs_if_they_fit_it() {
    let folder = tempdir().unwrap();
    let (path, beside) = (folder.path().join("any.safetensors"), folder.path().join("model.json"));
    let card = parsed(&card());
    let file = weights(&path, &card, false);
    assert_eq!(Origin::of(&file).unwrap(), Origin { card: None, note: None });

    fs::write(&beside, card.description()).unwrap();
    let Origin { card: found, note } = Origin::of(&file).unwrap();
    assert_eq!(found, Some(card));
    assert!(note.unwrap().to_string().contains("model.json, whose network it fits"));

    for (beside_it, says) in [
        (changed("/network/stages/0/depth", json!(2)).to_string(), "holds other tensors"),
        (changed("/std", json!([0, 0, 0])).to_string(), "a deviation of"),
        ("{\"modelTopology\": {}}".to_owned(), "modelTopology"),
    ] {
        fs::write(&beside, beside_it).unwrap();
        let Origin { card, note } = Origin::of(&file).unwrap();
        let note = note.unwrap().to_string();
        assert!(card.is_none() && note.contains(says) && note.contains("is not used"), "{note}");
    }
}
