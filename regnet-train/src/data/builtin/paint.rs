//! Colours and textures.

use super::shape::{Point, dot, length};
use crate::data::rng::Rng;

/// Red, green and blue in `[0, 1]`.
pub(super) type Colour = [f32; 3];

/// A fully described way to fill an area.
pub(super) struct Paint {
    pattern: Pattern,
    colours: [Colour; 2],
    /// Unit vector across stripes and along a fade.
    direction: Point,
    /// Repetitions of the pattern in a pixel.
    frequency: f32,
    phase: Point,
}

#[derive(Clone, Copy)]
enum Pattern {
    Plain,
    Fade,
    Stripes,
    Checks,
    Dots,
}

impl Paint {
    /// A random pattern of `colour` and a second colour `contrast` (0 to 1) of the way to a random one.
    pub(super) fn draw(rng: &mut Rng, colour: Colour, contrast: f32) -> Self {
        const PATTERNS: [Pattern; 5] =
            [Pattern::Plain, Pattern::Fade, Pattern::Stripes, Pattern::Checks, Pattern::Dots];
        let other = [rng.unit(), rng.unit(), rng.unit()];
        Self {
            pattern: PATTERNS[rng.below(PATTERNS.len())],
            colours: [colour, mix(colour, other, contrast)],
            direction: direction(rng),
            frequency: 1.0 / rng.between(3.5, 9.0),
            phase: [rng.unit(), rng.unit()],
        }
    }

    /// The colour at a point given in pixels from the middle of the painted area.
    pub(super) fn at(&self, p: Point) -> Colour {
        let across = [-self.direction[1], self.direction[0]];
        let u = dot(p, self.direction) * self.frequency + self.phase[0];
        let v = dot(p, across) * self.frequency + self.phase[1];
        let share = match self.pattern {
            Pattern::Plain => 0.0,
            Pattern::Fade => dot(p, self.direction) / 32.0 + 0.5,
            Pattern::Stripes => edge(wave(u)),
            Pattern::Checks => {
                let (a, b) = (edge(wave(u)), edge(wave(v)));
                a + b - 2.0 * a * b
            }
            Pattern::Dots => edge(0.6 - length([wave(u), wave(v)])),
        };
        mix(self.colours[0], self.colours[1], share.clamp(0.0, 1.0))
    }
}

/// A triangle wave of period 1 between -1 and 1.
fn wave(t: f32) -> f32 {
    let t = t - t.floor();
    4.0 * (t - 0.5).abs() - 1.0
}

/// A soft step from 0 to 1 around 0, so that patterns are not jagged.
fn edge(t: f32) -> f32 {
    (0.5 + 1.5 * t).clamp(0.0, 1.0)
}

pub(super) fn mix(a: Colour, b: Colour, share: f32) -> Colour {
    std::array::from_fn(|i| a[i] + (b[i] - a[i]) * share)
}

/// Uniform on the circle, by rejection: `sin` and `cos` differ between platforms, `sqrt` does not.
pub(super) fn direction(rng: &mut Rng) -> Point {
    loop {
        let p = [rng.between(-1.0, 1.0), rng.between(-1.0, 1.0)];
        let r = length(p);
        if (0.1..1.0).contains(&r) {
            return [p[0] / r, p[1] / r];
        }
    }
}

/// A colour of random hue with the given saturation and value (of HSV).
pub(super) fn hue(rng: &mut Rng, saturation: f32, value: f32) -> Colour {
    let hue = rng.between(0.0, 6.0);
    [5.0, 3.0, 1.0].map(|offset: f32| {
        let k = (offset + hue) % 6.0;
        value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0)
    })
}

/// Perceived brightness (ITU-R BT.601).
pub(super) fn brightness(c: Colour) -> f32 {
    0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2]
}
