//! Fusing against the plain sum, and its gradients against finite differences.

use regnet_engine::compare::{Tolerance, assert_close};
use regnet_engine::fuse::{Fuse, Gradients, backward, forward};

use crate::common::{Generator, gradient_check};

fn fused(op: &Fuse, x: &[f64], state: &[f64], w: &[f64]) -> Vec<f64> {
    let mut y = vec![f64::NAN; op.len()];
    forward(op, x, state, w, &mut y);
    y
}

#[test]
fn the_hidden_state_lies_behind_the_features() {
    for maps in [1, 2] {
        let op = Fuse { batch: 3, channels: 5, maps, pixels: 7 };
        let mut random = Generator::new(1);
        let [x, state, w] = [op.len(), op.state_len(), op.weight_len()].map(|len| random.numbers::<f64>(len));
        let at = |image: usize, channel: usize, pixel: usize, of: usize| {
            (image * of * op.channels + channel) * op.pixels + pixel
        };
        let mut expected = vec![0.0; op.len()];
        for (image, out, pixel) in
            pairs(op.batch, op.channels).flat_map(|(i, c)| (0..op.pixels).map(move |p| (i, c, p)))
        {
            let row = &w[out * 2 * op.channels..];
            expected[at(image, out, pixel, 1)] = (0..op.channels)
                .map(|channel| {
                    row[channel] * x[at(image, channel, pixel, 1)]
                        + row[op.channels + channel] * state[at(image, channel, pixel, maps)]
                })
                .sum();
        }
        assert_close("y", &fused(&op, &x, &state, &w), &expected, Tolerance::both(1e-12));
    }
}

fn pairs(rows: usize, columns: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).flat_map(move |row| (0..columns).map(move |column| (row, column)))
}

#[test]
fn gradients_are_finite_differences() {
    for maps in [1, 2] {
        let op = Fuse { batch: 2, channels: 3, maps, pixels: 4 };
        let mut random = Generator::new(2);
        let [x, state, w, dy] =
            [op.len(), op.state_len(), op.weight_len(), op.len()].map(|len| random.numbers::<f64>(len));
        let (mut dx, mut dstate, mut dw) = (vec![0.0; x.len()], vec![0.0; state.len()], vec![0.0; w.len()]);
        let into = Gradients { dx: &mut dx, dstate: &mut dstate, dw: &mut dw };
        backward(&op, &x, &state, &w, &dy, into);
        gradient_check("dx", &x, &dy, |x| fused(&op, x, &state, &w), |d| d.copy_from_slice(&dx));
        gradient_check("dstate", &state, &dy, |s| fused(&op, &x, s, &w), |d| d.copy_from_slice(&dstate));
        gradient_check("dw", &w, &dy, |w| fused(&op, &x, &state, w), |d| d.copy_from_slice(&dw));
    }
}
