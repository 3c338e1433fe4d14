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
