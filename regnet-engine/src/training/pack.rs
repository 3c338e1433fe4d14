//! Weights in the order in which kernels read them, packed anew at each step.

use super::exec::{Context, Step};
use super::spatial::{Channels, Cluster, TAPS};
use crate::frozen::dense::{Panel, panels};
use crate::frozen::shared::Shared;

/// Packs all weights of a network.
#[derive(Debug)]
pub(super) struct Pack {
    pub jobs: Vec<Job>,
    pub lanes: usize,
}

/// Packs the weights of a layer. Padding stays zero: nothing else is ever written to the buffer.
#[derive(Debug)]
pub(super) struct Job {
    /// The parameter's number.
    pub parameter: usize,
    pub buffer: usize,
    pub form: Form,
}

/// How weights `[output][input of a group][tap]` are packed.
#[derive(Debug)]
pub(super) enum Form {
    /// Values as they come.
    Bias,
    /// Of a product or convolution in which every output channel sees every input channel.
    Dense {
        /// Outputs and inputs of the weights as they are given.
        channels: [usize; 2],
        taps: usize,
        stride: usize,
        /// Whether outputs become inputs, and windows are rotated by half a turn.
        transposed: bool,
    },
    /// Of a 3x3 convolution in groups.
    Grouped { channels: Channels, group_width: usize, transposed: bool },
}

impl Step for Pack {
    fn name(&self) -> String {
        "pack weights".to_owned()
    }

    fn buffers(&self) -> Vec<usize> {
        self.jobs.iter().map(|job| job.buffer).collect()
    }

    fn tasks(&self) -> usize {
        self.jobs.len()
    }

    fn run(&self, context: &Context<'_>, task: usize, _: &Shared<'_>) {
        let Job { parameter, buffer, form } = &self.jobs[task];
        let weights = context.parameters[*parameter];
        let lanes = self.lanes;
        match form {
            Form::Bias => context.write(*buffer, 0..weights.len()).copy_from_slice(weights),
            Form::Dense { channels, taps, stride, transposed } => {
                let [outputs, inputs] = if *transposed { [channels[1], channels[0]] } else { *channels };
                let packed = context.write(*buffer, 0..dense_len([outputs, inputs], *taps, lanes));
                let row = channels[1];
                if *transposed {
                    let weight = |output, input, tap| weights[(input * row + output) * taps + taps - 1 - tap];
                    pack_dense([outputs, inputs, *taps], *stride, lanes, packed, weight);
                } else {
                    let weight = |output, input, tap| weights[(output * row + input) * taps + tap];
                    pack_dense([outputs, inputs, *taps], *stride, lanes, packed, weight);
                }
            }
            Form::Grouped { channels: Channels::Grouped(clusters), group_width, transposed } => {
                for cluster in clusters {
                    let Cluster { sources, weights: start, .. } = cluster;
                    let packed = context.write(*buffer, *start..start + sources.packed_len(lanes));
                    pack_grouped(cluster, *group_width, *transposed, lanes, weights, packed);
                }
            }
            Form::Grouped { channels: Channels::Dense, .. } => {
                unreachable!("dense weights are packed as such")
            }
        }
    }
}

/// Floats of packed dense weights.
pub(super) fn dense_len([output, input]: [usize; 2], taps: usize, lanes: usize) -> usize {
    output.next_multiple_of(lanes) * input * taps
}

/// The order `[panel][tap][input][block][lane]`.
fn pack_dense(
    [outputs, inputs, taps]: [usize; 3],
    stride: usize,
    lanes: usize,
    packed: &mut [f32],
    weight: impl Fn(usize, usize, usize) -> f32,
) {
    let mut places = packed.chunks_exact_mut(lanes);
    for Panel { first, blocks } in panels(outputs.div_ceil(lanes), stride) {
        for tap in 0..taps {
            for input in 0..inputs {
                for block in first..first + blocks {
                    let place = places.next().expect("a place for every block of every channel");
                    let channels = block * lanes..outputs.min((block + 1) * lanes);
                    for (value, output) in place.iter_mut().zip(channels) {
                        *value = weight(output, input, tap);
                    }
                }
            }
        }
    }
}

/// The order of [`Sources`](crate::frozen::grouped::Sources).
fn pack_grouped(
    cluster: &Cluster,
    group_width: usize,
    transposed: bool,
    lanes: usize,
    weights: &[f32],
    packed: &mut [f32],
) {
    let first = cluster.first * lanes;
    for channel in 0..cluster.channels {
        for within in 0..group_width {
            let at = cluster.sources.position(channel, within, lanes);
            // Of the transposed convolution this channel is an input, and the other one of its group an output.
            let group = (first + channel) / group_width * group_width;
            let row = match transposed {
                false => (first + channel) * group_width + within,
                true => (group + within) * group_width + (first + channel - group),
            };
            let from = &weights[row * TAPS..][..TAPS];
            for tap in 0..TAPS {
                let value = if transposed { from[TAPS - 1 - tap] } else { from[tap] };
                packed[(at + tap) * lanes + channel % lanes] = value;
            }
        }
    }
}
