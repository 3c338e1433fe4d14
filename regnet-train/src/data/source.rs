//! Where data comes from, as written on a command line.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::error::DataError;
use super::set::DataSet;
use super::{Cifar, builtin, builtin_sized, folder};

/// A data set that can be loaded: `builtin`, `builtin:TRAIN+TEST`, `cifar10:DIR`, `cifar100:DIR` or `folder:DIR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The procedurally drawn images; see [`builtin()`].
    Builtin,
    /// The same with other numbers of images; see [`builtin_sized()`].
    BuiltinSized {
        /// Training images.
        train: usize,
        /// Test images.
        test: usize,
    },
    /// CIFAR-10 or CIFAR-100 in the binary version; see [`Cifar::load`].
    Cifar(Cifar, PathBuf),
    /// A folder with `train/CLASS/*` and `test/CLASS/*`; see [`folder()`].
    Folder(PathBuf),
}

impl Source {
    /// Loads the data set with images of `size` x `size` pixels.
    ///
    /// Without a size, images are of their own 32 pixels, or 224 for a folder. The seed decides what
    /// the built-in data set shows; the others do not use it.
    ///
    /// # Errors
    ///
    /// Any [`DataError`] about sizes, folders and files.
    pub fn load(&self, size: Option<usize>, seed: u64) -> Result<DataSet, DataError> {
        match self {
            Self::Builtin => builtin(size, seed),
            Self::BuiltinSized { train, test } => builtin_sized(*train, *test, size, seed),
            Self::Cifar(cifar, dir) => cifar.load(dir, size),
            Self::Folder(dir) => folder(dir, size),
        }
    }
}

impl FromStr for Source {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        match text.split_once(':') {
            None if text == "builtin" => Ok(Self::Builtin),
            Some(("builtin", counts)) => {
                let unknown = || DataError::UnknownSource { given: text.to_owned() };
                let (train, test) = counts.split_once('+').ok_or_else(unknown)?;
                let count = |text: &str| text.parse().map_err(|_| unknown());
                Ok(Self::BuiltinSized { train: count(train)?, test: count(test)? })
            }
            Some(("cifar10", dir)) if !dir.is_empty() => Ok(Self::Cifar(Cifar::Ten, dir.into())),
            Some(("cifar100", dir)) if !dir.is_empty() => Ok(Self::Cifar(Cifar::Hundred, dir.into())),
            Some(("folder", dir)) if !dir.is_empty() => Ok(Self::Folder(dir.into())),
            _ => Err(DataError::UnknownSource { given: text.to_owned() }),
        }
    }
}

/// The spelling that parses to the same source.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builtin => f.write_str("builtin"),
            Self::BuiltinSized { train, test } => write!(f, "builtin:{train}+{test}"),
            Self::Cifar(cifar, dir) => write!(f, "{}:{}", cifar.name(), dir.display()),
            Self::Folder(dir) => write!(f, "folder:{}", dir.display()),
        }
    }
}
