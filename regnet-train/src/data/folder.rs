//! A folder of class folders with images.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::error::DataError;
use super::image_file::{self, Square};
use super::image_walk::{PassedOver, images_below};
use super::set::{DataSet, Split};

/// The side of images if none is asked for: RegNet's.
const DEFAULT_SIZE: usize = 224;
/// A set whose images take no more than this at their final size is kept in memory.
const MOST_CACHED_BYTES: usize = 1 << 30;

/// Loads `dir/train/CLASS` and `dir/test/CLASS`, or `dir/val/CLASS` where there is no `test`: the images in and below each
/// class folder, as [`images_below`] finds them.
///
/// Classes are the folders in `train` in the order of their names; the test part may lack some of them. Hidden files are
/// not looked at; what else is passed over is counted in [`DataSet::passed_over`]. Of each image the largest centred
/// square is taken, turned as its EXIF orientation says, and resized to `size` (224 if `None`).
///
/// A set of up to 1 GiB at that size is decoded now, in parallel, and kept. A larger one is decoded
/// anew for every batch, and only the headers of its files are checked now.
///
/// # Errors
///
/// [`DataError::Missing`], [`DataError::Read`], [`DataError::TooFewClasses`], [`DataError::ClassName`],
/// [`DataError::EmptyClass`], [`DataError::UntrainedClass`], [`DataError::NoImages`], [`DataError::Constant`],
/// [`DataError::Image`] and [`DataError::TooLarge`] about its contents, and [`DataError::Size`].
pub fn load(dir: &Path, size: Option<usize>) -> Result<DataSet, DataError> {
    load_caching(dir, size.unwrap_or(DEFAULT_SIZE), MOST_CACHED_BYTES)
}

fn load_caching(dir: &Path, size: usize, most_cached: usize) -> Result<DataSet, DataError> {
    Split::check_size(size)?;
    let train_dir = dir.join("train");
    if !train_dir.is_dir() {
        return Err(DataError::Missing { path: train_dir, role: "a folder of class folders to train on" });
    }
    let mut passed_over = PassedOver::default();
    let test_dir = test_part(dir, &mut passed_over)?;
    let classes = class_names(&train_dir, &mut passed_over)?;
    if classes.len() < 2 {
        return Err(DataError::TooFewClasses { path: train_dir, found: classes.len() });
    }
    let tested = class_names(&test_dir, &mut passed_over)?;
    if let Some(class) = tested.into_iter().find(|class| !classes.contains(class)) {
        return Err(DataError::UntrainedClass { path: test_dir.join(class), train: train_dir });
    }
    let train = list(&train_dir, &classes, &mut passed_over)?;
    let test = list(&test_dir, &classes, &mut passed_over)?;
    let cached = (train.paths.len() + test.paths.len()).saturating_mul(size * size * 3) <= most_cached;
    let name = dir.file_name().map_or_else(|| dir.to_string_lossy(), |name| name.to_string_lossy());
    let data = DataSet::new(&name, classes, train.split(size, cached)?, test.split(size, cached)?)?;
    Ok(DataSet { passed_over, ..data })
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
            first_error(self.paths.par_iter().map(|path| image_file::check(path)))?;
            return Split::on_disk(self.paths, self.labels, size);
        }
        let length = size * size * 3;
        let mut bytes = vec![0; self.paths.len() * length];
        first_error(bytes.par_chunks_exact_mut(length).zip(&self.paths).map(|(pixels, path)| {
            pixels.copy_from_slice(&image_file::read(path, &Square(size))?);
            Ok(())
        }))?;
        Split::in_memory(bytes, size, self.labels, size)
    }
}

/// The error of the first file in order, whichever thread meets its error first.
fn first_error(results: impl ParallelIterator<Item = Result<(), DataError>>) -> Result<(), DataError> {
    results.find_first(Result::is_err).unwrap_or(Ok(()))
}

/// The folder to test on: `test`, or else `val`.
fn test_part(dir: &Path, passed_over: &mut PassedOver) -> Result<PathBuf, DataError> {
    let (test, val) = (dir.join("test"), dir.join("val"));
    match (test.is_dir(), val.is_dir()) {
        (true, false) => Ok(test),
        (false, true) => Ok(val),
        (true, true) => {
            passed_over.add(&val, "`test` is there, too, and is what is tested on");
            Ok(test)
        }
        (false, false) => Err(DataError::Missing {
            path: test,
            role: "a folder of class folders to test on; `val` will do",
        }),
    }
}

/// The visible class folders of a part, sorted.
fn class_names(dir: &Path, passed_over: &mut PassedOver) -> Result<Vec<String>, DataError> {
    let mut names = Vec::new();
    for path in entries(dir)? {
        if !path.is_dir() {
            passed_over.add(&path, "in no class folder");
            continue;
        }
        match path.file_name().and_then(|name| name.to_str()) {
            Some(name) => names.push(name.to_owned()),
            None => return Err(DataError::ClassName { path }),
        }
    }
    Ok(names)
}

fn list(dir: &Path, classes: &[String], passed_over: &mut PassedOver) -> Result<Listing, DataError> {
    let mut listing = Listing::default();
    for (label, class) in classes.iter().enumerate() {
        let path = dir.join(class);
        if !path.is_dir() {
            continue;
        }
        let found = images_below(&path)?;
        if found.images.is_empty() {
            return Err(DataError::EmptyClass { path });
        }
        passed_over.append(found.passed_over);
        listing.paths.extend(found.images);
        listing.labels.resize(listing.paths.len(), label);
    }
    Ok(listing)
}

/// What a folder holds, without hidden entries, sorted so that the order is the same everywhere.
fn entries(dir: &Path) -> Result<Vec<PathBuf>, DataError> {
    let read = || fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>();
    let mut paths = read().map_err(|reason| DataError::Read { path: dir.to_owned(), reason })?;
    paths.retain(|path| !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")));
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use image::RgbImage;

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
