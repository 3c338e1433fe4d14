//! Reading the reference files, and comparing with them.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::formula;

/// One case of a reference file: its configuration, and what PyTorch computed.
pub struct Case(Value);

/// The cases of `tests/reference/NAME.json`.
pub fn cases(name: &str) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/reference/{name}.json"));
    let file = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let Value::Array(cases) = serde_json::from_str(&file).unwrap() else { panic!("{name} is not a list") };
    assert!(!cases.is_empty());
    cases.into_iter().map(Case).collect()
}

impl Case {
    pub fn name(&self) -> &str {
        self.str("name")
    }

    pub fn str(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or_else(|| panic!("{key} of {:?}", self.0["name"]))
    }

    pub fn number(&self, key: &str) -> f64 {
        self.0[key].as_f64().unwrap_or_else(|| panic!("{key} of {:?}", self.0["name"]))
    }

    pub fn size(&self, key: &str) -> usize {
        self.number(key) as usize
    }

    pub fn sizes(&self, key: &str) -> Vec<usize> {
        self.0[key].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect()
    }

    pub fn flag(&self, key: &str) -> bool {
        self.0[key].as_bool().unwrap()
    }

    pub fn trains(&self) -> bool {
        self.str("mode") == "train"
    }

    /// Compares everything computed with everything expected: the same names, values within `tolerance`.
    pub fn compare(&self, computed: &BTreeMap<String, Vec<f64>>, tolerance: f64) {
        let expected = self.0["tensors"].as_object().unwrap();
        let names: Vec<_> = expected.keys().cloned().collect();
        let found: Vec<_> = computed.keys().cloned().collect();
        let (mut sorted, case) = (names.clone(), self.name());
        sorted.sort();
        assert_eq!(sorted, found, "names of {case}");
        for name in names {
            compare(&format!("{case}: {name}"), &computed[&name], &expected[&name], tolerance);
        }
    }
}

/// Errors are measured on the scale of the tensor; `!(.. <= ..)` so that NaN fails.
fn compare(what: &str, found: &[f64], expected: &Value, tolerance: f64) {
    let len: u64 = expected["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap()).product();
    assert_eq!(found.len() as u64, len, "elements of {what}");
    let numbers = |key: &str| -> Option<Vec<f64>> {
        Some(expected[key].as_array()?.iter().map(|v| v.as_f64().unwrap()).collect())
    };
    let norm = found.iter().map(|v| v * v).sum::<f64>().sqrt();
    let rms = norm / (len as f64).sqrt();
    let near = |label: &str, found: f64, expected: f64, scale: f64| {
        let difference = (found - expected).abs();
        assert!(difference <= tolerance * scale, "{what}, {label}: {found} instead of {expected}");
    };
    for key in ["values", "head"] {
        for (i, value) in numbers(key).into_iter().flatten().enumerate() {
            near(&format!("element {i}"), found[i], value, value.abs().max(rms));
        }
    }
    if let Some(dots) = numbers("dots") {
        let expected_norm = expected["norm"].as_f64().unwrap();
        near("norm", norm, expected_norm, expected_norm);
        for (i, dot) in dots.into_iter().enumerate() {
            let direction = formula::values(&format!("dot{i}"), &[found.len()]);
            let found: f64 = direction.iter().zip(found).map(|(d, v)| d * v).sum();
            near(&format!("dot {i}"), found, dot, expected_norm);
        }
    }
}

#[test]
#[should_panic(expected = "element 1")]
fn a_wrong_element_is_noticed() {
    compare("x", &[1.0, 2.001], &serde_json::json!({"shape": [2], "values": [1.0, 2.0]}), 1e-4);
}

#[test]
#[should_panic(expected = "element 0")]
fn nan_is_noticed() {
    compare("x", &[f64::NAN, 2.0], &serde_json::json!({"shape": [2], "values": [1.0, 2.0]}), 1e-4);
}
