//! CIFAR-10 and CIFAR-100, binary version (Krizhevsky, "Learning Multiple Layers of Features from Tiny
//! Images", 2009; <https://www.cs.toronto.edu/~kriz/cifar.html>).

use std::fs;
use std::path::{Path, PathBuf};

use regnet_core::text_file;

use super::error::DataError;
use super::set::{DataSet, Split};
use crate::limits;

/// Which of the two CIFAR data sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cifar {
    /// CIFAR-10: ten classes, 5,000 training images each.
    Ten,
    /// CIFAR-100: a hundred (fine) classes, 500 training images each.
    Hundred,
}

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;

/// How one of the two is laid out on disk.
struct Layout {
    /// The folder in which the published archive holds the files.
    archive: &'static str,
    train: &'static [&'static str],
    test: &'static str,
    names: &'static str,
    classes: usize,
    /// Bytes before an image's pixels, of which the last is the label.
    header: usize,
}

const TEN: Layout = Layout {
    archive: "cifar-10-batches-bin",
    train: &[
        "data_batch_1.bin",
        "data_batch_2.bin",
        "data_batch_3.bin",
        "data_batch_4.bin",
        "data_batch_5.bin",
    ],
    test: "test_batch.bin",
    names: "batches.meta.txt",
    classes: 10,
    header: 1,
};

/// The first byte of a header is one of twenty coarse classes, which are not used.
const HUNDRED: Layout = Layout {
    archive: "cifar-100-binary",
    train: &["train.bin"],
    test: "test.bin",
    names: "fine_label_names.txt",
    classes: 100,
    header: 2,
};

impl Cifar {
    /// `cifar10` or `cifar100`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ten => "cifar10",
            Self::Hundred => "cifar100",
        }
    }

    fn layout(self) -> &'static Layout {
        match self {
            Self::Ten => &TEN,
            Self::Hundred => &HUNDRED,
        }
    }

    /// Reads the data set from the folder with the `.bin` files, or from the one the archive was
    /// unpacked in. Files may hold any number of images, so that extracts can be used too.
    ///
    /// Without the archive's list of names, classes are called `class 0`, `class 1` and so on.
    ///
    /// # Errors
    ///
    /// [`DataError::Missing`], [`DataError::Read`], [`DataError::Truncated`] and [`DataError::Label`]
    /// about its files, [`DataError::NoImages`], and [`DataError::Size`].
    pub fn load(self, dir: &Path, size: Option<usize>) -> Result<DataSet, DataError> {
        let layout = self.layout();
        if !dir.is_dir() {
            return Err(DataError::Missing {
                path: dir.to_owned(),
                role: "a folder with CIFAR's .bin files",
            });
        }
        let unpacked = dir.join(layout.archive);
        let dir = if unpacked.is_dir() { unpacked } else { dir.to_owned() };
        let paths = |names: &[&str]| names.iter().map(|name| dir.join(name)).collect::<Vec<_>>();
        let size = size.unwrap_or(SIDE);
        let train = layout.split(&paths(layout.train), size)?;
        let test = layout.split(&paths(&[layout.test]), size)?;
        DataSet::new(self.name(), layout.class_names(&dir)?, train, test)
    }
}

impl Layout {
    fn split(&self, paths: &[PathBuf], size: usize) -> Result<Split, DataError> {
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        for path in paths {
            self.read_images(path, &mut pixels, &mut labels)?;
        }
        Split::in_memory(pixels, SIDE, labels, size)
    }

    fn read_images(
        &self,
        path: &Path,
        pixels: &mut Vec<u8>,
        labels: &mut Vec<usize>,
    ) -> Result<(), DataError> {
        if !path.is_file() {
            return Err(DataError::Missing {
                path: path.to_owned(),
                role: "a file of CIFAR's binary version",
            });
        }
        let bytes = fs::read(path).map_err(|reason| DataError::Read { path: path.to_owned(), reason })?;
        let record = self.header + 3 * PLANE;
        if bytes.is_empty() || bytes.len() % record != 0 {
            let expected = (bytes.len() / record + 1) * record;
            return Err(DataError::Truncated { path: path.to_owned(), found: bytes.len(), expected, record });
        }
        for (index, image) in bytes.chunks_exact(record).enumerate() {
            let (header, planes) = image.split_at(self.header);
            let label = usize::from(header[self.header - 1]);
            if label >= self.classes {
                let (path, classes) = (path.to_owned(), self.classes);
                return Err(DataError::Label { path, index, label, classes });
            }
            labels.push(label);
            pixels.extend((0..PLANE).flat_map(|i| [planes[i], planes[PLANE + i], planes[2 * PLANE + i]]));
        }
        Ok(())
    }

    fn class_names(&self, dir: &Path) -> Result<Vec<String>, DataError> {
        let path = dir.join(self.names);
        if !path.is_file() {
            return Ok((0..self.classes).map(|class| format!("class {class}")).collect());
        }
        let text = text_file::read(&path, limits::DOCUMENT)
            .map_err(|reason| DataError::Read { path: path.clone(), reason })?;
        let names: Vec<_> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(String::from).collect();
        if names.len() != self.classes {
            return Err(DataError::ClassNames { path, found: names.len(), expected: self.classes });
        }
        Ok(names)
    }
}
