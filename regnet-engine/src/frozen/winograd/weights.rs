//! Weights in the space of products.

use super::{Form, OCTET, filter, panels};

/// Values of the weights of `output` channels once they are packed, each of which sees `input` channels.
pub(in crate::frozen) fn packed_len(output: usize, input: usize, form: Form) -> usize {
    output * input * form.points()
}

/// Puts weights `[output][input][3][3]`, of groups of `width` output channels, into `packed` in the order
/// `[panel][point][input][output]`.
pub(in crate::frozen) fn pack(
    weights: &[f32],
    [input, width]: [usize; 2],
    form: Form,
    lanes: usize,
    packed: &mut [f32],
) {
    let (kernels, _) = weights.as_chunks::<9>();
    let octets = width / OCTET;
    let groups = kernels.len() / (input * width);
    let panels = (0..groups).flat_map(|group| panels(group * octets..(group + 1) * octets, lanes));
    for panel in panels {
        let (first, count) = (panel.start * OCTET, panel.len() * OCTET);
        let packed = &mut packed[packed_len(first, input, form)..][..packed_len(count, input, form)];
        let kernel = |lane, channel| &kernels[(first + lane) * input + channel];
        match form {
            Form::Tiles2 => put::<4>(packed, [input, count], kernel),
            Form::Strided => put::<5>(packed, [input, count], kernel),
            Form::Tiles4 => put::<6>(packed, [input, count], kernel),
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
                packed[(point * input + channel) * count + lane] = value as f32;
            }
        }
    }
}

/// G g G^T.
fn points_of<const SIDE: usize>(kernel: &[f32; 9]) -> [[f64; SIDE]; SIDE] {
    let columns: [[f64; SIDE]; 3] =
        std::array::from_fn(|x| filter::weights(std::array::from_fn(|y| f64::from(kernel[3 * y + x]))));
    std::array::from_fn(|y| filter::weights(columns.map(|column| column[y])))
}
