//! One image: a background, clutter, the shape, more clutter, noise.

use super::paint::{Colour, Paint, brightness, direction, hue, mix};
use super::shape::{Point, Shape, dot, length};
use crate::data::rng::Rng;

/// Pixels on a side.
pub(super) const SIDE: usize = 32;
/// Largest number of distractors behind and in front of the shape.
const BEHIND: usize = 4;
const IN_FRONT: usize = 1;
/// Distance of the shape's centre from the image's, each way, in pixels.
const SHIFT: f32 = 4.0;
/// Length of the shape's unit, in pixels.
const SCALE: (f32, f32) = (8.0, 12.0);
/// Least difference in brightness between the shape and what is behind it.
const SEPARATION: f32 = 0.3;
/// How often a dark shape stands on a bright ground rather than the reverse.
const INVERTED: f32 = 0.2;
/// Largest tangent of half the angle by which the shape is turned: 45 degrees.
const HALF_TURN: f32 = 0.414;
/// Largest standard deviation of the pixel noise.
const NOISE: f32 = 0.04;

/// Everything that can be seen in one image.
pub(super) struct Scene {
    ground: Paint,
    behind: Vec<Distractor>,
    object: Object,
    in_front: Vec<Distractor>,
    noise: f32,
}

struct Object {
    shape: Shape,
    paint: Paint,
    centre: Point,
    scale: f32,
    /// Where the shape's own x axis points.
    axis: Point,
}

/// A short thick line, or a blob when its ends coincide.
struct Distractor {
    ends: [Point; 2],
    radius: f32,
    colour: Colour,
}

impl Scene {
    /// A random scene that shows `shape`.
    pub(super) fn draw(rng: &mut Rng, shape: Shape) -> Self {
        let (ground, object) = colours(rng);
        let ground = Paint::draw(rng, ground, 0.3);
        let behind = (0..rng.below(BEHIND + 1)).map(|_| Distractor::draw(rng, 2.6)).collect();
        let object = Object::draw(rng, shape, object);
        let in_front = (0..rng.below(IN_FRONT + 1)).map(|_| Distractor::draw(rng, 1.3)).collect();
        Self { ground, behind, object, in_front, noise: rng.between(0.0, NOISE) }
    }

    /// Writes the scene as `SIDE * SIDE` interleaved RGB pixels.
    pub(super) fn render(&self, rng: &mut Rng, pixels: &mut [u8]) {
        for (i, pixel) in pixels.chunks_exact_mut(3).enumerate() {
            let p = [(i % SIDE) as f32 + 0.5, (i / SIDE) as f32 + 0.5];
            let colour = self.at(p);
            for (byte, value) in pixel.iter_mut().zip(colour) {
                *byte = (255.0 * (value + self.noise * bell(rng)).clamp(0.0, 1.0) + 0.5) as u8;
            }
        }
    }

    fn at(&self, p: Point) -> Colour {
        let middle = SIDE as f32 / 2.0;
        let ground = self.ground.at([p[0] - middle, p[1] - middle]);
        let cluttered = self.behind.iter().fold(ground, |below, d| d.over(below, p));
        let object = self.object.over(cluttered, p);
        self.in_front.iter().fold(object, |below, d| d.over(below, p))
    }
}

impl Object {
    fn draw(rng: &mut Rng, shape: Shape, colour: Colour) -> Self {
        let middle = SIDE as f32 / 2.0;
        Self {
            shape,
            paint: Paint::draw(rng, colour, 0.3),
            centre: [middle + rng.between(-SHIFT, SHIFT), middle + rng.between(-SHIFT, SHIFT)],
            scale: rng.between(SCALE.0, SCALE.1),
            axis: turn(rng),
        }
    }

    fn over(&self, below: Colour, p: Point) -> Colour {
        let p = [p[0] - self.centre[0], p[1] - self.centre[1]];
        if length(p) > Shape::RADIUS * self.scale {
            return below;
        }
        let [cos, sin] = self.axis;
        let own = [(p[0] * cos + p[1] * sin) / self.scale, (p[1] * cos - p[0] * sin) / self.scale];
        let cover = coverage(self.shape.distance(own) * self.scale);
        if cover == 0.0 { below } else { mix(below, self.paint.at(p), cover) }
    }
}

impl Distractor {
    fn draw(rng: &mut Rng, radius: f32) -> Self {
        let side = SIDE as f32;
        let start = [rng.between(0.0, side), rng.between(0.0, side)];
        let is_line = rng.chance(0.5);
        let (length, radius) =
            if is_line { (rng.between(4.0, 16.0), 0.6) } else { (0.0, rng.between(0.8, radius)) };
        let along = direction(rng);
        let end = [start[0] + along[0] * length, start[1] + along[1] * length];
        Self { ends: [start, end], radius, colour: [rng.unit(), rng.unit(), rng.unit()] }
    }

    fn over(&self, below: Colour, p: Point) -> Colour {
        let [a, b] = self.ends;
        let (line, to_p) = ([b[0] - a[0], b[1] - a[1]], [p[0] - a[0], p[1] - a[1]]);
        let squared = dot(line, line).max(f32::MIN_POSITIVE);
        let along = (dot(line, to_p) / squared).clamp(0.0, 1.0);
        let off = [to_p[0] - line[0] * along, to_p[1] - line[1] * along];
        mix(below, self.colour, coverage(length(off) - self.radius))
    }
}

/// Two colours, for the ground and the shape, that can be told apart by brightness.
fn colours(rng: &mut Rng) -> (Colour, Colour) {
    loop {
        let (saturation, value) = (rng.between(0.1, 0.7), rng.between(0.1, 0.65));
        let dark = hue(rng, saturation, value);
        let (saturation, value) = (rng.between(0.2, 0.9), rng.between(0.6, 1.0));
        let bright = hue(rng, saturation, value);
        if brightness(bright) - brightness(dark) > SEPARATION {
            return if rng.chance(INVERTED) { (bright, dark) } else { (dark, bright) };
        }
    }
}

/// The cosine and sine of a random angle, from the tangent t of its half: (1 - t^2, 2 t) / (1 + t^2).
fn turn(rng: &mut Rng) -> Point {
    let t = rng.between(-HALF_TURN, HALF_TURN);
    [(1.0 - t * t) / (1.0 + t * t), 2.0 * t / (1.0 + t * t)]
}

/// The share of a pixel that is inside, given its distance in pixels from an outline.
fn coverage(distance: f32) -> f32 {
    (0.5 - distance).clamp(0.0, 1.0)
}

/// Nearly normal with deviation 1: the sum of four uniform numbers, which needs no logarithm.
fn bell(rng: &mut Rng) -> f32 {
    let bits = rng.next_u64();
    let sum: f32 = (0..4).map(|i| (bits >> (16 * i) & 0xffff) as f32 / 65536.0).sum();
    (sum - 2.0) * 1.732_050_8
}
