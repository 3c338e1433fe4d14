//! Weights in the space of products.

use super::{OCTET, filter, panels};

/// Values of the weights of `output` channels once they are packed, each of which sees `input` channels.
pub(in crate::frozen) fn packed_len(output: usize, input: usize, stride: usize) -> usize {
    output * input * filter::side(stride).pow(2)
}

/// Puts weights `[output][input][3][3]`, of groups of `width` output channels, into `packed` in the order
/// `[panel][point][input][output]`.
pub(in crate::frozen) fn pack(
    weights: &[f32],
    [input, width]: [usize; 2],
    stride: usize,
    lanes: usize,
    packed: &mut [f32],
) {
    let (kernels, _) = weights.as_chunks::<9>();
    let octets = width / OCTET;
    let groups = kernels.len() / (input * width);
    let panels = (0..groups).flat_map(|group| panels(group * octets..(group + 1) * octets, lanes));
    for panel in panels {
        let (first, count) = (panel.start * OCTET, panel.len() * OCTET);
        let packed = &mut packed[packed_len(first, input, stride)..][..packed_len(count, input, stride)];
        let kernel = |lane, channel| &kernels[(first + lane) * input + channel];
        match stride {
            1 => put::<4>(packed, [input, count], kernel),
            _ => put::<5>(packed, [input, count], kernel),
        }
    }
}

fn put<'a, const SIDE: usize>(
    packed: &mut [f32],
    [input, count]: [usize; 2],
    kernel: impl Fn(usize, usize) -> &'a [f32; 9],
) {
    for lane in 0..count {
        for channel in 0..input {
            let points = points_of::<SIDE>(kernel(lane, channel));
            for (point, value) in points.into_iter().flatten().enumerate() {
                packed[(point * input + channel) * count + lane] = value;
            }
        }
    }
}

/// G g G^T.
fn points_of<const SIDE: usize>(kernel: &[f32; 9]) -> [[f32; SIDE]; SIDE] {
    let columns: [[f32; SIDE]; 3] =
        std::array::from_fn(|x| filter::weights(std::array::from_fn(|y| kernel[3 * y + x])));
    std::array::from_fn(|y| filter::weights(columns.map(|column| column[y])))
}
