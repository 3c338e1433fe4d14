//! Weights as whole numbers.

use super::numbers::{Code, Format};

/// The largest weight.
const MOST: f32 = i8::MAX as f32;

/// Brings the weights of a convolution, `[output][..]` for each of its operands, to the numbers of a format, and returns
/// what a sum of 1 is worth in each output channel.
///
/// In int8, all operands of an output channel share one scale, so that their products can be summed; the finest that the
/// largest weight allows, each being worth as much as its operand's code says. What the zeros of codes add to sums is
/// taken from `bias`. In a channel with a weight that is not finite, which no whole number stands for, sums are worth NaN.
pub(in crate::frozen) fn quantise(
    format: Format,
    operands: &mut [(Vec<f32>, Code)],
    bias: &mut [f32],
) -> Vec<f32> {
    if format == Format::Bf16 {
        return vec![1.0; bias.len()];
    }
    let outputs = bias.len();
    let channel = |(output, bias): (usize, &mut f32)| {
        let row = |weights: &[f32]| {
            let len = weights.len() / outputs;
            output * len..(output + 1) * len
        };
        if operands.iter().any(|(weights, _)| weights[row(weights)].iter().any(|weight| !weight.is_finite()))
        {
            return f32::NAN;
        }
        let most = operands.iter().map(|(weights, code)| {
            weights[row(weights)].iter().fold(0.0_f32, |most, weight| most.max(weight.abs())) / code.inverse
        });
        let most = most.fold(0.0, f32::max);
        // A channel without weights has nothing to scale.
        let scale = if most > 0.0 { most / MOST } else { 1.0 };
        for (weights, code) in operands.iter_mut() {
            let row = row(weights);
            let factor = 1.0 / (code.inverse * scale);
            weights[row.clone()].iter_mut().for_each(|weight| *weight = (*weight * factor).round_ties_even());
            *bias -= scale * code.zero * weights[row].iter().sum::<f32>();
        }
        scale
    };
    bias.iter_mut().enumerate().map(channel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_share_the_scale_of_the_largest_weight() {
        let codes = [Code { inverse: 100.0, zero: 0.0 }, Code { inverse: 50.0, zero: 128.0 }];
        // The first channel's largest weight is that of the second operand, since its code's steps are larger.
        let mut operands = [(vec![1.27, -0.5, 0.0, 0.0], codes[0]), (vec![1.27, 0.0], codes[1])];
        let mut bias = [0.0, 3.0];
        let scale = quantise(Format::Int8, &mut operands, &mut bias);
        assert!((scale[0] - 1.27 / 50.0 / 127.0).abs() < 1e-9);
        assert_eq!(scale[1], 1.0, "a channel of zeros");
        assert_eq!(operands[0].0, [64.0, -25.0, 0.0, 0.0]);
        assert_eq!(operands[1].0, [127.0, 0.0]);
        assert!((bias[0] + scale[0] * 128.0 * 127.0).abs() < 1e-4);
        assert_eq!(bias[1], 3.0);
    }

    #[test]
    fn sums_of_weights_that_are_not_finite_are_worth_nan() {
        for weight in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let code = Code { inverse: 100.0, zero: 0.0 };
            let mut operands = [(vec![0.5, 1.0, 0.25, 0.5], code), (vec![weight, 1.0], code)];
            let scale = quantise(Format::Int8, &mut operands, &mut [0.0; 2]);
            assert!(scale[0].is_nan() && scale[1].is_finite(), "{weight}: {scale:?}");
        }
    }
}
