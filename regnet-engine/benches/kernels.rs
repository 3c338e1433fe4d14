//! How fast the kernels are: `cargo bench -p regnet-engine`, or with `-- 1x1` only the rows that contain "1x1".
//!
//! Each row is the best of several runs; throughput is what the operation needs (two operations a
//! multiply-add, every tensor moved once), not what the kernel does on top.

use std::hint::black_box;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use regnet_engine::batch_norm::{self, Activation, Apply, Backward, BatchNorm};
use regnet_engine::cells::{Gate, lstm};
use regnet_engine::conv2d::{self, Conv2d};
use regnet_engine::regulator::{self, Cell, CellConv, ConvWeights, Inputs, Saved, Step, Weights};

/// Seconds of the fastest run among those that fit a tenth of a second, at least five.
fn best(mut run: impl FnMut()) -> f64 {
    let (start, mut best) = (Instant::now(), f64::INFINITY);
    let mut runs = 0;
    while runs < 5 || start.elapsed() < Duration::from_millis(100) {
        let begin = Instant::now();
        run();
        best = best.min(begin.elapsed().as_secs_f64());
        runs += 1;
    }
    best
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i * 7919 % 1009) as f32 / 504.0 - 1.0).collect()
}

fn convolution(name: &str, op: Conv2d) {
    let (x, w, dy) = (numbers(op.input_len()), numbers(op.weight_len()), numbers(op.output_len()));
    let (mut y, mut dx, mut dw) = (dy.clone(), x.clone(), w.clone());
    let operations = 2.0 * op.multiply_adds() as f64 / 1e9;
    let forward = best(|| conv2d::forward(&op, black_box(&x), &w, None, &mut y));
    let input = best(|| conv2d::backward_input(&op, black_box(&w), &dy, &mut dx));
    let weight = best(|| conv2d::backward_weight(&op, black_box(&x), &dy, &mut dw));
    println!(
        "{name:<34} {:>8.1} {:>8.1} {:>8.1} {:>8.1} GFLOP/s",
        operations / forward,
        operations / input,
        operations / weight,
        3.0 * operations / (forward + input + weight)
    );
}

fn normalisation(name: &str, op: BatchNorm) {
    let (x, dy, residual) = (numbers(op.len()), numbers(op.len()), numbers(op.len()));
    let (gamma, beta) = (numbers(op.channels), numbers(op.channels));
    let (mut y, mut dx, mut dresidual) = (x.clone(), x.clone(), x.clone());
    let (mut dgamma, mut dbeta) = (gamma.clone(), beta.clone());
    let statistics = batch_norm::statistics(&op, &x);
    let activation = Activation::Relu;
    let gather = best(|| drop(black_box(batch_norm::statistics(&op, black_box(&x)))));
    let apply = best(|| {
        let args =
            Apply { statistics: &statistics, gamma: &gamma, beta: &beta, residual: None, activation, x: &x };
        batch_norm::apply(&op, args, black_box(&mut y));
    });
    let apply_residual = best(|| {
        let residual = Some(&residual[..]);
        let args = Apply { statistics: &statistics, gamma: &gamma, beta: &beta, residual, activation, x: &x };
        batch_norm::apply(&op, args, black_box(&mut y));
    });
    let backward = best(|| {
        let args = Backward {
            statistics: &statistics,
            gamma: &gamma,
            activation,
            x: &x,
            y: &y,
            dy: &dy,
            training: true,
        };
        let gradients = batch_norm::Gradients {
            dx: black_box(&mut dx),
            dresidual: Some(&mut dresidual),
            dgamma: &mut dgamma,
            dbeta: &mut dbeta,
        };
        batch_norm::backward(&op, args, gradients);
    });
    let gigabytes = 4.0 * op.len() as f64 / 1e9;
    println!(
        "{name:<34} {:>8.1} {:>8.1} {:>8.1} {:>8.1} GB/s",
        gigabytes / gather,
        2.0 * gigabytes / apply,
        3.0 * gigabytes / apply_residual,
        7.0 * gigabytes / backward
    );
}

/// The pointwise part of an LSTM step. Both passes run on what the last one left in the gates: all arithmetic
/// takes the same time.
fn lstm_step(name: &str, op: Gate) {
    let (mut gates, h, bias) = (numbers(4 * op.len()), numbers(4 * op.len()), numbers(4 * op.channels));
    let (state, dout) = (numbers(2 * op.len()), numbers(2 * op.len()));
    let (mut out, mut dstate, mut dbias) = (state.clone(), state.clone(), bias.clone());
    let forward = best(|| {
        let args = lstm::Forward { h: Some(&h), bias: &bias, state: Some(&state) };
        lstm::forward(&op, args, black_box(&mut gates), &mut out);
    });
    let backward = best(|| {
        let args = lstm::Backward { state: Some(&state), out: &out, dout: &dout };
        let gradients = lstm::Gradients { dstate: Some(&mut dstate), dbias: &mut dbias };
        lstm::backward(&op, args, black_box(&mut gates), gradients);
    });
    let gigabytes = 4.0 * op.len() as f64 / 1e9;
    println!("{name:<34} {:>8.1} {:>8.1} GB/s", 15.0 * gigabytes / forward, 14.0 * gigabytes / backward);
}

/// A whole step of a regulator with a state, forward and both. The backward pass uses up what the forward one saved, so
/// that it has no time of its own.
fn regulator_step(name: &str, op: Step) {
    let full = op.rows() * op.channels * 9;
    let convolutions = match op.conv {
        CellConv::Full => ConvWeights::Full { x: numbers(full), h: numbers(full) },
        CellConv::Efficient => ConvWeights::Efficient {
            x_scale: numbers(op.rows()),
            h_scale: numbers(op.rows()),
            spatial: numbers(op.rows() * 9),
        },
    };
    let weights = Weights { convolutions, bias: numbers(op.rows()) };
    let mut dweights = weights.clone();
    let read = weights.each_ref().map(|weight| &weight[..]);
    let (x, state) = (numbers(op.input_len()), numbers(op.state_len()));
    let (mut dx, mut dstate, mut out) = (x.clone(), state.clone(), state.clone());
    let inputs = Inputs { x: &x, state: Some(&state) };
    let mut saved = op.saved_lens(true).map(numbers);
    let forward = best(|| {
        let saved = Saved { gates: &mut saved.gates[..], reset: &mut saved.reset[..] };
        regulator::forward(&op, &read, inputs, black_box(saved), &mut out);
    });
    let both = best(|| {
        let into = Saved { gates: &mut saved.gates[..], reset: &mut saved.reset[..] };
        regulator::forward(&op, &read, inputs, into, &mut out);
        let convolutions = match &mut dweights.convolutions {
            ConvWeights::Full { x, h } => ConvWeights::Full { x: &mut x[..], h: &mut h[..] },
            ConvWeights::Efficient { x_scale, h_scale, spatial } => ConvWeights::Efficient {
                x_scale: &mut x_scale[..],
                h_scale: &mut h_scale[..],
                spatial: &mut spatial[..],
            },
        };
        let dweights = Weights { convolutions, bias: &mut dweights.bias[..] };
        let into = regulator::Gradients { dx: &mut dx, dstate: Some(&mut dstate), dweights };
        let saved = Saved { gates: &mut saved.gates[..], reset: &mut saved.reset[..] };
        regulator::backward(&op, &read, inputs, saved, (&out, &state), into);
    });
    println!("{name:<34} {:>8.2} {:>8.2} ms", 1e3 * forward, 1e3 * both);
}

fn conv(
    inputs: usize,
    outputs: usize,
    group_width: usize,
    kernel: usize,
    stride: usize,
    side: usize,
) -> (String, Conv2d) {
    let op = Conv2d {
        batch: 64,
        in_channels: inputs,
        out_channels: outputs,
        group_width,
        kernel,
        stride,
        height: side,
        width: side,
    };
    (format!("{kernel}x{kernel} {inputs}->{outputs} g{group_width} /{stride} at {side}x{side}"), op)
}

fn main() {
    let filter: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let wanted = |name: &str| filter.is_empty() || filter.iter().any(|part| name.contains(part.as_str()));
    println!("{} threads, batch 64, f32", rayon::current_num_threads());
    println!("{:<34} {:>8} {:>8} {:>8} {:>8}", "convolution", "forward", "dx", "dw", "all");
    let convolutions = [
        conv(3, 32, 3, 3, 1, 32),
        conv(3, 32, 3, 3, 2, 32),
        conv(24, 24, 24, 1, 1, 32),
        conv(56, 56, 56, 1, 1, 16),
        conv(64, 64, 64, 1, 1, 32),
        conv(128, 128, 128, 1, 1, 8),
        conv(152, 152, 152, 1, 1, 8),
        conv(256, 256, 256, 1, 1, 4),
        conv(368, 368, 368, 1, 1, 7),
        conv(24, 56, 24, 1, 2, 32),
        conv(128, 256, 128, 1, 2, 8),
        conv(24, 24, 8, 3, 1, 32),
        conv(64, 64, 8, 3, 1, 16),
        conv(128, 128, 8, 3, 1, 8),
        conv(256, 256, 8, 3, 1, 4),
        conv(64, 64, 16, 3, 1, 32),
        conv(64, 64, 16, 3, 1, 16),
        conv(128, 128, 16, 3, 1, 8),
        conv(256, 256, 16, 3, 1, 4),
        conv(48, 48, 24, 3, 1, 16),
        conv(64, 64, 16, 3, 2, 32),
        conv(128, 128, 16, 3, 2, 16),
        conv(256, 256, 16, 3, 2, 8),
        conv(64, 64, 1, 3, 1, 16),
        // A regulated CIFAR network's: blocks, gates and fusing convolutions of the three stages.
        conv(16, 16, 16, 3, 1, 32),
        conv(16, 64, 16, 3, 1, 32),
        conv(32, 32, 32, 3, 1, 16),
        conv(32, 128, 32, 3, 1, 16),
        conv(64, 64, 64, 3, 1, 8),
        conv(64, 256, 64, 3, 1, 8),
        conv(32, 16, 32, 1, 1, 32),
        conv(64, 32, 64, 1, 1, 16),
        conv(128, 64, 128, 1, 1, 8),
    ];
    for (name, op) in convolutions {
        if wanted(&name) {
            convolution(&name, op);
        }
    }
    let from = numbers(4 << 20);
    let mut to = from.clone();
    let copy = best(|| {
        to.par_chunks_mut(1 << 16)
            .zip(from.par_chunks(1 << 16))
            .for_each(|(to, from)| to.copy_from_slice(from))
    });
    println!("copy of 16 MiB: {:.1} GB/s", 8.0 * from.len() as f64 / 1e9 / copy);
    println!("{:<34} {:>8} {:>8} {:>8} {:>8}", "batch norm", "stats", "relu", "+resid", "backward");
    for (channels, side) in [(24, 32), (64, 16), (128, 8), (256, 4)] {
        let name = format!("batch norm {channels} at {side}x{side}");
        if wanted(&name) {
            normalisation(&name, BatchNorm { batch: 64, channels, pixels: side * side, epsilon: 1e-5 });
        }
    }
    println!("{:<34} {:>8} {:>8}", "cell", "forward", "backward");
    for (channels, side) in [(16, 32), (32, 16), (64, 8)] {
        let name = format!("lstm {channels} at {side}x{side}");
        if wanted(&name) {
            lstm_step(&name, Gate { batch: 64, channels, pixels: side * side });
        }
    }
    println!("{:<34} {:>8} {:>8}", "regulator, batch 128", "forward", "both");
    for cell in [Cell::Rnn, Cell::Gru, Cell::Lstm] {
        for conv in [CellConv::Full, CellConv::Efficient] {
            for (channels, side) in [(16, 32), (32, 16), (64, 8)] {
                let name = format!("regulator {cell} {conv} {channels} at {side}x{side}");
                let op = Step { cell, conv, batch: 128, channels, height: side, width: side, stride: 1 };
                if wanted(&name) {
                    regulator_step(&name, op);
                }
            }
        }
    }
}
