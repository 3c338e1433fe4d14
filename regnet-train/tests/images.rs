//! Image files against Pillow's pixels and Pillow's verdicts, of `tests/reference/images.py`.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use regnet_train::data::Normalise;
use regnet_train::predict::{Framing, Preprocess};
use serde::Deserialize;

/// Height of the images, which are a little wider.
const SIDE: usize = 40;
/// Cells of a side of the grid whose mean colours are compared.
const CELLS: usize = 4;

#[derive(Deserialize)]
struct Expected {
    files: Vec<Reference>,
}

#[derive(Deserialize)]
struct Reference {
    name: String,
    /// Mean red, green and blue from 0 to 255 of each cell, row by row.
    cells: Vec<f32>,
    damaged: Vec<Damaged>,
}

#[derive(Debug, Deserialize)]
struct Damaged {
    #[serde(flatten)]
    damage: Damage,
    /// Whether Pillow reads it.
    read: bool,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Damage {
    Cut { cut: usize },
    Overwritten { at: usize, bytes: Vec<u8> },
}

impl Damage {
    fn apply(&self, file: &[u8]) -> Vec<u8> {
        let mut file = file.to_vec();
        match self {
            Self::Cut { cut } => file.truncate(*cut),
            Self::Overwritten { at, bytes } => file[*at..at + bytes.len()].copy_from_slice(bytes),
        }
        file
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reference/images")
}

fn expected() -> Vec<Reference> {
    let text = fs::read_to_string(folder().join("expected.json")).unwrap();
    serde_json::from_str::<Expected>(&text).unwrap().files
}

/// The middle square of a picture, as it is: planes of red, green and blue from 0 to 255.
fn read(path: &Path) -> Result<Vec<f32>, String> {
    let normalise = Normalise { mean: [0.0; 3], std: [1.0; 3] };
    let preprocess = Preprocess { framing: Framing::Square, size: SIDE, normalise };
    let pixels = preprocess.read(path).map_err(|error| error.to_string())?;
    Ok(pixels.into_iter().map(|pixel| 255.0 * pixel).collect())
}

fn cells(pixels: &[f32]) -> Vec<f32> {
    let cell = SIDE / CELLS;
    let mut means = vec![0.0; 3 * CELLS * CELLS];
    for (i, pixel) in pixels.iter().enumerate() {
        let (channel, y, x) = (i / (SIDE * SIDE), i / SIDE % SIDE, i % SIDE);
        means[3 * (y / cell * CELLS + x / cell) + channel] += pixel / (cell * cell) as f32;
    }
    means
}

#[test]
fn honest_files_have_pillows_pixels() {
    for Reference { name, cells: expected, .. } in expected() {
        let found = cells(&read(&folder().join(&name)).unwrap());
        let differences = found.iter().zip(&expected).map(|(found, expected)| (found - expected).abs());
        let worst = differences.fold(0.0, f32::max);
        println!("{name}: at most {worst} levels from Pillow");
        // Decoders of lossy formats round colours and interpolate chroma in their own ways.
        let lossy = name.ends_with(".jpg") || name == "lossy.webp";
        assert!(worst <= if lossy { 1.0 } else { 0.01 }, "{name}: {worst} levels from Pillow");
    }
}

/// What Pillow refuses is refused, and names its file. Some more is, where data are corrupt and Pillow goes on.
#[test]
fn what_pillow_refuses_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (mut refused, mut more, mut total) = (0, 0, 0);
    for Reference { name, damaged, .. } in expected() {
        let file = fs::read(folder().join(&name)).unwrap();
        let path = dir.path().join(&name);
        for Damaged { damage, read: taken } in damaged {
            fs::write(&path, damage.apply(&file)).unwrap();
            total += 1;
            match (read(&path), taken) {
                (Ok(_), false) => panic!("{name} is read, and Pillow refuses it: {damage:?}"),
                (Err(error), _) => {
                    assert!(error.contains(&name), "{error}");
                    refused += usize::from(!taken);
                    more += usize::from(taken);
                }
                (Ok(_), true) => {}
            }
        }
    }
    println!("of {total} damaged files {refused} are refused as by Pillow, and {more} that Pillow reads");
    assert!(refused > 400 && more < total / 20, "{refused} and {more} of {total}");
}

/// Wherever a JPEG is cut, it is refused: its end is there or not.
#[test]
fn jpegs_are_refused_wherever_they_are_cut() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["baseline.jpg", "progressive.jpg", "grey.jpg", "cmyk.jpg", "restarts.jpg"] {
        let file = fs::read(folder().join(name)).unwrap();
        let path = dir.path().join(name);
        for length in 0..file.len() {
            fs::write(&path, &file[..length]).unwrap();
            assert!(read(&path).is_err(), "{name} cut to {length} of {} bytes", file.len());
        }
    }
}
