//! Whether files are whole, of formats whose decoders stop before their end.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use image::error::{DecodingError, ImageFormatHint};
use image::{ImageError, ImageFormat, ImageResult};

/// Checks that a file of `length` bytes has all that its first image needs.
pub(super) fn check(reader: &mut (impl BufRead + Seek), format: ImageFormat, length: u64) -> ImageResult<()> {
    reader.rewind()?;
    let whole = match format {
        ImageFormat::WebP => webp(reader).map(|expected| length >= expected),
        ImageFormat::Gif => gif(reader).map(|()| true),
        _ => return Ok(()),
    };
    match whole {
        Ok(true) => Ok(()),
        Ok(false) => Err(cut(format)),
        Err(reason) if reason.kind() == io::ErrorKind::UnexpectedEof => Err(cut(format)),
        Err(reason) => Err(reason.into()),
    }
}

fn cut(format: ImageFormat) -> ImageError {
    ImageError::Decoding(DecodingError::new(ImageFormatHint::Exact(format), "it is cut short"))
}

/// The length that a RIFF header says.
fn webp(reader: &mut impl Read) -> io::Result<u64> {
    let header: [u8; 8] = bytes(reader)?;
    let [.., a, b, c, d] = header;
    Ok(8 + u64::from(u32::from_le_bytes([a, b, c, d])))
}

/// Reads to the end of the first image: a screen, extensions, and an image, whose data are in blocks up to an empty one.
fn gif(reader: &mut (impl BufRead + Seek)) -> io::Result<()> {
    let [.., flags, _, _] = bytes::<13>(reader)?;
    skip_colours(reader, flags)?;
    while let [b'!'] = bytes(reader)? {
        bytes::<1>(reader)?;
        skip_blocks(reader)?;
    }
    let [.., flags] = bytes::<9>(reader)?;
    skip_colours(reader, flags)?;
    bytes::<1>(reader)?;
    skip_blocks(reader)
}

fn skip_colours(reader: &mut impl Seek, flags: u8) -> io::Result<()> {
    let colours = if flags & 0x80 == 0 { 0 } else { 2_i64 << (flags & 7) };
    reader.seek(SeekFrom::Current(3 * colours)).map(drop)
}

fn skip_blocks(reader: &mut impl BufRead) -> io::Result<()> {
    let mut block = [0; 255];
    loop {
        match bytes(reader)? {
            [0] => return Ok(()),
            [length] => reader.read_exact(&mut block[..usize::from(length)])?,
        }
    }
}

fn bytes<const N: usize>(reader: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}
