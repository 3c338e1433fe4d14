//! The comparison of numbers that the workspace's tests use.

use crate::Real;

/// How far two numbers may lie apart: `absolute + relative * |expected|`.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    /// Allowed whatever the size of the expected value.
    pub absolute: f64,
    /// Allowed as a share of the expected value.
    pub relative: f64,
}

impl Tolerance {
    /// The same number as the absolute and the relative part.
    pub const fn both(tolerance: f64) -> Self {
        Tolerance { absolute: tolerance, relative: tolerance }
    }
}

/// Compares two slices element by element.
///
/// # Errors
///
/// Says which lengths differ, or names the element that is furthest out of tolerance with its index and both
/// values. A NaN on either side is always out of tolerance.
pub fn check<T: Real>(actual: &[T], expected: &[T], tolerance: Tolerance) -> Result<(), String> {
    if actual.len() != expected.len() {
        return Err(format!("{} elements where {} were expected", actual.len(), expected.len()));
    }
    let mut worst: Option<(f64, usize)> = None;
    for (index, (a, e)) in actual.iter().zip(expected).enumerate() {
        let difference = (a.widen() - e.widen()).abs();
        let allowed = tolerance.absolute + tolerance.relative * e.widen().abs();
        // Both tests are false for NaN, so that NaN counts as infinitely far out.
        let excess = if difference <= allowed { 0.0 } else { difference / allowed };
        let excess = if excess.is_nan() { f64::INFINITY } else { excess };
        if excess > worst.map_or(0.0, |(excess, _)| excess) {
            worst = Some((excess, index));
        }
    }
    let Some((_, index)) = worst else { return Ok(()) };
    Err(format!(
        "element {index} of {} is {}, expected {} (tolerance {:e} + {:e} relative)",
        actual.len(),
        actual[index],
        expected[index],
        tolerance.absolute,
        tolerance.relative,
    ))
}

/// Panics with `what` and [`check`]'s message unless the slices agree.
#[track_caller]
pub fn assert_close<T: Real>(what: &str, actual: &[T], expected: &[T], tolerance: Tolerance) {
    if let Err(message) = check(actual, expected, tolerance) {
        panic!("{what}: {message}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_lies_within_either_tolerance() {
        let tolerance = Tolerance { absolute: 1e-3, relative: 1e-2 };
        assert_eq!(check(&[100.9, 0.0009], &[100.0, 0.0], tolerance), Ok(()));
        assert!(check(&[101.1], &[100.0], tolerance).is_err());
        assert!(check(&[0.0011], &[0.0], tolerance).is_err());
    }

    #[test]
    fn names_the_worst_element_and_both_values() {
        let result = check(&[1.0, 2.5, 9.0], &[1.0, 2.0, 3.0], Tolerance::both(1e-6));
        let expected = "element 2 of 3 is 9, expected 3 (tolerance 1e-6 + 1e-6 relative)";
        assert_eq!(result, Err(expected.to_owned()));
    }

    #[test]
    fn nan_and_wrong_lengths_fail() {
        let loose = Tolerance::both(1e9);
        assert!(check(&[f64::NAN], &[1.0], loose).is_err());
        assert!(check(&[1.0], &[f64::NAN], loose).is_err());
        assert!(check(&[f32::INFINITY], &[1.0], loose).is_err());
        assert_eq!(check(&[1.0], &[1.0, 2.0], loose), Err("1 elements where 2 were expected".to_owned()));
    }
}
