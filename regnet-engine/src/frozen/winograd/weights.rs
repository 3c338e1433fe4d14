//! Weights in the space of products.

use super::{OCTET, POINTS, panels};

/// Values of the weights of `output` channels once they are packed, each of which sees `input` channels.
pub(in crate::frozen) fn packed_len(output: usize, input: usize) -> usize {
    output * input * POINTS
}

/// Puts weights `[output][input][3][3]`, of groups of `width` output channels, into `packed` in the order
/// `[panel][point][input][output]`.
pub(in crate::frozen) fn pack(weights: &[f32], input: usize, width: usize, lanes: usize, packed: &mut [f32]) {
    let (kernels, _) = weights.as_chunks::<9>();
    let octets = width / OCTET;
    let groups = kernels.len() / (input * width);
    let panels = (0..groups).flat_map(|group| panels(group * octets..(group + 1) * octets, lanes));
    for panel in panels {
        let (first, count) = (panel.start * OCTET, panel.len() * OCTET);
        let packed = &mut packed[packed_len(first, input)..][..packed_len(count, input)];
        for lane in 0..count {
            for channel in 0..input {
                let points = points_of(&kernels[(first + lane) * input + channel]);
                for (point, value) in points.into_iter().enumerate() {
                    packed[(point * input + channel) * count + lane] = value;
                }
            }
        }
    }
}

/// G g G^T.
fn points_of(kernel: &[f32; 9]) -> [f32; POINTS] {
    let line = |[a, b, c]: [f32; 3]| [a, 0.5 * (a + c + b), 0.5 * (a + c - b), c];
    let columns: [_; 3] = std::array::from_fn(|x| line(std::array::from_fn(|y| kernel[3 * y + x])));
    let rows: [_; 4] = std::array::from_fn(|y| line(columns.map(|column| column[y])));
    std::array::from_fn(|point| rows[point / 4][point % 4])
}
