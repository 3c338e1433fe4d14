use proptest::prelude::*;
use regnet_engine::relu::{self, reference};

use crate::common::{Generator, gradient_check};

proptest! {
    #[test]
    fn agrees_with_the_reference(count in 0_usize..40_000, seed: u64) {
        let mut random = Generator::new(seed);
        let (x, dy, start): (Vec<f32>, _, _) =
            (random.numbers(count), random.numbers(count), random.numbers(count));
        let (mut fast, mut plain) = (vec![f32::NAN; count], vec![f32::NAN; count]);
        relu::forward(&x, &mut fast);
        reference::forward(&x, &mut plain);
        prop_assert_eq!(&fast, &plain);
        let (mut fast_dx, mut plain_dx): (Vec<f32>, Vec<f32>) = (start.clone(), start);
        relu::backward(&fast, &dy, &mut fast_dx);
        reference::backward(&plain, &dy, &mut plain_dx);
        prop_assert_eq!(fast_dx, plain_dx);
    }
}

#[test]
fn reference_gradient_is_a_finite_difference() {
    let mut random = Generator::new(1);
    let (x, dy) = (random.numbers(50), random.numbers(50));
    let forward = |x: &[f64]| {
        let mut y = vec![0.0; x.len()];
        reference::forward(x, &mut y);
        y
    };
    let y = forward(&x);
    gradient_check("dx", &x, &dy, forward, |dx| reference::backward(&y, &dy, dx));
}
