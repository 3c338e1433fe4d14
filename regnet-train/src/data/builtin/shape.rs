//! The ten shapes that are the classes of the built-in data set.

/// A point or direction in the plane, y down.
pub(super) type Point = [f32; 2];

/// What an image shows; its class.
///
/// Every shape equals its mirror image up to a rotation, so a horizontal flip never changes a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Disc,
    Ring,
    Square,
    Triangle,
    Cross,
    Star,
    Crescent,
    Heart,
    Arrow,
    Corner,
}

use Shape::*;

const TRIANGLE: [Point; 3] = [[0.0, -1.0], [0.866, 0.5], [-0.866, 0.5]];
const SQUARE: [Point; 4] = [[-0.72, -0.72], [0.72, -0.72], [0.72, 0.72], [-0.72, 0.72]];
const ARROW: [Point; 7] =
    [[0.0, -1.0], [0.75, -0.15], [0.27, -0.15], [0.27, 0.95], [-0.27, 0.95], [-0.27, -0.15], [-0.75, -0.15]];
const CORNER: [Point; 6] =
    [[-0.75, -0.75], [-0.2, -0.75], [-0.2, 0.2], [0.75, 0.2], [0.75, 0.75], [-0.75, 0.75]];
const CROSS: [Point; 12] = [
    [-0.28, -0.95],
    [0.28, -0.95],
    [0.28, -0.28],
    [0.95, -0.28],
    [0.95, 0.28],
    [0.28, 0.28],
    [0.28, 0.95],
    [-0.28, 0.95],
    [-0.28, 0.28],
    [-0.95, 0.28],
    [-0.95, -0.28],
    [-0.28, -0.28],
];
/// Five points on the unit circle and five between them at 0.42 of the radius.
const STAR: [Point; 10] = [
    [0.0, -1.0],
    [0.2469, -0.3398],
    [0.9511, -0.309],
    [0.3994, 0.1298],
    [0.5878, 0.809],
    [0.0, 0.42],
    [-0.5878, 0.809],
    [-0.3994, 0.1298],
    [-0.9511, -0.309],
    [-0.2469, -0.3398],
];

impl Shape {
    /// All shapes; a shape's place is its label.
    pub(super) const ALL: [Self; 10] =
        [Disc, Ring, Square, Triangle, Cross, Star, Crescent, Heart, Arrow, Corner];

    /// No part of any shape is farther from the origin.
    pub(super) const RADIUS: f32 = 1.1;

    pub(super) fn name(self) -> &'static str {
        match self {
            Disc => "disc",
            Ring => "ring",
            Square => "square",
            Triangle => "triangle",
            Cross => "cross",
            Star => "star",
            Crescent => "crescent",
            Heart => "heart",
            Arrow => "arrow",
            Corner => "corner",
        }
    }

    /// Distance from `p` to the outline, negative inside; exact near the outline, where it is used.
    pub(super) fn distance(self, p: Point) -> f32 {
        match self {
            Disc => circle(p, [0.0, 0.0], 0.82),
            Ring => circle(p, [0.0, 0.0], 0.68).abs() - 0.2,
            Square => polygon(p, &SQUARE),
            Triangle => polygon(p, &TRIANGLE),
            Cross => polygon(p, &CROSS),
            Star => polygon(p, &STAR),
            Crescent => circle(p, [0.0, 0.0], 0.95).max(-circle(p, [0.45, 0.0], 0.75)),
            Heart => heart(p),
            Arrow => polygon(p, &ARROW),
            Corner => polygon(p, &CORNER),
        }
    }
}

fn circle(p: Point, centre: Point, radius: f32) -> f32 {
    length([p[0] - centre[0], p[1] - centre[1]]) - radius
}

/// A unit square on its corner with a disc on each of its two upper edges.
fn heart(p: Point) -> f32 {
    const HALF_DIAGONAL: f32 = std::f32::consts::FRAC_1_SQRT_2;
    const EDGE_MIDDLE: f32 = HALF_DIAGONAL / 2.0;
    let p = [p[0].abs(), p[1] + 0.08];
    let diamond = (p[0] + p[1].abs() - HALF_DIAGONAL) * HALF_DIAGONAL;
    diamond.min(circle(p, [EDGE_MIDDLE, -EDGE_MIDDLE], 0.5))
}

/// Distance to the nearest edge, signed by the number of edges that a ray from `p` crosses.
fn polygon(p: Point, corners: &[Point]) -> f32 {
    let mut nearest = f32::MAX;
    let mut inside = false;
    let mut a = corners[corners.len() - 1];
    for &b in corners {
        let (edge, to_p) = ([b[0] - a[0], b[1] - a[1]], [p[0] - a[0], p[1] - a[1]]);
        let along = (dot(edge, to_p) / dot(edge, edge)).clamp(0.0, 1.0);
        let off = [to_p[0] - edge[0] * along, to_p[1] - edge[1] * along];
        nearest = nearest.min(dot(off, off));
        let straddles = (a[1] > p[1]) != (b[1] > p[1]);
        if straddles && to_p[0] < edge[0] * to_p[1] / edge[1] {
            inside = !inside;
        }
        a = b;
    }
    if inside { -nearest.sqrt() } else { nearest.sqrt() }
}

pub(super) fn dot(a: Point, b: Point) -> f32 {
    a[0] * b[0] + a[1] * b[1]
}

pub(super) fn length(p: Point) -> f32 {
    dot(p, p).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_of_known_points() {
        let close = |shape: Shape, p, expected: f32| {
            let found = shape.distance(p);
            assert!((found - expected).abs() < 1e-3, "{shape:?} at {p:?}: {found}, not {expected}");
        };
        close(Disc, [0.0, 0.0], -0.82);
        close(Ring, [0.0, 0.0], 0.48);
        close(Square, [1.0, 0.0], 0.28);
        close(Triangle, [0.0, 0.5], 0.0);
        close(Cross, [0.0, 0.0], -0.28 * 2f32.sqrt());
        close(Star, [0.0, -2.0], 1.0);
        close(Crescent, [0.45, 0.0], 0.75);
        close(Heart, [0.0, 0.62712], 0.0);
        close(Arrow, [0.0, -1.5], 0.5);
        close(Corner, [0.0, 0.0], 0.2);
    }

    #[test]
    fn every_shape_fits_its_radius_and_has_an_area() {
        for shape in Shape::ALL {
            let grid = (0..10_000).map(|i| [(i % 100) as f32 / 25.0 - 2.0, (i / 100) as f32 / 25.0 - 2.0]);
            let inside: Vec<_> = grid.filter(|&p| shape.distance(p) < 0.0).collect();
            assert!(inside.iter().all(|&p| length(p) < Shape::RADIUS), "{shape:?} is too large");
            let area = inside.len() as f32 / 625.0;
            assert!((0.8..2.5).contains(&area), "{shape:?} has area {area}");
        }
    }

    /// A flip is only a valid augmentation if no shape differs from its mirror image.
    #[test]
    fn no_shape_is_chiral() {
        for shape in Shape::ALL {
            let axis = match shape {
                Crescent => |p: Point| [p[0], -p[1]],
                Corner => |p: Point| [-p[1], -p[0]],
                _ => |p: Point| [-p[0], p[1]],
            };
            for i in 0..400 {
                let p = [(i % 20) as f32 / 8.0 - 1.2, (i / 20) as f32 / 8.0 - 1.2];
                assert!((shape.distance(p) - shape.distance(axis(p))).abs() < 1e-3, "{shape:?} at {p:?}");
            }
        }
    }
}
