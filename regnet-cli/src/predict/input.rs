//! Where images come from, batch by batch.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use regnet::train::data::{PassedOver, images_below};
use regnet::train::predict::Preprocess;
use regnet::weights::{FileElement, WeightFile};

/// Images to be looked at together.
pub struct Batch<E> {
    /// What to call each.
    pub names: Vec<String>,
    /// Their number, channels, height and width.
    pub shape: [usize; 4],
    /// Image after image.
    pub values: Vec<E>,
}

/// Images that are a tensor already.
pub struct Prepared<E> {
    shape: [usize; 4],
    values: Vec<E>,
}

impl<E: FileElement> Prepared<E> {
    /// Reads the tensor `input` of a file.
    pub fn open(path: &Path, channels: usize) -> anyhow::Result<Self> {
        let place = path.display();
        let found = WeightFile::open(path)?.values::<E>("input")?;
        let (dims, values) =
            found.with_context(|| format!("{place} has no tensor `input` of f16, bf16, f32 or f64"))?;
        let Ok(shape) = <[usize; 4]>::try_from(dims.as_slice()) else {
            bail!("`input` of {place} has shape {dims:?}; it must be [n, {channels}, height, width]");
        };
        ensure!(
            shape[1] == channels && !values.is_empty(),
            "`input` of {place} has shape {dims:?}; it must be [n, {channels}, height, width]"
        );
        Ok(Self { shape, values })
    }

    /// Height and width.
    pub fn size(&self) -> [usize; 2] {
        [self.shape[2], self.shape[3]]
    }

    /// Hands `look` the images, as many at a time.
    pub fn each(
        self,
        batch: usize,
        mut look: impl FnMut(Batch<E>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let [_, c, h, w] = self.shape;
        let image = c * h * w;
        let mut first = 0;
        for values in self.values.chunks(batch.saturating_mul(image)) {
            let count = values.len() / image;
            let names = (first..first + count).map(|i| i.to_string()).collect();
            look(Batch { names, shape: [count, c, h, w], values: values.to_vec() })?;
            first += count;
        }
        Ok(())
    }
}

/// Image files.
pub struct Pictures {
    /// In the order in which they are looked at.
    pub paths: Vec<PathBuf>,
    /// Whether they were found in a folder.
    pub in_folder: bool,
}

impl Pictures {
    /// The files meant: those named, and the images below the folders named.
    pub fn find(named: &[PathBuf]) -> anyhow::Result<Self> {
        let mut pictures = Self { paths: Vec::new(), in_folder: false };
        let mut passed_over = PassedOver::default();
        for path in named {
            if !path.is_dir() {
                pictures.paths.push(path.clone());
                continue;
            }
            let found = images_below(path)?;
            ensure!(
                !found.images.is_empty(),
                "there are no images (PNG, JPEG, WebP, BMP, TIFF or GIF) in {}",
                path.display()
            );
            pictures.in_folder = true;
            pictures.paths.extend(found.images);
            passed_over.append(found.passed_over);
        }
        if passed_over.count() > 0 {
            crate::report::note(format_args!("warning: {passed_over}"));
        }
        Ok(pictures)
    }

    /// Reads the images and hands them to `look`, as many at a time. One that cannot be read is reported and passed
    /// over; the number of those is returned.
    pub fn each<E: FileElement>(
        &self,
        preprocess: &Preprocess,
        batch: usize,
        mut look: impl FnMut(Batch<E>) -> anyhow::Result<()>,
    ) -> anyhow::Result<usize> {
        let bar = ProgressBar::new(self.paths.len() as u64);
        bar.set_style(ProgressStyle::with_template("{bar:24} {pos}/{len} images  {per_sec}  {eta} left")?);
        let mut failed = 0;
        for paths in self.paths.chunks(batch) {
            let read: Vec<_> = paths.par_iter().map(|path| preprocess.read(path)).collect();
            let mut batch = Batch {
                names: Vec::new(),
                shape: [0, 3, preprocess.size, preprocess.size],
                values: Vec::new(),
            };
            for (path, pixels) in paths.iter().zip(read) {
                match pixels {
                    Ok(pixels) => {
                        batch.names.push(path.display().to_string());
                        batch
                            .values
                            .extend(pixels.into_iter().map(|pixel| E::from_f32(pixel).unwrap_or_default()));
                    }
                    Err(error) => {
                        failed += 1;
                        bar.suspend(|| crate::report::note(format_args!("warning: {error}")));
                    }
                }
            }
            batch.shape[0] = batch.names.len();
            if batch.shape[0] > 0 {
                look(batch)?;
            }
            bar.inc(paths.len() as u64);
        }
        bar.finish_and_clear();
        Ok(failed)
    }
}
