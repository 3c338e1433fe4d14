//! Batch norms as part of the convolutions before them.

use super::tensors::Tensor;
use crate::layers::batch_norm2d::EPSILON;

/// The tensors of a batch norm.
pub(super) struct Norm {
    pub scale: Tensor,
    pub shift: Tensor,
    pub mean: Tensor,
    pub var: Tensor,
}

/// Scales the rows of a convolution's weight, one for each channel that comes out, as `norm` would scale the channels;
/// returns the bias that does the rest.
pub(super) fn fold(weight: &mut Tensor, norm: &Norm) -> Tensor {
    let channels = norm.scale.values.len();
    let row = weight.values.len() / channels;
    let mut bias = Vec::with_capacity(channels);
    for (c, row) in weight.values.chunks_exact_mut(row).enumerate() {
        let of = |tensor: &Tensor| f64::from(tensor.values[c]);
        let factor = of(&norm.scale) / (of(&norm.var) + EPSILON).sqrt();
        row.iter_mut().for_each(|value| *value = (f64::from(*value) * factor) as f32);
        bias.push((of(&norm.shift) - of(&norm.mean) * factor) as f32);
    }
    Tensor { dims: vec![channels], values: bias }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(values: &[f32]) -> Tensor {
        Tensor { dims: vec![values.len()], values: values.to_vec() }
    }

    /// Two channels of two weights: y = (w x - mean) / sqrt(var + epsilon) * scale + shift.
    #[test]
    fn a_folded_convolution_does_both() {
        let weights = [1.0, -2.0, 0.5, 3.0];
        let mut weight = Tensor { dims: vec![2, 2, 1, 1], values: weights.to_vec() };
        let norm = Norm {
            scale: tensor(&[2.0, 0.5]),
            shift: tensor(&[1.0, -1.0]),
            mean: tensor(&[0.25, -3.0]),
            var: tensor(&[4.0, 0.0]),
        };
        let bias = fold(&mut weight, &norm);
        let x = [1.5_f32, -0.75];
        for c in 0..2 {
            let dot = |row: &[f32]| row[0] * x[0] + row[1] * x[1];
            let of = |tensor: &Tensor| tensor.values[c];
            let before = dot(&weights[2 * c..][..2]);
            let deviation = (of(&norm.var) + EPSILON as f32).sqrt();
            let expected = (before - of(&norm.mean)) / deviation * of(&norm.scale) + of(&norm.shift);
            let folded = dot(&weight.values[2 * c..][..2]) + of(&bias);
            assert!((folded - expected).abs() <= 1e-5 * expected.abs(), "{folded} is not {expected}");
        }
    }
}
