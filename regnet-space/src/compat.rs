//! Fitting stage widths to group widths: an inner width must be made of whole groups.

use crate::bottleneck::Bottleneck;

/// The rule by which an inner width is moved to a multiple of the group width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Compatibility {
    /// The nearest multiple, halves to the even one, as the published generator (pycls) does.
    #[default]
    Published,
    /// The nearest multiple, halves up, and one more where that would lower the width by more than 10 %, as
    /// torchvision does. Three of its models differ from the published ones for it.
    Torchvision,
}

impl Compatibility {
    /// The width and group width of a stage that was to have width `w` and group width `g`.
    ///
    /// The group width is at most the inner width; of an inverted bottleneck the inner width is a multiple of 1/b too,
    /// so that the stage's width is whole.
    pub(crate) fn fit(self, w: usize, b: Bottleneck, g: usize) -> (usize, usize) {
        let v = b.inner(w);
        let g = g.min(v);
        let multiple = if b.is_inverted() { lcm(g, b.factor()) } else { g };
        let v = self.round(v, multiple).max(multiple);
        (b.outer(v), g)
    }

    fn round(self, v: usize, multiple: usize) -> usize {
        match self {
            Self::Published => (v as f64 / multiple as f64).round_ties_even() as usize * multiple,
            Self::Torchvision => {
                let nearest = (2 * v + multiple) / (2 * multiple) * multiple;
                if 10 * nearest < 9 * v { nearest + multiple } else { nearest }
            }
        }
    }
}

fn lcm(a: usize, b: usize) -> usize {
    let (mut x, mut y) = (a, b);
    while y > 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_round_to_the_even_multiple() {
        let fit = |w, g| Compatibility::Published.fit(w, Bottleneck::ONE, g).0;
        assert_eq!((fit(24, 16), fit(40, 16), fit(56, 16)), (32, 32, 64));
    }

    #[test]
    fn groups_are_at_most_the_inner_width() {
        assert_eq!(Compatibility::Published.fit(48, Bottleneck::reduces(4), 64), (48, 12));
        assert_eq!(Compatibility::Published.fit(8, Bottleneck::reduces(16), 64), (16, 1));
    }

    #[test]
    fn inverted_bottlenecks_keep_the_stage_width_whole() {
        // v = 32, m = lcm(31, 4) = 124: rounds to 0, so one multiple it is.
        assert_eq!(Compatibility::Published.fit(8, Bottleneck::expands(4), 31), (31, 31));
        assert_eq!(Compatibility::Published.fit(40, Bottleneck::expands(2), 48), (48, 48));
    }

    #[test]
    fn torchvision_lowers_by_a_tenth_at_most() {
        let fit = |w, g| Compatibility::Torchvision.fit(w, Bottleneck::ONE, g).0;
        assert_eq!((fit(192, 56), fit(176, 56), fit(24, 16)), (224, 168, 32));
    }
}
