//! What reading images and descriptions takes, against the bounds of [`regnet_train::limits`].
//!
//! One test, since everything in this process is counted.
#![allow(clippy::unwrap_used, unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use image::{DynamicImage, ImageFormat};
use rayon::prelude::*;
use regnet_train::SpecFile;
use regnet_train::data::DataError;
use regnet_train::limits::IMAGE_MEMORY;
use regnet_train::predict::{Framing, Preprocess};

/// The system's allocator, and how many bytes it has given out.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: both methods pass their arguments on to the system's allocator unchanged and return what it returns; the
// provided `realloc` and `alloc_zeroed` are built of the two.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::SeqCst) + layout.size();
        PEAK.fetch_max(live, Ordering::SeqCst);
        // SAFETY: the caller's promises about `layout` are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::SeqCst);
        // SAFETY: `pointer` came from `alloc` above with this `layout`, and so from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// What a decoder takes beside pixels: tables, buffers of the file, windows of decompression.
const BASE: usize = 1 << 20;
/// All images together, in MiB.
const MEMORY: usize = 8;

/// The most bytes at once, in all that `run` does and holds, over those that were live before.
fn peak<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = LIVE.load(Ordering::SeqCst);
    PEAK.store(before, Ordering::SeqCst);
    let result = run();
    (result, PEAK.load(Ordering::SeqCst) - before)
}

fn read(path: &Path) -> Result<Vec<f32>, DataError> {
    Preprocess { framing: Framing::Square, ..Preprocess::imagenet(32) }.read(path)
}

/// A picture without details, which takes little of a file and much memory.
fn flat(dir: &Path, image: DynamicImage, format: ImageFormat, name: &str) -> PathBuf {
    let path = dir.join(name);
    image.save_with_format(&path, format).unwrap();
    path
}

/// A JPEG of 2 KB that says it is `side` x `side` pixels, coded progressively.
fn bomb(dir: &Path, side: u16) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reference/images/progressive.jpg");
    let mut file = fs::read(from).unwrap();
    let frame = file.windows(2).position(|bytes| bytes == [0xff, 0xc2]).unwrap();
    file[frame + 5..][..2].copy_from_slice(&side.to_be_bytes());
    file[frame + 7..][..2].copy_from_slice(&side.to_be_bytes());
    let path = dir.join("bomb.jpg");
    fs::write(&path, file).unwrap();
    path
}

/// Bytes of a colour profile.
const PROFILE: u32 = 64 << 20;

/// A PNG whose colour profile unpacks to [`PROFILE`] zeros.
fn profile_bomb(dir: &Path) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reference/images/plain.png");
    let mut file = fs::read(from).unwrap();
    let mut packed = Cursor::new(Vec::new());
    // The rows of an image of zeros are zeros, packed as a profile is.
    DynamicImage::new_luma8(1 << 10, PROFILE >> 10).write_to(&mut packed, ImageFormat::Png).unwrap();
    let packed = packed.into_inner();
    let data: Vec<u8> =
        chunks(&packed).filter(|(kind, _)| kind == b"IDAT").flat_map(|(_, data)| data).copied().collect();
    let body = [b"iCCPa\0\0", &data[..]].concat();
    let chunk = [&(body.len() as u32 - 4).to_be_bytes()[..], &body, &crc32(&body).to_be_bytes()].concat();
    file.splice(33..33, chunk);
    let path = dir.join("profile.png");
    fs::write(&path, file).unwrap();
    path
}

/// Kinds and data of a PNG's chunks.
fn chunks(mut png: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    png = &png[8..];
    std::iter::from_fn(move || {
        let length = u32::from_be_bytes(*png.first_chunk()?) as usize;
        let (chunk, rest) = png.split_at(12 + length);
        png = rest;
        Some((&chunk[4..8], &chunk[8..8 + length]))
    })
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & 0u32.wrapping_sub(crc & 1)))
    })
}

#[test]
fn files_take_no_more_memory_than_is_said() {
    // SAFETY: no other thread runs yet that reads the environment.
    unsafe { std::env::set_var(IMAGE_MEMORY, MEMORY.to_string()) };
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();

    // Grey is not made colours as a whole; what does not fit the memory is refused before it is decoded.
    let grey = |width, height| DynamicImage::new_luma8(width, height);
    let colour = |width, height| DynamicImage::new_rgb8(width, height);
    let small = [
        (flat(dir, grey(3000, 800), ImageFormat::Png, "grey.png"), 3000 * 800),
        (flat(dir, grey(2000, 1200), ImageFormat::Jpeg, "grey.jpg"), 2000 * 1200),
        (flat(dir, colour(1200, 900), ImageFormat::Png, "colour.png"), 3 * 1200 * 900),
        (flat(dir, colour(1200, 900), ImageFormat::Jpeg, "colour.jpg"), 3 * 1200 * 900),
        (flat(dir, colour(1200, 900), ImageFormat::Bmp, "colour.bmp"), 3 * 1200 * 900),
        (flat(dir, colour(700, 700), ImageFormat::Tiff, "colour.tif"), 2 * 3 * 700 * 700),
        (flat(dir, colour(500, 500), ImageFormat::Gif, "colour.gif"), 2 * 4 * 500 * 500),
        (flat(dir, colour(500, 500), ImageFormat::WebP, "colour.webp"), 4 * 3 * 500 * 500),
    ];
    for (path, bytes) in &small {
        let file = fs::metadata(path).unwrap().len() as usize;
        let (pixels, taken) = peak(|| read(path));
        println!("{}: {taken} bytes at most, {bytes} said", path.display());
        assert_eq!(pixels.unwrap().len(), 3 * 32 * 32);
        assert!(taken <= bytes + 2 * file + BASE, "{}: {taken} bytes", path.display());
    }
    let large = [
        flat(dir, grey(4000, 3000), ImageFormat::Png, "large.png"),
        flat(dir, colour(2000, 1500), ImageFormat::Jpeg, "large.jpg"),
        flat(dir, colour(1000, 800), ImageFormat::WebP, "large.webp"),
        flat(dir, colour(1500, 1000), ImageFormat::Tiff, "large.tif"),
        flat(dir, colour(1200, 900), ImageFormat::Gif, "large.gif"),
    ];
    for path in &large {
        let (error, taken) = peak(|| read(path).unwrap_err());
        assert!(matches!(error, DataError::TooLarge { most, .. } if most == MEMORY as u64), "{error}");
        assert!(error.to_string().contains(IMAGE_MEMORY), "{error}");
        assert!(taken <= BASE, "{}: {taken} bytes", path.display());
    }
    // No file of this length holds so many pixels: nothing to raise a bound for.
    let (error, taken) = peak(|| read(&bomb(dir, 6500)).unwrap_err());
    assert!(error.to_string().contains("cannot hold 6500 x 6500 pixels"), "{error}");
    assert!(taken <= BASE, "{taken} bytes");

    // A colour profile of zeros, which would unpack to a thousand times what it takes in the file, is left packed.
    let path = profile_bomb(dir);
    let (pixels, taken) = peak(|| read(&path).is_ok());
    assert!(pixels && taken <= PROFILE as usize / 2, "{taken} bytes");

    // However many threads: images wait for each other.
    let threads = rayon::ThreadPoolBuilder::new().num_threads(8).build().unwrap();
    let many: Vec<_> = (0..16).map(|i| &small[i % small.len()].0).collect();
    let (read, taken) =
        peak(|| threads.install(|| many.par_iter().map(|path| read(path).unwrap().len()).count()));
    println!("16 images on 8 threads: {taken} bytes at most");
    assert_eq!(read, 16);
    assert!(taken <= (MEMORY << 20) + 8 * BASE, "{taken} bytes");

    // JSON of 4 MB with the smallest values there are.
    let million = 1 << 20;
    for text in [
        format!("[{}0]", "0,".repeat(2 * million)),
        format!("[{}0]", "{},".repeat(million)),
        format!("{{\"network\": [{}0]}}", "[],".repeat(million)),
        format!("{{{}\"a\": 0}}", "\"a\":0,".repeat(million)),
        format!("{{\"stages\": {}", "[".repeat(4 * million)),
    ] {
        let (refused, taken) = peak(|| SpecFile::parse(&text).is_err());
        assert!(refused && taken <= 8 * BASE, "{taken} bytes for {}...", &text[..20]);
    }
}
