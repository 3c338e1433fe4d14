//! What can be wrong with data.

use std::io;
use std::path::PathBuf;

use super::set::Split;
use crate::limits::IMAGE_MEMORY;

/// Why a data set could not be loaded or a batch not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The text does not name a source of data.
    #[error(
        "unknown data source `{given}`; use `builtin`, `builtin:TRAIN+TEST`, `cifar10:DIR`, `cifar100:DIR` or \
         `folder:DIR`, where DIR is a folder on this machine, and TRAIN and TEST are numbers of images"
    )]
    UnknownSource {
        /// The text that was given.
        given: String,
    },
    /// The image size is out of range.
    #[error("image size {given} is out of range; choose {} to {} pixels", Split::SIZES.start(), Split::SIZES.end())]
    Size {
        /// The size asked for, in pixels.
        given: usize,
    },
    /// A folder or file that the data set needs does not exist.
    #[error("{path} does not exist; it should be {role}")]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
        /// What should be there.
        role: &'static str,
    },
    /// The operating system refused to read a folder or file.
    #[error("cannot read {path}: {reason}; check that it is readable")]
    Read {
        /// The folder or file.
        path: PathBuf,
        /// The operating system's reason.
        reason: io::Error,
    },
    /// What should be an image file is a folder, a pipe or a device.
    #[error("{path} is no regular file, and is not read; name an image file")]
    NotAFile {
        /// What is no file.
        path: PathBuf,
    },
    /// An image that takes more memory to decode than all may together.
    #[error(
        "{path} has {width} x {height} pixels, which take {needed} MiB to decode, and {most} MiB is the most; \
         set {IMAGE_MEMORY} to more MiB, or make the image smaller"
    )]
    TooLarge {
        /// The image file.
        path: PathBuf,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// What decoding and resizing it takes, in MiB.
        needed: u64,
        /// What all images being decoded may take together, in MiB.
        most: u64,
    },
    /// A memory for images that is no number.
    #[error("{IMAGE_MEMORY} is `{given}`; set it to a number of MiB, such as 384, or unset it")]
    ImageMemory {
        /// What the variable is set to.
        given: String,
    },
    /// A file is not an image that can be decoded whole.
    #[error("cannot decode the image {path}: {reason}; replace or remove the file")]
    Image {
        /// The image file.
        path: PathBuf,
        /// The decoder's reason.
        reason: image::ImageError,
    },
    /// A training folder without at least two class folders.
    #[error(
        "{path} holds {found} class folders, and training needs at least 2; \
         put each class's images into a folder of its own, as in {path}/CLASS/image.png"
    )]
    TooFewClasses {
        /// The training folder.
        path: PathBuf,
        /// The number of class folders in it.
        found: usize,
    },
    /// A class folder whose name is no text.
    #[error("the name of the class folder {path:?} is not UTF-8; rename the folder")]
    ClassName {
        /// The class folder.
        path: PathBuf,
    },
    /// A class folder without images.
    #[error(
        "the class folder {path} holds no images (PNG, JPEG, WebP, BMP, TIFF or GIF); add some or remove the folder"
    )]
    EmptyClass {
        /// The class folder.
        path: PathBuf,
    },
    /// A class that is tested but not trained.
    #[error(
        "the class folder {path} has no counterpart in {train}; \
         add training images for it or remove the folder"
    )]
    UntrainedClass {
        /// The class folder among the test data.
        path: PathBuf,
        /// The training folder that lacks it.
        train: PathBuf,
    },
    /// A split without any image.
    #[error("there are no {split} images in the data set {name}; add some")]
    NoImages {
        /// The data set's name.
        name: String,
        /// `training` or `test`.
        split: &'static str,
    },
    /// Training images without any contrast.
    #[error(
        "every pixel of the training images of {name} has the same colour, so that there is nothing to learn; \
         check that these are the images meant"
    )]
    Constant {
        /// The data set's name.
        name: String,
    },
    /// A CIFAR file that does not consist of whole images.
    #[error(
        "{path} has {found} bytes where {expected} were expected (images take {record} bytes each); \
         it is truncated or not a CIFAR binary file: download and unpack the archive again"
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        found: usize,
        /// The least length in bytes that would hold the last image whole.
        expected: usize,
        /// The length of one image in bytes.
        record: usize,
    },
    /// A CIFAR image whose label names no class.
    #[error(
        "image {index} of {path} has label {label}, but labels are below {classes}; \
         check that the file belongs to this data set (CIFAR-10 and CIFAR-100 differ)"
    )]
    Label {
        /// The file.
        path: PathBuf,
        /// The image's place in the file, from 0.
        index: usize,
        /// The label found.
        label: usize,
        /// The number of classes.
        classes: usize,
    },
    /// A CIFAR list of class names of the wrong length.
    #[error("{path} lists {found} class names where {expected} were expected; unpack the archive again")]
    ClassNames {
        /// The list.
        path: PathBuf,
        /// The number of names in it.
        found: usize,
        /// The number of classes.
        expected: usize,
    },
    /// More images than are drawn.
    #[error("{given} built-in images are out of range; choose 1 to {most} for each part")]
    TooMany {
        /// The number asked for.
        given: usize,
        /// The largest.
        most: usize,
    },
    /// A batch that memory cannot hold.
    #[error(
        "a batch of {images} images of {size} x {size} pixels does not fit in memory; choose a smaller batch or size"
    )]
    Memory {
        /// Images of the batch.
        images: usize,
        /// Their side in pixels.
        size: usize,
    },
    /// A mean or deviation that pixels cannot be normalised with.
    #[error("{reason}")]
    Normalise {
        /// Which number is out of range.
        reason: String,
    },
    /// A batch of no images.
    #[error("the batch size is 0; choose at least 1")]
    ZeroBatch,
    /// Shifted crops that could miss the image.
    #[error(
        "crops shifted by up to {pad} pixels need images larger than that, not {size} x {size}; pad less"
    )]
    Padding {
        /// The largest shift in pixels.
        pad: usize,
        /// The images' side in pixels.
        size: usize,
    },
}
