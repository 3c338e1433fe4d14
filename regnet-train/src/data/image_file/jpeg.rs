//! JPEG files, read as strictly as libjpeg does where data are missing.
//!
//! `image` decodes what there is and paints the rest grey. Here the same decoder is asked to be strict, and a file must
//! have an end.

use std::io::{self, BufRead, ErrorKind, Read};

use image::error::{DecodingError, ImageFormatHint};
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageError, ImageFormat, ImageResult, RgbImage};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Start of image; end of image; start of scan.
const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;

/// What a JPEG's headers say of its decoding.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Horizontal and vertical sampling factor of each component.
    sampling: Vec<[u64; 2]>,
    /// Whether the coefficients of the whole image are collected before pixels are made of them.
    collects: bool,
}

impl Layout {
    /// Reads the segments before the first scan.
    pub(super) fn read(reader: &mut impl BufRead) -> ImageResult<Self> {
        let mut frame = None;
        loop {
            match marker(reader).map_err(cut)? {
                SOI => {}
                EOI => return Err(error("it ends before its first scan")),
                SOS => {
                    let scan = segment(reader).map_err(cut)?;
                    let mut layout: Self = frame.ok_or_else(|| error("a scan comes before its frame"))?;
                    layout.collects |= scan.first().map(|&n| usize::from(n)) != Some(layout.sampling.len());
                    return Ok(layout);
                }
                // All frames; among their markers are Huffman tables, extensions and arithmetic coding's conditions.
                kind @ 0xc0..=0xcf if ![0xc4, 0xc8, 0xcc].contains(&kind) => {
                    frame = Some(Self::of_frame(kind, &segment(reader).map_err(cut)?)?);
                }
                _ => drop(segment(reader).map_err(cut)?),
            }
        }
    }

    /// Precision, height, width, number of components; of each its name, sampling factors and table.
    fn of_frame(kind: u8, body: &[u8]) -> ImageResult<Self> {
        let (&[_, h1, h0, w1, w0, count], components) =
            body.split_first_chunk().ok_or_else(|| error("its frame header is too short"))?;
        let (width, height) = (u16::from_be_bytes([w1, w0]).into(), u16::from_be_bytes([h1, h0]).into());
        let factors = |part: &[u8]| [u64::from(part[1] >> 4), u64::from(part[1] & 15)];
        let sampling: Vec<_> = components.chunks_exact(3).map(factors).collect();
        let sound = sampling.len() == usize::from(count)
            && (1..=4).contains(&count)
            && sampling.as_flattened().iter().all(|factor| (1..=4).contains(factor));
        if !sound || width == 0 || height == 0 {
            return Err(error("its frame header makes no image"));
        }
        Ok(Self { width, height, sampling, collects: kind & 3 == 2 })
    }

    /// The largest sampling factors, across and down.
    fn most(&self) -> [u64; 2] {
        [0, 1].map(|axis| self.sampling.iter().map(|factors| factors[axis]).max().unwrap_or(1))
    }

    /// Blocks of 8 x 8 coefficients as they are kept, padded to whole units of all components.
    fn kept_blocks(&self) -> u64 {
        let [across, down] = self.most();
        let units = u64::from(self.width).div_ceil(8 * across) * u64::from(self.height).div_ceil(8 * down);
        units * self.sampling.iter().map(|[h, v]| h * v).sum::<u64>()
    }

    /// Blocks that a file has to code, each in a bit at least.
    fn coded_blocks(&self) -> u64 {
        let [across, down] = self.most();
        let blocks = |side: u32, factor: u64, most: u64| (u64::from(side) * factor).div_ceil(8 * most);
        let of = |[h, v]: &[u64; 2]| blocks(self.width, *h, across) * blocks(self.height, *v, down);
        self.sampling.iter().map(of).sum()
    }

    fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Bytes that decoding a file of `length` bytes takes: the file, the pixels, coefficients of two bytes, and rows.
    ///
    /// # Errors
    ///
    /// A file that is too short for its image.
    pub(super) fn memory(&self, length: u64) -> ImageResult<u64> {
        if length.saturating_mul(8) < self.coded_blocks() {
            return Err(error(format!(
                "{length} bytes cannot hold {} x {} pixels, so that it is cut short",
                self.width, self.height
            )));
        }
        let pixels = self.pixels() * if self.sampling.len() == 1 { 1 } else { 3 };
        let coefficients = if self.collects { 128 * self.kept_blocks() } else { 0 };
        // Two rows of units of every component, before and after upsampling.
        let rows = 2 * 2 * 2 * 32 * u64::from(self.width) * self.sampling.len() as u64;
        Ok(length + pixels + coefficients + rows)
    }

    /// Decodes a whole file.
    pub(super) fn decode(&self, bytes: &[u8]) -> ImageResult<(DynamicImage, Orientation)> {
        reach_end(&mut &bytes[..]).map_err(cut)?;
        let side = usize::from(u16::MAX);
        let options =
            DecoderOptions::default().set_strict_mode(true).set_max_width(side).set_max_height(side);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
        decoder.decode_headers().map_err(error)?;
        if decoder.dimensions() != Some((self.width as usize, self.height as usize)) {
            return Err(error("it has two frame headers"));
        }
        let exif = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
        let grey = self.sampling.len() == 1;
        let colours = if grey { ColorSpace::Luma } else { ColorSpace::RGB };
        decoder.set_options(options.jpeg_set_out_colorspace(colours));
        let pixels = decoder.decode().map_err(error)?;
        let image = if grey {
            GrayImage::from_raw(self.width, self.height, pixels).map(DynamicImage::ImageLuma8)
        } else {
            RgbImage::from_raw(self.width, self.height, pixels).map(DynamicImage::ImageRgb8)
        };
        let image = image.ok_or_else(|| error("its pixels are not as many as it says"))?;
        Ok((image, exif.unwrap_or(Orientation::NoTransforms)))
    }
}

/// Reads to the end-of-image marker, which previews or padding may follow.
fn reach_end(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        match marker(reader)? {
            EOI => return Ok(()),
            SOI => {}
            _ => drop(segment(reader)?),
        }
    }
}

/// The next marker. Fill bytes, stray bytes, coded data and what separates those are passed over.
fn marker(reader: &mut impl BufRead) -> io::Result<u8> {
    loop {
        reader.skip_until(0xff)?;
        let mut byte = [0xff];
        while byte[0] == 0xff {
            reader.read_exact(&mut byte)?;
        }
        if !matches!(byte[0], 0 | 1 | 0xd0..=0xd7) {
            return Ok(byte[0]);
        }
    }
}

/// What follows a marker: a length that counts itself, and so many bytes.
fn segment(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    reader.read_exact(&mut length)?;
    let mut body = vec![0; usize::from(u16::from_be_bytes(length)).saturating_sub(2)];
    reader.read_exact(&mut body)?;
    Ok(body)
}

fn cut(reason: io::Error) -> ImageError {
    if reason.kind() == ErrorKind::UnexpectedEof {
        return error("it is cut short: there is no end-of-image marker");
    }
    ImageError::IoError(reason)
}

fn error(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ImageError {
    ImageError::Decoding(DecodingError::new(ImageFormatHint::Exact(ImageFormat::Jpeg), reason))
}
