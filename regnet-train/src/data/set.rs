//! A data set in memory or on disk, and the normalisation of its colours.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use image::RgbImage;
use image::imageops::{FilterType, resize};
use rayon::prelude::*;

use super::augment::Augment;
use super::batch::Batches;
use super::error::DataError;
use super::image_file::{self, Square};
use super::image_walk::PassedOver;
use crate::digest::{Digest, Hasher};

/// Images and labels to train on and to test on.
#[derive(Clone, Debug)]
pub struct DataSet {
    /// What to call it, such as `builtin`.
    pub name: String,
    /// The name of each class; a label is a place in this list.
    pub classes: Vec<String>,
    /// The images to learn from.
    pub train: Arc<Split>,
    /// The images to measure accuracy on.
    pub test: Arc<Split>,
    /// How pixels become inputs, measured on the training images.
    pub normalise: Normalise,
    /// What lay among the images and was not read.
    pub passed_over: PassedOver,
}

impl DataSet {
    pub(crate) fn new(
        name: &str,
        classes: Vec<String>,
        train: Split,
        test: Split,
    ) -> Result<Self, DataError> {
        for (split, images) in [("training", &train), ("test", &test)] {
            if images.is_empty() {
                return Err(DataError::NoImages { name: name.to_owned(), split });
            }
        }
        let Some(normalise) = Normalise::measure(&train)? else {
            return Err(DataError::Constant { name: name.to_owned() });
        };
        let (train, test, passed_over) = (Arc::new(train), Arc::new(test), PassedOver::default());
        Ok(Self { name: name.to_owned(), classes, train, test, normalise, passed_over })
    }

    /// Channels, height and width of an image.
    pub fn shape(&self) -> [usize; 3] {
        [3, self.train.size(), self.train.size()]
    }

    /// A digest of all that is trained and tested on: the names of the classes, every label, and every pixel of images in
    /// memory. Images that are read anew for each batch count with the names, lengths and first 4 KiB of their files, because
    /// reading all of them would take as long as an epoch.
    ///
    /// It is the same wherever the data lies and to whatever size images are brought, and for the same data in another order another one.
    pub fn fingerprint(&self) -> Digest {
        let mut hasher = Hasher::default();
        hasher.number(self.classes.len());
        self.classes.iter().for_each(|class| hasher.text(class.as_bytes()));
        hasher.digest(self.train.fingerprint());
        hasher.digest(self.test.fingerprint());
        hasher.finish()
    }

    /// Shuffled, augmented batches of the training images.
    ///
    /// # Errors
    ///
    /// As [`Batches::shuffled`].
    pub fn train_batches(&self, batch: usize, augment: Augment, seed: u64) -> Result<Batches, DataError> {
        Batches::shuffled(Arc::clone(&self.train), self.normalise, batch, augment, seed)
    }

    /// The test images in order, unchanged.
    ///
    /// # Errors
    ///
    /// As [`Batches::in_order`].
    pub fn test_batches(&self, batch: usize) -> Result<Batches, DataError> {
        Batches::in_order(Arc::clone(&self.test), self.normalise, batch)
    }
}

/// One part of a data set: labelled square RGB images.
pub struct Split {
    pixels: Pixels,
    labels: Vec<usize>,
    size: usize,
    /// Computed when it is first asked for.
    fingerprint: OnceLock<Digest>,
}

/// Where the images are. Bytes in memory are interleaved RGB, image after image.
enum Pixels {
    Memory { bytes: Vec<u8>, side: usize },
    Disk { paths: Vec<PathBuf>, digest: Digest },
}

impl Split {
    /// The sizes at which images can be delivered, in pixels.
    pub const SIZES: RangeInclusive<usize> = 8..=1024;

    /// Images of `side` x `side` pixels in memory, resized to `size` when they are read.
    pub(crate) fn in_memory(
        bytes: Vec<u8>,
        side: usize,
        labels: Vec<usize>,
        size: usize,
    ) -> Result<Self, DataError> {
        debug_assert_eq!(bytes.len(), labels.len() * side * side * 3);
        Self::new(Pixels::Memory { bytes, side }, labels, size)
    }

    /// Image files, decoded and brought to `size` each time they are read.
    pub(crate) fn on_disk(paths: Vec<PathBuf>, labels: Vec<usize>, size: usize) -> Result<Self, DataError> {
        debug_assert_eq!(paths.len(), labels.len());
        let file = |path: &PathBuf| {
            digest_of_file(path).map_err(|reason| DataError::Read { path: path.clone(), reason })
        };
        let files = paths.par_iter().map(file).collect::<Result<Vec<_>, _>>()?;
        let mut hasher = Hasher::default();
        files.into_iter().for_each(|file| hasher.digest(file));
        Self::new(Pixels::Disk { paths, digest: hasher.finish() }, labels, size)
    }

    fn new(pixels: Pixels, labels: Vec<usize>, size: usize) -> Result<Self, DataError> {
        Self::check_size(size)?;
        Ok(Self { pixels, labels, size, fingerprint: OnceLock::new() })
    }

    pub(crate) fn check_size(size: usize) -> Result<(), DataError> {
        if Self::SIZES.contains(&size) { Ok(()) } else { Err(DataError::Size { given: size }) }
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The class of each image.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// Height and width of the images in pixels.
    pub fn size(&self) -> usize {
        self.size
    }

    /// As [`DataSet::fingerprint`], of this part.
    fn fingerprint(&self) -> Digest {
        *self.fingerprint.get_or_init(|| {
            let mut hasher = Hasher::default();
            hasher.number(self.labels.len());
            self.labels.iter().for_each(|&label| hasher.number(label));
            match &self.pixels {
                Pixels::Memory { bytes, side } => {
                    hasher.number(*side);
                    hasher.bytes(bytes);
                }
                Pixels::Disk { digest, .. } => hasher.digest(*digest),
            }
            hasher.finish()
        })
    }

    /// One image, of [`size`](Self::size) x `size` pixels.
    ///
    /// # Errors
    ///
    /// [`DataError::Read`], [`DataError::Image`] and others if it lies on disk and cannot be decoded.
    ///
    /// # Panics
    ///
    /// If `index` is not below [`len`](Self::len).
    pub fn image(&self, index: usize) -> Result<RgbImage, DataError> {
        let (bytes, side) = match &self.pixels {
            Pixels::Memory { bytes, side } => (bytes, *side),
            Pixels::Disk { paths, .. } => return image_file::read(&paths[index], &Square(self.size)),
        };
        let length = side * side * 3;
        let own = bytes[index * length..][..length].to_vec();
        let image = RgbImage::from_raw(side as u32, side as u32, own).expect("the length is the image's");
        let size = self.size as u32;
        Ok(if self.size == side { image } else { resize(&image, size, size, FilterType::Triangle) })
    }
}

/// A digest of a file's name, length and beginning.
fn digest_of_file(path: &Path) -> io::Result<Digest> {
    const BEGINNING: u64 = 4096;
    let file = File::open(path)?;
    let mut hasher = Hasher::default();
    hasher.text(path.file_name().unwrap_or_default().as_encoded_bytes());
    hasher.bytes(&file.metadata()?.len().to_le_bytes());
    let mut beginning = Vec::new();
    file.take(BEGINNING).read_to_end(&mut beginning)?;
    hasher.bytes(&beginning);
    Ok(hasher.finish())
}

/// Figures only; the pixels would fill the screen for minutes.
impl fmt::Debug for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let in_memory = matches!(self.pixels, Pixels::Memory { .. });
        f.debug_struct("Split")
            .field("images", &self.len())
            .field("size", &self.size)
            .field("in_memory", &in_memory)
            .finish()
    }
}

/// Per-channel mean and standard deviation of pixels on the scale from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalise {
    /// Mean of red, green and blue.
    pub mean: [f32; 3],
    /// Standard deviation of red, green and blue, at least one step of 1/255.
    pub std: [f32; 3],
}

impl Normalise {
    /// More images than this do not change the figures noticeably; a large folder is sampled evenly.
    const MOST_IMAGES: usize = 10_000;

    /// Measures the images of a split, up to 10,000 of them, evenly spread; `None` if every pixel has the same colour.
    ///
    /// # Errors
    ///
    /// As [`Split::image`].
    pub fn measure(split: &Split) -> Result<Option<Self>, DataError> {
        let count = split.len().min(Self::MOST_IMAGES);
        let sums = (0..count)
            .into_par_iter()
            .map(|i| split.image(i * split.len() / count).map(|image| Sums::of(&image)))
            .try_reduce(Sums::default, |a, b| Ok(a.plus(b)))?;
        Ok(sums.normalise((count * split.size() * split.size()) as u64))
    }

    /// Checks that inputs come out as numbers: means of -10 to 10, deviations of 0.0001 to 10.
    ///
    /// # Errors
    ///
    /// The number that is out of range.
    pub fn check(&self) -> Result<(), String> {
        let sound = |numbers: &[f32; 3], least: f32| numbers.iter().all(|n| (least..=10.0).contains(n));
        if !sound(&self.mean, -10.0) {
            return Err(format!("a mean of {:?} is out of range: channels have -10 to 10", self.mean));
        }
        if !sound(&self.std, 1e-4) {
            return Err(format!("a deviation of {:?} is out of range: channels have 0.0001 to 10", self.std));
        }
        Ok(())
    }

    /// Factor and offset of each channel, such that `byte * factor + offset` is the normalised value.
    pub(crate) fn affine(&self) -> [(f32, f32); 3] {
        std::array::from_fn(|c| (1.0 / (255.0 * self.std[c]), -self.mean[c] / self.std[c]))
    }
}

/// Sums of bytes and of their squares; whole numbers, so that the order of adding is of no matter.
#[derive(Clone, Copy, Default)]
struct Sums([(u64, u64); 3]);

impl Sums {
    fn of(image: &RgbImage) -> Self {
        let mut sums = Self::default();
        for pixel in image.pixels() {
            for ((sum, squares), byte) in sums.0.iter_mut().zip(pixel.0) {
                *sum += u64::from(byte);
                *squares += u64::from(byte) * u64::from(byte);
            }
        }
        sums
    }

    fn plus(self, other: Self) -> Self {
        Self(std::array::from_fn(|c| (self.0[c].0 + other.0[c].0, self.0[c].1 + other.0[c].1)))
    }

    fn normalise(self, pixels: u64) -> Option<Normalise> {
        // Exact, where all are equal: n * squares = sum * sum.
        let constant = |(sum, squares): (u64, u64)| {
            u128::from(pixels) * u128::from(squares) == u128::from(sum) * u128::from(sum)
        };
        if self.0.into_iter().all(constant) {
            return None;
        }
        let pixels = pixels as f64;
        let mean = self.0.map(|(sum, _)| sum as f64 / pixels);
        let variance = |c: usize| self.0[c].1 as f64 / pixels - mean[c] * mean[c];
        Some(Normalise {
            mean: mean.map(|m| (m / 255.0) as f32),
            std: std::array::from_fn(|c| (variance(c).max(1.0).sqrt() / 255.0) as f32),
        })
    }
}
