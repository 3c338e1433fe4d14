use super::Sigmoidal;

/// Numbers of both signs: dense near 0, and through all magnitudes down to the subnormal ones.
fn numbers() -> impl Iterator<Item = f64> {
    let dense = (0..400_000).map(|i| f64::from(i) * 3e-4);
    let magnitudes =
        (-1060..10).flat_map(|e| (0..40).map(move |i| (1.0 + f64::from(i) / 40.0) * 2_f64.powi(e)));
    dense.chain(magnitudes).flat_map(|x| [x, -x])
}

/// The logistic function in `f64`, without cancellation for negative `x`.
fn sigmoid(x: f64) -> f64 {
    if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }
}

/// How many units in the last place of `expected`, rounded to `f32`, lie between the two.
fn ulps(actual: f32, expected: f64) -> f64 {
    let rounded = expected as f32;
    let unit = f64::from(rounded.abs().next_up()) - f64::from(rounded.abs());
    (f64::from(actual) - expected).abs() / unit
}

#[test]
fn within_4_units_in_the_last_place_in_f32() {
    for x in numbers().map(|x| x as f32) {
        let wide = f64::from(x);
        assert!(ulps(x.sigmoid(), sigmoid(wide)) <= 4.0, "sigmoid({x:e}) is {:e}", x.sigmoid());
        let tangent = x.hyperbolic_tangent();
        assert!(ulps(tangent, wide.tanh()) <= 4.0, "tanh({x:e}) is {tangent:e}");
    }
}

#[test]
fn within_1e_14_in_f64() {
    let close = |actual: f64, expected: f64| {
        (actual - expected).abs() <= (1e-14 * expected.abs()).max(f64::from_bits(4))
    };
    for x in numbers() {
        assert!(close(x.sigmoid(), sigmoid(x)), "sigmoid({x:e}) is {:e}", x.sigmoid());
        let tangent = x.hyperbolic_tangent();
        assert!(close(tangent, x.tanh()), "tanh({x:e}) is {tangent:e}");
    }
}

/// Exact values at 0, at the infinities and beyond saturation; NaN stays NaN.
fn special<T: Sigmoidal + num_traits::Float + std::fmt::Debug>() {
    let (zero, one, inf) = (T::zero(), T::one(), T::infinity());
    let half = one / (one + one);
    assert_eq!((zero.sigmoid(), (-zero).sigmoid()), (half, half));
    assert_eq!((inf.sigmoid(), (-inf).sigmoid()), (one, zero));
    assert_eq!((T::max_value().sigmoid(), T::min_value().sigmoid()), (one, zero));
    assert_eq!((inf.hyperbolic_tangent(), (-inf).hyperbolic_tangent()), (one, -one));
    assert_eq!(T::max_value().hyperbolic_tangent(), one);
    assert_eq!(zero.hyperbolic_tangent(), zero);
    assert!((-zero).hyperbolic_tangent().is_sign_negative());
    let subnormal = T::min_positive_value() / (one + one + one);
    assert_eq!(subnormal.hyperbolic_tangent(), subnormal);
    assert!(T::nan().sigmoid().is_nan() && T::nan().hyperbolic_tangent().is_nan());
}

#[test]
fn special_values() {
    special::<f32>();
    special::<f64>();
}
