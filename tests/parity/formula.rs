//! The formula that weights, inputs and dot products are made by; `tests/reference/README.md` defines it.

/// Value `i` of the tensor called `name`, uniform in [-1, 1).
fn uniform(hash: u64, i: usize) -> f64 {
    let mut z = hash.wrapping_add(i as u64).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    (z >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

fn fnv1a(name: &str) -> u64 {
    name.bytes()
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

/// All values of the tensor called `name`, of the given shape.
pub fn values(name: &str, shape: &[usize]) -> Vec<f64> {
    let (offset, scale) = range(name, shape);
    let hash = fnv1a(name);
    (0..shape.iter().product()).map(|i| offset + scale * uniform(hash, i)).collect()
}

fn range(name: &str, shape: &[usize]) -> (f64, f64) {
    let fan_in = || shape[1..].iter().product::<usize>() as f64;
    match name.rsplit('.').next().unwrap() {
        "input" => (0.0, 1.5),
        "running_mean" => (0.0, 0.3),
        "running_var" => (1.0, 0.4),
        "bias" => (0.0, 0.2),
        "weight" if shape.len() == 1 => (1.0, 0.3),
        "weight" => (0.0, (6.0 / fan_in()).sqrt()),
        _ => (0.0, 1.0),
    }
}

#[test]
fn the_formula_is_the_scripts() {
    assert_eq!(values("input", &[2, 16, 13, 11])[0], -1.2065449720273853);
    assert_eq!(values("stem.conv.weight", &[16, 3, 3, 3])[5], -0.014407661041565214);
    assert_eq!(values("s1.b1.f.a_bn.running_var", &[16])[3], 1.0097206018479168);
    assert_eq!(values("head.fc.bias", &[10])[9], -0.012234120344141309);
}
