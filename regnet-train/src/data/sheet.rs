//! A picture of many images of a split.

use image::imageops::{FilterType, replace, resize};
use image::{Rgb, RgbImage};

use super::error::DataError;
use super::set::Split;

/// White space between images, in pixels of theirs.
const GAP: usize = 1;

/// Draws the first `rows` images of each of the first `columns` classes, a column a class, enlarged
/// `scale` times. A class with fewer images leaves its places white.
///
/// # Errors
///
/// As [`Split::image`].
pub fn contact_sheet(
    split: &Split,
    rows: usize,
    columns: usize,
    scale: usize,
) -> Result<RgbImage, DataError> {
    let step = (split.size() + GAP) * scale;
    let length = |count: usize| (count * step + GAP * scale) as u32;
    let mut sheet = RgbImage::from_pixel(length(columns), length(rows), Rgb([255; 3]));
    let side = (split.size() * scale) as u32;
    for column in 0..columns {
        let labels = split.labels().iter().enumerate();
        let of_class = labels.filter(|&(_, &label)| label == column).map(|(index, _)| index);
        for (row, index) in of_class.take(rows).enumerate() {
            let image = resize(&split.image(index)?, side, side, FilterType::Nearest);
            let corner = |place: usize| (place * step + GAP * scale) as i64;
            replace(&mut sheet, &image, corner(column), corner(row));
        }
    }
    Ok(sheet)
}
