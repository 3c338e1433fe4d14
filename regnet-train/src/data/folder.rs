//! A folder of class folders with PNG and JPEG images.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use image::imageops::{FilterType, crop_imm, resize};
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, RgbImage};
use rayon::prelude::*;

use super::error::DataError;
use super::set::{DataSet, Split};

/// The side of images if none is asked for: RegNet's.
const DEFAULT_SIZE: usize = 224;
/// A set whose images take no more than this at their final size is kept in memory.
const MOST_CACHED_BYTES: usize = 1 << 30;
/// Largest memory that one file may ask its decoder for, and largest side: 256 MiB are 89 megapixels.
const MOST_DECODED_BYTES: u64 = 256 << 20;
const MOST_SIDE: u32 = 32_768;

/// Loads `dir/train/CLASS/*` and `dir/test/CLASS/*`, PNG and JPEG files by extension.
///
/// Classes are the folders in `train` in the order of their names; `test` may lack some of them.
/// Hidden files and files with other extensions are passed over. Of each image the largest centred
/// square is taken, turned as its EXIF orientation says, and resized to `size` (224 if `None`).
///
/// A set of up to 1 GiB at that size is decoded now, in parallel, and kept. A larger one is decoded
/// anew for every batch, and only the headers of its files are checked now.
///
/// # Errors
///
/// [`DataError::Missing`], [`DataError::Read`], [`DataError::TooFewClasses`],
/// [`DataError::EmptyClass`], [`DataError::UntrainedClass`], [`DataError::NoImages`] and
/// [`DataError::Image`] about its contents, and [`DataError::Size`].
pub fn load(dir: &Path, size: Option<usize>) -> Result<DataSet, DataError> {
    load_caching(dir, size.unwrap_or(DEFAULT_SIZE), MOST_CACHED_BYTES)
}

fn load_caching(dir: &Path, size: usize, most_cached: usize) -> Result<DataSet, DataError> {
    Split::check_size(size)?;
    let train_dir = part(dir, "train", "a folder of class folders to train on")?;
    let test_dir = part(dir, "test", "a folder of class folders to test on")?;
    let classes = class_names(&train_dir)?;
    if classes.len() < 2 {
        return Err(DataError::TooFewClasses { path: train_dir, found: classes.len() });
    }
    let untrained = class_names(&test_dir)?.into_iter().find(|class| !classes.contains(class));
    if let Some(class) = untrained {
        return Err(DataError::UntrainedClass { path: test_dir.join(class), train: train_dir });
    }
    let train = list(&train_dir, &classes)?;
    let test = list(&test_dir, &classes)?;
    let cached = (train.paths.len() + test.paths.len()).saturating_mul(size * size * 3) <= most_cached;
    let name = dir.file_name().map_or_else(|| dir.to_string_lossy(), |name| name.to_string_lossy());
    DataSet::new(&name, classes, train.split(size, cached)?, test.split(size, cached)?)
}

/// Files and their labels.
#[derive(Default)]
struct Listing {
    paths: Vec<PathBuf>,
    labels: Vec<usize>,
}

impl Listing {
    fn split(self, size: usize, cached: bool) -> Result<Split, DataError> {
        if !cached {
            first_error(self.paths.par_iter().map(|path| open(path).map(drop)))?;
            return Split::on_disk(self.paths, self.labels, size);
        }
        let length = size * size * 3;
        let mut bytes = vec![0; self.paths.len() * length];
        first_error(bytes.par_chunks_exact_mut(length).zip(&self.paths).map(|(pixels, path)| {
            pixels.copy_from_slice(&decode(path, size)?);
            Ok(())
        }))?;
        Split::in_memory(bytes, size, self.labels, size)
    }
}

/// The error of the first file in order, whichever thread meets its error first.
fn first_error(results: impl ParallelIterator<Item = Result<(), DataError>>) -> Result<(), DataError> {
    results.find_first(Result::is_err).unwrap_or(Ok(()))
}

fn part(dir: &Path, name: &str, role: &'static str) -> Result<PathBuf, DataError> {
    let path = dir.join(name);
    if path.is_dir() { Ok(path) } else { Err(DataError::Missing { path, role }) }
}

/// The visible class folders of a part (whose names are UTF-8), sorted.
fn class_names(dir: &Path) -> Result<Vec<String>, DataError> {
    let folders = entries(dir)?.into_iter().filter(|path| path.is_dir());
    Ok(folders.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
}

fn list(dir: &Path, classes: &[String]) -> Result<Listing, DataError> {
    let mut listing = Listing::default();
    for (label, class) in classes.iter().enumerate() {
        let path = dir.join(class);
        if !path.is_dir() {
            continue;
        }
        let before = listing.paths.len();
        listing.paths.extend(entries(&path)?.into_iter().filter(|path| is_image(path)));
        listing.labels.resize(listing.paths.len(), label);
        if listing.paths.len() == before {
            return Err(DataError::EmptyClass { path });
        }
    }
    Ok(listing)
}

/// What a folder holds, without hidden entries, sorted so that the order is the same everywhere.
pub(crate) fn entries(dir: &Path) -> Result<Vec<PathBuf>, DataError> {
    let read = || fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>();
    let mut paths = read().map_err(|reason| DataError::Read { path: dir.to_owned(), reason })?;
    paths.retain(|path| !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")));
    paths.sort();
    Ok(paths)
}

pub(crate) fn is_image(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    path.is_file() && ["png", "jpg", "jpeg"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Decodes a file and turns the picture as its EXIF orientation says.
pub(crate) fn decode_whole(path: &Path) -> Result<RgbImage, DataError> {
    let in_file = |reason| DataError::Image { path: path.to_owned(), reason };
    let mut decoder = open(path)?;
    let orientation = decoder.orientation().map_err(in_file)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(in_file)?;
    image.apply_orientation(orientation);
    Ok(image.into_rgb8())
}

/// Decodes a file and brings it to `size` x `size` pixels.
pub(crate) fn decode(path: &Path, size: usize) -> Result<RgbImage, DataError> {
    let image = decode_whole(path)?;
    let side = image.width().min(image.height());
    // Cropping before resizing gives the same picture and keeps a very long one from growing.
    let (left, top) = ((image.width() - side) / 2, (image.height() - side) / 2);
    let square = crop_imm(&image, left, top, side, side).to_image();
    let size = size as u32;
    Ok(if side == size { square } else { resize(&square, size, size, FilterType::Triangle) })
}

/// Reads a file's header; the format is told from its contents.
fn open(path: &Path) -> Result<impl ImageDecoder + use<>, DataError> {
    let unreadable = |reason| DataError::Read { path: path.to_owned(), reason };
    let in_file = |reason| DataError::Image { path: path.to_owned(), reason };
    let mut reader =
        ImageReader::open(path).map_err(unreadable)?.with_guessed_format().map_err(unreadable)?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MOST_SIDE);
    limits.max_image_height = Some(MOST_SIDE);
    limits.max_alloc = Some(MOST_DECODED_BYTES);
    reader.limits(limits.clone());
    let decoder = reader.into_decoder().map_err(in_file)?;
    // Decoders limit only what they allocate beside the pixels.
    limits.reserve(decoder.total_bytes()).map_err(in_file)?;
    Ok(decoder)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Two classes with three training images and one test image each, of assorted shapes.
    fn write_images(dir: &Path) {
        for (class, shade) in [("dark", 40), ("light", 200)] {
            for (part, count) in [("train", 3), ("test", 1)] {
                let folder = dir.join(part).join(class);
                fs::create_dir_all(&folder).unwrap();
                for i in 0..count {
                    let pixel = |x, y| image::Rgb([shade, (x * 9) as u8, (y * 9) as u8]);
                    RgbImage::from_fn(16 + i, 20 - i, pixel).save(folder.join(format!("{i}.png"))).unwrap();
                }
            }
        }
    }

    #[test]
    fn a_set_too_large_for_memory_gives_the_same_images() {
        let dir = tempfile::tempdir().unwrap();
        write_images(dir.path());
        let cached = load_caching(dir.path(), 12, usize::MAX).unwrap();
        let on_disk = load_caching(dir.path(), 12, 0).unwrap();
        assert_eq!(cached.normalise, on_disk.normalise);
        for i in 0..cached.train.len() {
            assert_eq!(cached.train.image(i).unwrap(), on_disk.train.image(i).unwrap());
        }
    }

    /// In memory and on disk alike: each change shows, and nothing but a change.
    #[test]
    fn a_fingerprint_tells_data_apart() {
        for most_cached in [usize::MAX, 0] {
            let fingerprint = |change: &dyn Fn(&Path)| {
                let dir = tempfile::tempdir().unwrap();
                write_images(dir.path());
                change(dir.path());
                load_caching(dir.path(), 12, most_cached).unwrap().fingerprint()
            };
            let unchanged = fingerprint(&|_| {});
            assert_eq!(fingerprint(&|_| {}), unchanged, "the same images elsewhere");
            let swap = |dir: &Path, a: &str, b: &str| {
                fs::rename(dir.join(a), dir.join("kept")).unwrap();
                fs::rename(dir.join(b), dir.join(a)).unwrap();
                fs::rename(dir.join("kept"), dir.join(b)).unwrap();
            };
            let copy = |dir: &Path, from: &str, to: &str| {
                fs::copy(dir.join(from), dir.join(to)).unwrap();
            };
            let changes: [&dyn Fn(&Path); 4] = [
                &|dir| swap(dir, "train/dark/1.png", "train/light/1.png"),
                &|dir| swap(dir, "test/dark/0.png", "test/light/0.png"),
                &|dir| copy(dir, "train/dark/2.png", "test/dark/0.png"),
                &|dir| copy(dir, "test/dark/0.png", "test/dark/1.png"),
            ];
            for (i, change) in changes.into_iter().enumerate() {
                assert_ne!(fingerprint(change), unchanged, "change {i}");
            }
        }
    }

    #[test]
    fn a_file_that_goes_bad_later_ends_the_epoch_with_an_error() {
        let dir = tempfile::tempdir().unwrap();
        write_images(dir.path());
        let data = load_caching(dir.path(), 12, 0).unwrap();
        let gone = dir.path().join("test/light/0.png");
        fs::remove_file(&gone).unwrap();
        let batches: Vec<_> = data.test_batches(1).unwrap().epoch(0).collect();
        assert_eq!(batches.len(), 2);
        assert!(batches[0].is_ok());
        assert!(matches!(&batches[1], Err(DataError::Read { path, .. }) if *path == gone));
    }

    #[test]
    fn a_set_too_large_for_memory_is_checked_when_loaded() {
        let dir = tempfile::tempdir().unwrap();
        write_images(dir.path());
        let bad = dir.path().join("train/dark/1.png");
        fs::write(&bad, "not an image").unwrap();
        let error = load_caching(dir.path(), 12, 0).unwrap_err();
        assert!(matches!(error, DataError::Image { path, .. } if path == bad));
    }
}
