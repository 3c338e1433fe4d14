//! How pictures of any size become a network's input.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use image::imageops::{FilterType, crop_imm, resize};
use image::{GenericImageView, Pixel, RgbImage, SubImage};
use serde::{Deserialize, Serialize};

use crate::data::image_file::{self, Frame, Pixels, Square, resizing_memory};
use crate::data::{DataError, Normalise};

/// The mean and deviation of ImageNet's pixels, red, green and blue, that all published RegNets are trained with.
const IMAGENET: Normalise = Normalise { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/// What is done to a picture before a network sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preprocess {
    /// Which part of it is seen, at which resolution.
    pub framing: Framing,
    /// Height and width in pixels of what is seen.
    pub size: usize,
    /// How pixels become inputs.
    pub normalise: Normalise,
}

/// Which part of a picture is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Framing {
    /// The shorter side is brought to `shorter` pixels, and then the middle is cut out, as for the published weights.
    Crop {
        /// Pixels, at least the size that is cut out.
        shorter: usize,
        /// How it is brought there.
        filter: Filter,
    },
    /// The largest centred square is brought to the size, as in training here.
    Square,
}

/// How pictures are resized. Where they shrink, each filter covers as many pixels as it must, as in Pillow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// Cubic, a = -0.5: timm's setting for the published RegNets.
    Bicubic,
    /// Linear: torchvision's.
    Bilinear,
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bicubic => "bicubic",
            Self::Bilinear => "bilinear",
        })
    }
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = [Self::Bicubic, Self::Bilinear].into_iter().find(|filter| filter.to_string() == name);
        found.ok_or_else(|| format!("no filter is called `{name}`; there are `bicubic` and `bilinear`"))
    }
}

impl Preprocess {
    /// Pixels that a picture's shorter side is brought to at most.
    pub const LARGEST: usize = 1280;

    /// The preprocessing of the published weights for images of `size` pixels, as timm documents it: the shorter side
    /// to size / 0.875 (256 for 224), bicubic, the middle cut out, ImageNet's mean and deviation. torchvision documents
    /// the same with a bilinear filter for its first weights, and a shorter side of 232 for its second.
    pub fn imagenet(size: usize) -> Self {
        let framing = Framing::Crop { shorter: size * 8 / 7, filter: Filter::Bicubic };
        Self { framing, size, normalise: IMAGENET }
    }

    /// The input for one picture, `3 x size x size`.
    ///
    /// # Errors
    ///
    /// [`DataError::Normalise`], and [`DataError::Read`], [`DataError::Image`], [`DataError::TooLarge`] and others about
    /// the file.
    pub fn read(&self, path: &Path) -> Result<Vec<f32>, DataError> {
        self.normalise.check().map_err(|reason| DataError::Normalise { reason })?;
        let framed = match self.framing {
            Framing::Square => image_file::read(path, &Square(self.size))?,
            Framing::Crop { shorter, filter } => {
                let shorter = shorter.max(self.size);
                image_file::read(path, &Crop { size: self.size, shorter, filter })?
            }
        };
        Ok(self.normalised(&framed))
    }

    fn normalised(&self, image: &RgbImage) -> Vec<f32> {
        let channels = self.normalise.affine().into_iter().enumerate();
        let planes = channels.map(|(c, (factor, offset))| {
            image.pixels().map(move |pixel| f32::from(pixel.0[c]) * factor + offset)
        });
        planes.flatten().collect()
    }
}

/// [`Framing::Crop`] to `size`.
struct Crop {
    size: usize,
    shorter: usize,
    filter: Filter,
}

impl Crop {
    /// Of a picture that is very long, what is far from its middle is never seen, and would take much memory enlarged.
    const LONGEST: u32 = 8;

    /// Width and height of the middle that is resized.
    fn kept(width: u32, height: u32) -> (u32, u32) {
        let most = |side: u32| side.saturating_mul(Self::LONGEST);
        (width.min(most(height)), height.min(most(width)))
    }

    /// Width and height after resizing. The longer side is rounded down, as in torchvision.
    fn scaled(&self, width: u32, height: u32) -> (u32, u32) {
        let least = u64::from(width.min(height)).max(1);
        let scaled = |side: u32| (u64::from(side) * self.shorter as u64 / least) as u32;
        (scaled(width), scaled(height))
    }
}

impl Frame for Crop {
    fn of<I>(&self, picture: &I) -> Pixels<I>
    where
        I: GenericImageView<Pixel: 'static>,
        <I::Pixel as Pixel>::Subpixel: 'static,
    {
        let (width, height) = picture.dimensions();
        let (kept_width, kept_height) = Self::kept(width, height);
        let (left, top) = ((width - kept_width) / 2, (height - kept_height) / 2);
        let kept: SubImage<&I> = crop_imm(picture, left, top, kept_width, kept_height);
        let (width, height) = self.scaled(kept_width, kept_height);
        let filter = match self.filter {
            Filter::Bicubic => FilterType::CatmullRom,
            Filter::Bilinear => FilterType::Triangle,
        };
        let resized = resize(&*kept, width, height, filter);
        let size = self.size as u32;
        // Half of an odd difference is rounded to even, as in torchvision.
        let middle = |side: u32| (f64::from(side.saturating_sub(size)) / 2.0).round_ties_even() as u32;
        crop_imm(&resized, middle(width), middle(height), size, size).to_image()
    }

    fn memory(&self, width: u32, height: u32) -> u64 {
        let (width, height) = Self::kept(width, height);
        let (new_width, new_height) = self.scaled(width, height);
        // What is resized has four bytes a pixel at most.
        let resized = 4 * u64::from(new_width) * u64::from(new_height);
        resizing_memory(width, new_height.into()).saturating_add(resized)
    }
}

impl fmt::Display for Preprocess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { framing, size, normalise: Normalise { mean, std } } = self;
        match framing {
            Framing::Crop { shorter, filter } => write!(f, "shorter side to {shorter} ({filter}), middle")?,
            Framing::Square => write!(f, "largest square to")?,
        }
        write!(f, " {size} x {size}, mean {mean:?}, deviation {std:?}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use image::Rgb;

    use super::*;

    fn wide() -> RgbImage {
        RgbImage::from_fn(60, 40, |x, y| Rgb([(4 * x) as u8, (6 * y) as u8, 7]))
    }

    #[test]
    fn the_middle_is_cut_out_at_the_resolution_asked_for() {
        // Nothing is resized: rows 4 to 35 and columns 14 to 45 of 40 x 60.
        let crop = |size, shorter, filter| Crop { size, shorter, filter }.of(&wide());
        let middle = crop(32, 40, Filter::Bicubic);
        assert_eq!(
            (middle.dimensions(), middle[(0, 0)], middle[(31, 31)]),
            ((32, 32), Rgb([56, 24, 7]), Rgb([180, 210, 7]))
        );
        // Halved: a linear picture stays linear, whatever the filter.
        for filter in [Filter::Bicubic, Filter::Bilinear] {
            let halved = crop(16, 20, filter);
            let close = |a: u8, b: f64| (f64::from(a) - b).abs() <= 1.0;
            assert_eq!(halved.dimensions(), (16, 16));
            assert!(close(halved[(8, 8)][0], 4.0 * (2.0 * 15.0 + 0.5)), "{:?}", halved[(8, 8)]);
            assert!(close(halved[(8, 8)][1], 6.0 * (2.0 * 10.0 + 0.5)), "{:?}", halved[(8, 8)]);
        }
    }

    #[test]
    fn pixels_are_normalised_channel_by_channel() {
        let preprocess = Preprocess::imagenet(8);
        let values = preprocess.normalised(&RgbImage::from_pixel(8, 8, Rgb([255, 0, 51])));
        let expected = [(1.0 - 0.485) / 0.229, -0.456 / 0.224, (0.2 - 0.406) / 0.225];
        for (c, expected) in expected.into_iter().enumerate() {
            assert!(
                values[64 * c..][..64].iter().all(|value| (value - expected).abs() < 1e-6),
                "channel {c}"
            );
        }
    }

    #[test]
    fn words() {
        let text = Preprocess::imagenet(224).to_string();
        assert!(text.starts_with("shorter side to 256 (bicubic), middle 224 x 224"), "{text}");
        assert!("nearest".parse::<Filter>().is_err());
        assert_eq!("bilinear".parse(), Ok(Filter::Bilinear));
    }
}
