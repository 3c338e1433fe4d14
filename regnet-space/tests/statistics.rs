//! Statistics against numpy and scipy: ../../tests/reference/population_statistics.py.
#![allow(clippy::unwrap_used)]

use regnet_space::statistics::{
    BEST_PART, BestRange, Bootstrap, Edf, Interval, best_range, equal_complexity, expected_best,
    kolmogorov_smirnov, mean, quantile,
};
use regnet_space::{AnyNet, Block, Stage, Stem};
use serde_json::Value;

fn reference() -> Value {
    serde_json::from_str(include_str!("../../tests/reference/population_statistics.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn cases<'a>(reference: &'a Value, name: &str) -> &'a Vec<Value> {
    let cases = reference[name].as_array().unwrap();
    assert!(!cases.is_empty());
    cases
}

/// The sample that a case names.
fn sample(reference: &Value, case: &Value, key: &str) -> Vec<f64> {
    numbers(&reference["samples"][case[key].as_str().unwrap()])
}

#[track_caller]
fn assert_near(found: f64, expected: f64, tolerance: f64, what: &Value) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected}: {what}");
}

#[track_caller]
fn assert_all_near(found: &[f64], expected: &[f64], tolerance: f64, what: &Value) {
    assert_eq!(found.len(), expected.len(), "{what}");
    found.iter().zip(expected).for_each(|(&found, &expected)| assert_near(found, expected, tolerance, what));
}

#[test]
fn distribution_functions_agree() {
    let reference = reference();
    for case in cases(&reference, "edfs") {
        let values = sample(&reference, case, "sample");
        let weights = numbers(&reference["weights"][case["sample"].as_str().unwrap()]);
        let (plain, weighted) = (Edf::new(&values), Edf::weighted(values.iter().copied().zip(weights)));
        let at = numbers(&case["at"]);
        let along = |edf: &dyn Fn(f64) -> f64| at.iter().map(|&e| edf(e)).collect::<Vec<_>>();
        assert_all_near(&along(&|e| plain.at(e)), &numbers(&case["below"]), 1e-12, case);
        assert_all_near(&along(&|e| plain.up_to(e)), &numbers(&case["up_to"]), 1e-12, case);
        assert_all_near(&along(&|e| weighted.at(e)), &numbers(&case["weighted"]), 1e-12, case);
        assert_near(weighted.mean().unwrap(), case["weighted_mean"].as_f64().unwrap(), 1e-12, case);
        assert_near(plain.mean().unwrap(), mean(&values).unwrap(), 1e-12, case);
        assert_eq!(plain.steps().last().unwrap().1, 1.0);
    }
}

#[test]
fn kolmogorov_smirnov_agrees() {
    let reference = reference();
    for case in cases(&reference, "kolmogorov_smirnov") {
        let test =
            kolmogorov_smirnov(&sample(&reference, case, "a"), &sample(&reference, case, "b")).unwrap();
        assert_near(test.distance, case["distance"].as_f64().unwrap(), 1e-12, case);
        let p_value = case["p_value"].as_f64().unwrap();
        assert_near(test.p_value / p_value, 1.0, 1e-9, case);
    }
}

#[test]
fn intervals_agree() {
    let reference = reference();
    for case in cases(&reference, "bootstrap") {
        let (a, b) = (sample(&reference, case, "a"), sample(&reference, case, "b"));
        let number = |key: &str| case[key].as_u64().unwrap();
        let same = Bootstrap {
            replicates: number("replicates") as usize,
            seed: number("seed"),
            ..Bootstrap::default()
        };
        let check = |bootstrap: Bootstrap, mean: &str, difference: &str, tolerance: f64| {
            let ends = |interval: Interval| [interval.low, interval.high];
            let found = ends(bootstrap.mean_interval(&a).unwrap());
            assert_all_near(&found, &numbers(&case[mean]), tolerance, case);
            let found = ends(bootstrap.difference_interval(&a, &b).unwrap());
            assert_all_near(&found, &numbers(&case[difference]), tolerance, case);
        };
        check(same, "mean", "difference", 1e-12);
        // Other draws: ends of 10,000 are uncertain by some 3 % of the interval's length, which is below 0.08.
        check(Bootstrap::default(), "scipy_mean", "scipy_difference", 2.5e-3);
    }
}

#[test]
fn ranges_of_the_best_agree() {
    let reference = reference();
    for case in cases(&reference, "best_ranges") {
        let errors = sample(&reference, case, "sample");
        let parameters = numbers(&reference["parameters"][case["sample"].as_str().unwrap()]);
        let BestRange { low, median, high } = best_range(&parameters, &errors, BEST_PART, 0.95).unwrap();
        assert_eq!([low, median, high].to_vec(), numbers(&case["range"]), "{case}");
    }
}

#[test]
fn weights_of_equal_complexity_agree() {
    let reference = reference();
    let costs = ["a", "b", "tied"].map(|name| numbers(&reference["costs"][name]));
    let populations: Vec<&[f64]> = costs.iter().map(Vec::as_slice).collect();
    for case in cases(&reference, "equal_complexity") {
        let weights = equal_complexity(&populations, case["bins"].as_u64().unwrap() as usize).unwrap();
        for (found, expected) in weights.iter().zip(case["weights"].as_array().unwrap()) {
            assert_all_near(found, &numbers(expected), 1e-12, case);
            assert_near(found.iter().sum(), 1.0, 1e-12, case);
        }
    }
}

#[test]
fn the_expected_best_agrees() {
    let reference = reference();
    for case in cases(&reference, "expected_best") {
        let found = expected_best(&sample(&reference, case, "sample"));
        assert_all_near(&found, &numbers(&case["errors"]), 1e-12, case);
    }
}

#[test]
fn line_fits_agree() {
    let reference = reference();
    for case in cases(&reference, "line_fits") {
        let stages = numbers(&case["depths"]).into_iter().zip(numbers(&case["widths"]));
        let net = AnyNet {
            input_channels: 3,
            stem: Stem::default(),
            block: Block::Bottleneck,
            stages: stages.map(|(depth, width)| Stage::plain(depth as usize, width as usize, 2)).collect(),
            se: None,
            regulator: None,
            classes: 10,
        };
        assert_near(net.line_fit().unwrap().error, case["error"].as_f64().unwrap(), 1e-12, case);
    }
}

#[test]
fn nothing_is_said_of_nothing() {
    let (none, unknown, some) = ([], [f64::NAN], [0.5]);
    for empty in [&none[..], &unknown] {
        assert!(Edf::new(empty).is_empty());
        assert_eq!(
            (Edf::new(empty).at(1.0), Edf::new(empty).min(), Edf::new(empty).mean()),
            (0.0, None, None)
        );
        assert_eq!(kolmogorov_smirnov(empty, &some), None);
        assert_eq!(kolmogorov_smirnov(&some, empty), None);
        assert_eq!(Bootstrap::default().mean_interval(empty), None);
        assert_eq!(Bootstrap::default().difference_interval(&some, empty), None);
        assert_eq!(best_range(empty, &some, BEST_PART, 0.95), None);
        assert_eq!(equal_complexity(&[&some, empty], 4), None);
        assert!(expected_best(empty).is_empty());
    }
    assert_eq!(equal_complexity(&[], 4), None);
    assert_eq!(equal_complexity(&[&some], 0), None);
    assert_eq!(equal_complexity(&[&[1.0], &[2.0]], 4), None, "nothing shared");
    assert_eq!((mean(&none), quantile(&none, 0.5)), (None, None));
    assert_eq!(Edf::weighted([(0.5, 0.0), (0.25, f64::NAN), (0.75, -1.0)]).steps(), []);
}

#[test]
fn one_value_is_certain() {
    let some = [0.5];
    assert_eq!(Bootstrap::default().mean_interval(&some), Some(Interval { low: 0.5, high: 0.5 }));
    assert_eq!(equal_complexity(&[&some, &[0.5, 0.5]], 4), Some(vec![vec![1.0], vec![0.5, 0.5]]));
    assert_eq!(expected_best(&some), [0.5]);
    assert_eq!(kolmogorov_smirnov(&some, &some).map(|test| (test.distance, test.p_value)), Some((0.0, 1.0)));
    assert_eq!([quantile(&some, -1.0), quantile(&[0.5, 0.7], 2.0)], [Some(0.5), Some(0.7)]);
}

#[test]
fn a_bootstrap_follows_from_its_seed() {
    let values = [0.1, 0.7, 0.4, 0.3];
    let of = |seed| Bootstrap { replicates: 100, seed, ..Bootstrap::default() }.mean_interval(&values);
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
}
