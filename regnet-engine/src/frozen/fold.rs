//! Batch norms as part of what comes before them.

use crate::batch_norm::EPSILON;

/// A batch norm in evaluation mode, a value for each channel.
#[derive(Debug, Clone)]
pub struct Norm {
    /// What the normalised value is multiplied by.
    pub scale: Vec<f32>,
    /// What is added after that.
    pub shift: Vec<f32>,
    /// The running mean.
    pub mean: Vec<f32>,
    /// The running variance.
    pub var: Vec<f32>,
}

/// `scale x + shift`, channel by channel.
#[derive(Debug, Clone)]
pub struct Affine {
    /// Factors.
    pub scale: Vec<f32>,
    /// Summands.
    pub shift: Vec<f32>,
}

impl Norm {
    /// The factor of a channel.
    fn factor(&self, channel: usize) -> f64 {
        f64::from(self.scale[channel]) / (f64::from(self.var[channel]) + EPSILON).sqrt()
    }

    /// What the norm does, as one product and one sum.
    pub fn affine(&self) -> Affine {
        let factors = (0..self.scale.len()).map(|channel| self.factor(channel));
        let shift = factors
            .clone()
            .enumerate()
            .map(|(channel, factor)| f64::from(self.shift[channel]) - f64::from(self.mean[channel]) * factor);
        Affine {
            shift: shift.map(|value| value as f32).collect(),
            scale: factors.map(|value| value as f32).collect(),
        }
    }
}

/// Makes `norm` a part of a convolution: of its weight, `[output channel][..]`, and of its bias.
pub fn fold(weight: &mut [f32], bias: &mut [f32], norm: &Norm) {
    let row = weight.len() / bias.len();
    let rows = weight.chunks_exact_mut(row).zip(bias);
    for (channel, (row, bias)) in rows.enumerate() {
        let factor = norm.factor(channel);
        row.iter_mut().for_each(|value| *value = (f64::from(*value) * factor) as f32);
        let centred = f64::from(*bias) - f64::from(norm.mean[channel]);
        *bias = (f64::from(norm.shift[channel]) + centred * factor) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two channels of two weights: y = (w x - mean) / sqrt(var + epsilon) * scale + shift.
    #[test]
    fn a_folded_convolution_does_both() {
        let weights = [1.0, -2.0, 0.5, 3.0];
        let (mut weight, mut bias) = (weights, [0.0, 0.5]);
        let norm = Norm {
            scale: vec![2.0, 0.5],
            shift: vec![1.0, -1.0],
            mean: vec![0.25, -3.0],
            var: vec![4.0, 0.0],
        };
        let before = bias;
        fold(&mut weight, &mut bias, &norm);
        let x = [1.5_f32, -0.75];
        let Affine { scale, shift } = norm.affine();
        for c in 0..2 {
            let dot = |row: &[f32]| row[0] * x[0] + row[1] * x[1];
            let sum = dot(&weights[2 * c..][..2]) + before[c];
            let deviation = (norm.var[c] + EPSILON as f32).sqrt();
            let expected = (sum - norm.mean[c]) / deviation * norm.scale[c] + norm.shift[c];
            let folded = dot(&weight[2 * c..][..2]) + bias[c];
            assert!((folded - expected).abs() <= 1e-5 * expected.abs(), "{folded} is not {expected}");
            let affine = scale[c] * sum + shift[c];
            assert!((affine - expected).abs() <= 1e-5 * expected.abs(), "{affine} is not {expected}");
        }
    }
}
