//! Image files, decoded whole or not at all and in a bounded memory.

mod jpeg;
mod whole;

use std::fs::{self, File};
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use image::imageops::{FilterType, crop_imm, resize};
use image::metadata::Orientation;
use image::{
    DynamicImage, GenericImageView, ImageBuffer, ImageDecoder, ImageFormat, ImageReader, ImageResult, Limits,
    Pixel, RgbImage,
};

use super::error::DataError;
use crate::limits::{self, Budget};

/// The extensions of files that are taken for images; what they hold is told from their contents.
const EXTENSIONS: [&str; 9] = ["png", "jpg", "jpeg", "jfif", "webp", "bmp", "tif", "tiff", "gif"];

/// Whether a name is that of an image, by its extension.
pub(crate) fn is_named_image(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// How a picture is cut and resized.
pub(crate) trait Frame {
    /// What is seen of an image.
    fn of<I>(&self, image: &I) -> Pixels<I>
    where
        I: GenericImageView<Pixel: 'static>,
        <I::Pixel as Pixel>::Subpixel: 'static;

    /// Bytes that this takes for an image of `width` x `height` pixels, at most.
    fn memory(&self, width: u32, height: u32) -> u64;
}

/// An image with the pixels of another.
pub(crate) type Pixels<I> =
    ImageBuffer<<I as GenericImageView>::Pixel, Vec<<<I as GenericImageView>::Pixel as Pixel>::Subpixel>>;

/// Bytes of what `image` resizes by way of: rows of the new height and the old width, of four f32 a pixel.
pub(crate) fn resizing_memory(width: u32, new_height: u64) -> u64 {
    u64::from(width).saturating_mul(new_height).saturating_mul(16)
}

/// The largest centred square, at this many pixels a side.
pub(crate) struct Square(pub(crate) usize);

impl Frame for Square {
    fn of<I>(&self, image: &I) -> Pixels<I>
    where
        I: GenericImageView<Pixel: 'static>,
        <I::Pixel as Pixel>::Subpixel: 'static,
    {
        let (width, height) = image.dimensions();
        let side = width.min(height);
        // Cropping before resizing gives the same picture and keeps a very long one from growing.
        let square = crop_imm(image, (width - side) / 2, (height - side) / 2, side, side);
        resize(&*square, self.0 as u32, self.0 as u32, FilterType::Triangle)
    }

    fn memory(&self, width: u32, height: u32) -> u64 {
        resizing_memory(width.min(height), self.0 as u64)
    }
}

/// Decodes a file, turns the picture as its EXIF orientation says, and frames it.
///
/// # Errors
///
/// [`DataError::Read`], [`DataError::NotAFile`], [`DataError::Image`], [`DataError::TooLarge`] and
/// [`DataError::ImageMemory`].
pub(crate) fn read(path: &Path, frame: &impl Frame) -> Result<RgbImage, DataError> {
    let memory = memory()?;
    let opened = Opened::new(path, memory)?;
    let (width, height) = opened.dimensions;
    // Which way up it is is known when it is decoded.
    let framing = frame.memory(width, height).max(frame.memory(height, width));
    let _share = opened.take(path, memory, framing)?;
    let in_file = |reason| DataError::Image { path: path.to_owned(), reason };
    let (image, orientation) = opened.decode().map_err(in_file)?;
    Ok(framed(&image, orientation, frame))
}

/// Checks a file's headers, and that it can be decoded in the memory there is.
///
/// # Errors
///
/// As [`read`].
pub(crate) fn check(path: &Path) -> Result<(), DataError> {
    let memory = memory()?;
    Opened::new(path, memory)?.fit(path, memory, 0)
}

fn memory() -> Result<&'static Budget, DataError> {
    limits::image_memory().map_err(|given| DataError::ImageMemory { given })
}

/// A file whose headers are read.
struct Opened {
    decoder: Decoder,
    /// Width and height in pixels, as they are in the file.
    dimensions: (u32, u32),
    /// Bytes that decoding takes.
    memory: u64,
}

enum Decoder {
    Jpeg(jpeg::Layout, BufReader<File>),
    Other(Box<dyn ImageDecoder>),
}

impl Opened {
    fn new(path: &Path, memory: &Budget) -> Result<Self, DataError> {
        let unreadable = |reason| DataError::Read { path: path.to_owned(), reason };
        let in_file = |reason| DataError::Image { path: path.to_owned(), reason };
        // Opening a named pipe would wait for somebody to write to it.
        if !fs::metadata(path).map_err(unreadable)?.is_file() {
            return Err(DataError::NotAFile { path: path.to_owned() });
        }
        let file = File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        let reader = ImageReader::new(BufReader::new(file)).with_guessed_format().map_err(unreadable)?;
        let format = reader.format().or_else(|| ImageFormat::from_path(path).ok());
        Self::of(reader.into_inner(), format, length, memory).map_err(in_file)
    }

    fn of(
        mut file: BufReader<File>,
        format: Option<ImageFormat>,
        length: u64,
        memory: &Budget,
    ) -> ImageResult<Self> {
        if format == Some(ImageFormat::Jpeg) {
            file.rewind()?;
            let layout = jpeg::Layout::read(&mut file)?;
            let (dimensions, memory) = ((layout.width, layout.height), layout.memory(length)?);
            return Ok(Self { decoder: Decoder::Jpeg(layout, file), dimensions, memory });
        }
        if let Some(format) = format {
            whole::check(&mut file, format, length)?;
        }
        file.rewind()?;
        let mut reader = ImageReader::new(file);
        if let Some(format) = format {
            reader.set_format(format);
        }
        let mut limits = Limits::no_limits();
        limits.max_image_width = Some(limits::MOST_SIDE);
        limits.max_image_height = Some(limits::MOST_SIDE);
        limits.max_alloc = Some(limits::IMAGE_HEADERS);
        reader.limits(limits.clone());
        let mut decoder: Box<dyn ImageDecoder> = Box::new(reader.into_decoder()?);
        limits.max_alloc = Some(memory.most());
        decoder.set_limits(limits)?;
        let (dimensions, bytes) = (decoder.dimensions(), decoder.total_bytes());
        let memory = bytes.saturating_mul(copies(format));
        Ok(Self { decoder: Decoder::Other(decoder), dimensions, memory })
    }

    /// Takes what decoding needs, and `more`.
    fn take<'a>(&self, path: &Path, memory: &'a Budget, more: u64) -> Result<limits::Share<'a>, DataError> {
        memory.take(self.memory.saturating_add(more)).ok_or_else(|| self.too_large(path, memory, more))
    }

    fn fit(&self, path: &Path, memory: &Budget, more: u64) -> Result<(), DataError> {
        let fits = self.memory.saturating_add(more) <= memory.most();
        if fits { Ok(()) } else { Err(self.too_large(path, memory, more)) }
    }

    fn too_large(&self, path: &Path, memory: &Budget, more: u64) -> DataError {
        let (width, height) = self.dimensions;
        let needed = self.memory.saturating_add(more).div_ceil(1 << 20);
        DataError::TooLarge { path: path.to_owned(), width, height, needed, most: memory.most() >> 20 }
    }

    fn decode(self) -> ImageResult<(DynamicImage, Orientation)> {
        match self.decoder {
            Decoder::Jpeg(layout, mut file) => {
                let mut bytes = Vec::new();
                file.rewind()?;
                file.read_to_end(&mut bytes)?;
                layout.decode(&bytes)
            }
            Decoder::Other(mut decoder) => {
                let orientation = decoder.orientation()?;
                Ok((DynamicImage::from_decoder(decoder)?, orientation))
            }
        }
    }
}

/// How many times the bytes of its pixels a decoder takes, those of the image included.
fn copies(format: Option<ImageFormat>) -> u64 {
    match format {
        // Row by row into the image.
        Some(ImageFormat::Png | ImageFormat::Bmp) => 1,
        // Strip by strip, of which one may hold all rows; a frame, then painted on the screen.
        Some(ImageFormat::Tiff | ImageFormat::Gif) => 2,
        // Planes of luma and chroma, or four bytes a pixel; of an animation a canvas.
        _ => 4,
    }
}

/// Frames an image in the pixels it has: made RGB whole, a grey one would take three times the memory.
fn framed(image: &DynamicImage, orientation: Orientation, frame: &impl Frame) -> RgbImage {
    let framed = match image {
        DynamicImage::ImageRgb8(image) => return upright(image, orientation, frame),
        DynamicImage::ImageLuma8(image) => DynamicImage::ImageLuma8(upright(image, orientation, frame)),
        image => DynamicImage::ImageRgba8(upright(image, orientation, frame)),
    };
    framed.into_rgb8()
}

fn upright<I>(image: &I, orientation: Orientation, frame: &impl Frame) -> Pixels<I>
where
    I: GenericImageView<Pixel: 'static>,
    <I::Pixel as Pixel>::Subpixel: 'static,
{
    match orientation {
        Orientation::NoTransforms => frame.of(image),
        orientation => frame.of(&Upright { image, orientation }),
    }
}

/// An image turned as its orientation says, without a copy.
struct Upright<'a, I> {
    image: &'a I,
    orientation: Orientation,
}

impl<I: GenericImageView> GenericImageView for Upright<'_, I> {
    type Pixel = I::Pixel;

    fn dimensions(&self) -> (u32, u32) {
        let (width, height) = self.image.dimensions();
        match self.orientation {
            Orientation::NoTransforms
            | Orientation::Rotate180
            | Orientation::FlipHorizontal
            | Orientation::FlipVertical => (width, height),
            Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH => (height, width),
        }
    }

    fn get_pixel(&self, x: u32, y: u32) -> I::Pixel {
        let (width, height) = self.image.dimensions();
        let (right, bottom) = (|x: u32| width - 1 - x, |y: u32| height - 1 - y);
        let (x, y) = match self.orientation {
            Orientation::NoTransforms => (x, y),
            Orientation::Rotate180 => (right(x), bottom(y)),
            Orientation::FlipHorizontal => (right(x), y),
            Orientation::FlipVertical => (x, bottom(y)),
            Orientation::Rotate90 => (y, bottom(x)),
            Orientation::Rotate270 => (right(y), x),
            Orientation::Rotate90FlipH => (y, x),
            Orientation::Rotate270FlipH => (right(y), bottom(x)),
        };
        self.image.get_pixel(x, y)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use image::Rgb;

    use super::*;

    /// All of it, as it is.
    struct Whole;

    impl Frame for Whole {
        fn of<I>(&self, image: &I) -> Pixels<I>
        where
            I: GenericImageView<Pixel: 'static>,
            <I::Pixel as Pixel>::Subpixel: 'static,
        {
            let (width, height) = image.dimensions();
            resize(image, width, height, FilterType::Nearest)
        }

        fn memory(&self, _: u32, _: u32) -> u64 {
            0
        }
    }

    #[test]
    fn pictures_are_turned_as_image_turns_them() {
        let image =
            DynamicImage::ImageRgb8(RgbImage::from_fn(5, 3, |x, y| Rgb([40 * x as u8, 80 * y as u8, 7])));
        for exif in 1..=8 {
            let orientation = Orientation::from_exif(exif).unwrap();
            let mut expected = image.clone();
            expected.apply_orientation(orientation);
            assert_eq!(framed(&image, orientation, &Whole), expected.into_rgb8(), "orientation {exif}");
        }
    }

    #[test]
    fn all_kinds_of_pixels_are_framed_as_rgb_is() {
        let deep = |x: u32, y: u32| image::Rgba([(9000 * x) as u16, (7000 * y) as u16, 300, 40_000]);
        let image = DynamicImage::ImageRgba16(ImageBuffer::from_fn(7, 9, deep));
        for image in [
            image.to_luma8().into(),
            image.to_luma_alpha8().into(),
            image.to_rgba8().into(),
            image.to_luma16().into(),
            image.to_rgb16().into(),
            image,
        ] {
            let image: DynamicImage = image;
            let expected = framed(&image.to_rgb8().into(), Orientation::Rotate90, &Square(4));
            assert_eq!(framed(&image, Orientation::Rotate90, &Square(4)), expected, "{:?}", image.color());
        }
    }
}
