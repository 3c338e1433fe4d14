//! Random changes to training images that leave their class alone.

use image::RgbImage;

use super::rng::Rng;
use super::set::Normalise;

/// What is done to a training image: a horizontal flip half the time, and a shifted crop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Augment {
    /// Whether images are mirrored left to right with probability one half.
    pub flip: bool,
    /// Crops are shifted by up to this many pixels each way; 0 for none.
    pub pad: usize,
    /// What a shifted crop shows beyond the image's border.
    pub padding: Padding,
}

/// What lies beyond an image's border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Zero after normalisation: the mean colour.
    Zero,
    /// The image mirrored at its outermost pixels.
    Reflect,
}

impl Augment {
    /// No change.
    pub const NONE: Self = Self { flip: false, pad: 0, padding: Padding::Zero };

    /// What happens to one image.
    pub(crate) fn draw(&self, rng: &mut Rng) -> Change {
        let mut shift = || rng.below(2 * self.pad + 1) as isize - self.pad as isize;
        let (down, right) = (shift(), shift());
        Change { mirror: self.flip && rng.chance(0.5), down, right, padding: self.padding }
    }
}

/// Flips, and crops shifted by up to 4 pixels, as is usual for CIFAR.
impl Default for Augment {
    fn default() -> Self {
        Self { flip: true, pad: 4, padding: Padding::Zero }
    }
}

/// A drawn change: a crop whose corner lies at (`right`, `down`) of the image, then mirrored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) mirror: bool,
    pub(crate) down: isize,
    pub(crate) right: isize,
    pub(crate) padding: Padding,
}

impl Change {
    pub(crate) const NONE: Self = Self { mirror: false, down: 0, right: 0, padding: Padding::Zero };

    /// Writes the changed and normalised image.
    ///
    /// # Shapes
    ///
    /// `image` is square with side s; `out` is 3 x s x s, and all of it is overwritten.
    pub(crate) fn apply(self, image: &RgbImage, normalise: &Normalise, out: &mut [f32]) {
        let side = image.width() as usize;
        let pixels = image.as_raw();
        let columns: Vec<_> = (0..side)
            .map(|x| self.source(if self.mirror { side - 1 - x } else { x }, self.right, side))
            .collect();
        let planes = out.chunks_exact_mut(side * side).zip(normalise.affine());
        for (channel, (plane, (factor, offset))) in planes.enumerate() {
            for (y, row) in plane.chunks_exact_mut(side).enumerate() {
                let from = self.source(y, self.down, side);
                for (value, &column) in row.iter_mut().zip(&columns) {
                    *value = match (from, column) {
                        (Some(y), Some(x)) => {
                            f32::from(pixels[(y * side + x) * 3 + channel]) * factor + offset
                        }
                        _ => 0.0,
                    };
                }
            }
        }
    }

    /// The place in the image that a place in the crop shows, if any.
    fn source(self, place: usize, shift: isize, side: usize) -> Option<usize> {
        let last = side as isize - 1;
        let place = place as isize + shift;
        match self.padding {
            Padding::Reflect if place < 0 => Some((-place) as usize),
            Padding::Reflect if place > last => Some((2 * last - place) as usize),
            _ => (0..=last).contains(&place).then_some(place as usize),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With these figures a byte keeps its value.
    const PLAIN: Normalise = Normalise { mean: [0.0; 3], std: [1.0 / 255.0; 3] };

    /// An image of side 4 whose byte is `10 * y + x + 1`, plus 50 a channel.
    fn image() -> RgbImage {
        RgbImage::from_fn(4, 4, |x, y| {
            let red = (10 * y + x + 1) as u8;
            image::Rgb([red, red + 50, red + 100])
        })
    }

    fn red(change: Change) -> Vec<f32> {
        let mut out = vec![f32::NAN; 48];
        change.apply(&image(), &PLAIN, &mut out);
        let rounded: Vec<_> = out.iter().map(|v| v.round()).collect();
        let inside = rounded[..16].iter().zip(&rounded[32..]).filter(|(red, _)| **red != 0.0);
        inside.for_each(|(red, blue)| assert_eq!(red + 100.0, *blue));
        rounded[..16].to_vec()
    }

    #[test]
    fn mirrors_left_to_right() {
        let expected = [4, 3, 2, 1, 14, 13, 12, 11, 24, 23, 22, 21, 34, 33, 32, 31].map(|v| v as f32);
        assert_eq!(red(Change { mirror: true, ..Change::NONE }), expected);
    }

    #[test]
    fn shifts_with_zeros_beyond() {
        let change = Change { down: 1, right: -2, ..Change::NONE };
        let expected = [0, 0, 11, 12, 0, 0, 21, 22, 0, 0, 31, 32, 0, 0, 0, 0].map(|v| v as f32);
        assert_eq!(red(change), expected);
        // The crop is what is mirrored, so the zeros change sides.
        let expected = [12, 11, 0, 0, 22, 21, 0, 0, 32, 31, 0, 0, 0, 0, 0, 0].map(|v| v as f32);
        assert_eq!(red(Change { mirror: true, ..change }), expected);
    }

    #[test]
    fn shifts_with_a_reflection_beyond() {
        let change = Change { down: 1, right: -2, padding: Padding::Reflect, ..Change::NONE };
        let expected = [13, 12, 11, 12, 23, 22, 21, 22, 33, 32, 31, 32, 23, 22, 21, 22].map(|v| v as f32);
        assert_eq!(red(change), expected);
    }

    #[test]
    fn normalises_each_channel() {
        let normalise = Normalise { mean: [0.5, 0.25, 0.0], std: [0.25, 0.5, 1.0] };
        let mut out = vec![0.0; 48];
        Change::NONE.apply(&image(), &normalise, &mut out);
        let expected = [(1.0 / 255.0 - 0.5) / 0.25, (51.0 / 255.0 - 0.25) / 0.5, 101.0 / 255.0];
        for (c, expected) in expected.into_iter().enumerate() {
            assert!((out[16 * c] - expected).abs() < 1e-6, "channel {c}: {} is not {expected}", out[16 * c]);
        }
    }

    #[test]
    fn draws_every_shift_and_both_flips() {
        let augment = Augment { pad: 1, ..Augment::default() };
        let mut seen = std::collections::BTreeSet::new();
        let mut rng = Rng::new(&[0]);
        for _ in 0..1000 {
            let Change { mirror, down, right, .. } = augment.draw(&mut rng);
            seen.insert((mirror, down, right));
        }
        assert_eq!(seen.len(), 2 * 3 * 3);
        let still = Augment::NONE.draw(&mut rng);
        assert!(!still.mirror && still.down == 0 && still.right == 0);
    }
}
