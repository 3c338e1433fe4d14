//! Every kernel of published models' training, through NVIDIA's compiler: needs CUDA's libraries, but neither GPU nor driver.
//!
//! ```sh
//! source TOOLKIT/environment    # of `cuda-toolkit/assemble TOOLKIT`
//! cargo test -p regnet-core --features cuda --lib cuda::compiled -- --nocapture
//! ```
//!
//! With `KERNELS=FOLDER` each program's PTX is left there, for `ptxas -v` to say what registers it takes.
#![allow(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Mutex;

use cudarc::nvrtc::{CompileOptions, compile_ptx_with_opts};
use regnet_engine::batch_norm::{Activation, BatchNorm};
use regnet_engine::cells::Gate;
use regnet_engine::conv2d::Conv2d;
use regnet_engine::cross_entropy::CrossEntropy;
use regnet_engine::max_pool::MaxPool;
use regnet_engine::squeeze_excite::SqueezeExcite;
use regnet_space::{Conv, Op, Preset};

use super::ops;
use super::queue::{Argument, Element, Grid, Kernel, Product, Queue};
use super::view::{View, ViewMut};

/// Multiprocessors of an H100.
const MULTIPROCESSORS: usize = 132;

const BATCH: usize = 64;

/// A device that remembers what it was asked to launch, and launches nothing.
#[derive(Default)]
struct Recorder(Mutex<Vec<Kernel>>);

/// Elements that no one reads.
fn view<'a, E>(len: usize) -> View<'a, E> {
    // SAFETY: the recorder launches nothing.
    unsafe { View::new(0, len) }
}

fn view_mut<'a, E>(len: usize) -> ViewMut<'a, E> {
    // SAFETY: the recorder launches nothing.
    unsafe { ViewMut::new(0, len) }
}

impl Queue for Recorder {
    type Error = Infallible;
    type Memory<E: Copy + 'static> = usize;

    fn multiprocessors(&self) -> usize {
        MULTIPROCESSORS
    }

    fn memory<E: Copy + 'static>(&self, len: usize) -> Result<usize, Infallible> {
        Ok(len)
    }

    fn upload(&self, numbers: &[u64]) -> Result<usize, Infallible> {
        Ok(numbers.len())
    }

    fn elements<'a, E: Copy + 'static>(&self, memory: &'a mut usize) -> ViewMut<'a, E> {
        view_mut(*memory)
    }

    fn clear<E: Element>(&self, _: &mut usize) -> Result<(), Infallible> {
        Ok(())
    }

    unsafe fn launch(&self, kernel: &Kernel, grid: Grid, _: &[Argument]) -> Result<(), Infallible> {
        // CUDA's limits on a grid.
        assert!(
            grid.blocks[0] < 1 << 31 && grid.blocks[1..].iter().all(|&count| count < 1 << 16),
            "{kernel:?} {grid:?}"
        );
        assert!(grid.threads <= 1024 && grid.threads.is_multiple_of(32), "{kernel:?} {grid:?}");
        self.0.lock().expect("no test failed with it").push(kernel.clone());
        Ok(())
    }

    unsafe fn multiply<E: Element>(
        &self,
        _: &Product,
        _: View<'_, E>,
        _: View<'_, E>,
        _: ViewMut<'_, E>,
    ) -> Result<(), Infallible> {
        Ok(())
    }
}

fn conv(queue: &Recorder, conv: &Conv, height: usize, width: usize) -> Result<(), Infallible> {
    convolution(
        queue,
        Conv2d {
            batch: BATCH,
            in_channels: conv.input,
            out_channels: conv.output,
            group_width: conv.group_width,
            kernel: conv.kernel,
            stride: conv.stride,
            height,
            width,
        },
    )
}

fn convolution(queue: &Recorder, sizes: Conv2d) -> Result<(), Infallible> {
    let op = sizes.into();
    let (x, w, y) = (sizes.input_len(), sizes.weight_len(), sizes.output_len());
    ops::conv2d::forward::<f32, _>(queue, &op, view(x), view(w), view_mut(y), false)?;
    ops::conv2d::backward_input::<f32, _>(queue, &op, view(w), view(y), view_mut(x))?;
    ops::conv2d::backward_weight::<f32, _>(queue, &op, view(x), view(y), view_mut(w))
}

fn norm(queue: &Recorder, channels: usize, pixels: usize) -> Result<(), Infallible> {
    let op = BatchNorm { batch: BATCH, channels, pixels, epsilon: 1e-5 };
    let into = ops::batch_norm::Statistics {
        mean: view_mut(channels),
        variance: view_mut(channels),
        inv_std: view_mut(channels),
    };
    ops::batch_norm::statistics::<f32, _>(queue, &op, view(op.len()), into)?;
    let inputs = ops::batch_norm::Inputs {
        x: view(op.len()),
        mean: view(channels),
        inv_std: view(channels),
        gamma: view(channels),
        activation: Activation::Relu,
    };
    ops::batch_norm::apply::<f32, _>(queue, &op, inputs, view(channels), None, view_mut(op.len()))?;
    let outputs = ops::batch_norm::Outputs { y: view(op.len()), dy: view(op.len()), training: true };
    let into = ops::batch_norm::Gradients {
        dx: view_mut(op.len()),
        dresidual: None,
        dgamma: view_mut(channels),
        dbeta: view_mut(channels),
    };
    ops::batch_norm::backward(queue, &op, inputs, outputs, into)
}

fn gates(queue: &Recorder, channels: usize, hidden: usize, pixels: usize) -> Result<(), Infallible> {
    use ops::squeeze_excite::{Excitation, Weights};
    let op = SqueezeExcite { batch: BATCH, channels, hidden, pixels };
    let (planes, units, weights) = (BATCH * channels, BATCH * hidden, channels * hidden);
    let of_weights = Weights { w1: view(weights), b1: view(hidden), w2: view(weights), b2: view(channels) };
    let into = Excitation { pooled: view_mut(planes), hidden: view_mut(units), gate: view_mut(planes) };
    let (x, y) = (view(op.len()), view_mut(op.len()));
    ops::squeeze_excite::forward::<f32, _>(queue, &op, &of_weights, x, y, into)?;
    let saved = Excitation { pooled: view(planes), hidden: view(units), gate: view(planes) };
    let dweights = Weights {
        w1: view_mut(weights),
        b1: view_mut(hidden),
        w2: view_mut(weights),
        b2: view_mut(channels),
    };
    let into = (view_mut(op.len()), dweights);
    ops::squeeze_excite::backward(queue, &op, &of_weights, &saved, (x, view(op.len())), into)
}

/// What no published model of pycls's has, or each has once.
fn rest(queue: &Recorder) -> Result<(), Infallible> {
    for stride in [1, 2] {
        let channels = 64;
        let (in_channels, out_channels) = (channels, channels);
        let (height, width) = (56, 56);
        convolution(
            queue,
            Conv2d {
                batch: BATCH,
                in_channels,
                out_channels,
                group_width: 1,
                kernel: 3,
                stride,
                height,
                width,
            },
        )?;
    }
    let op =
        MaxPool { batch: BATCH, channels: 64, height: 112, width: 112, kernel: 3, stride: 2, padding: 1 };
    let (x, y) = (op.input_len(), op.output_len());
    ops::max_pool::forward::<f32, _>(queue, &op, view(x), view_mut(y), view_mut(y))?;
    ops::max_pool::backward::<f32, _>(queue, &op, view(y), view(y), view_mut(x))?;
    let op = CrossEntropy { batch: BATCH, classes: 1000, smoothing: 0.1 };
    let len = op.logits_len();
    ops::cross_entropy::forward::<f32, _>(queue, &op, view(len), view(BATCH), view_mut(1))?;
    ops::cross_entropy::backward::<f32, _>(queue, &op, view(len), view(BATCH), view(1), view_mut(len))?;
    ops::cross_entropy::score::<f32, _>(queue, &op, (view(len), view(BATCH), view(1)), view_mut(2))?;
    ops::relu::forward::<f32, _>(queue, view(len), view_mut(len))?;
    ops::relu::backward::<f32, _>(queue, view(len), view(len), view_mut(len))?;
    let rule = ops::sgd::Rule { rate: 0.1, momentum: 0.9, nesterov: true, decay: 1e-4 };
    let (parameter, gradient, velocity) = (view_mut(len), view_mut(len), view_mut(len));
    let mut tensors = [ops::sgd::Trained { parameter, gradient, velocity, decays: true }];
    ops::sgd::step::<f32, _>(queue, &rule, &mut tensors, &mut ops::sgd::Table::default())?;
    let op = Gate { batch: BATCH, channels: 16, pixels: 1024 };
    let (map, two) = (op.len(), 2 * op.len());
    ops::cells::rnn::forward::<f32, _>(queue, &op, view(16), view_mut(map))?;
    ops::cells::rnn::backward::<f32, _>(queue, &op, (view(map), view(map)), view_mut(map))?;
    ops::cells::gru::reset::<f32, _>(queue, &op, view(48), view(map), view_mut(3 * map), view_mut(map))?;
    ops::cells::gru::blend::<f32, _>(queue, &op, view(48), None, view_mut(3 * map), view_mut(map))?;
    ops::cells::lstm::forward::<f32, _>(queue, &op, view(64), None, view_mut(4 * map), view_mut(two))?;
    ops::cells::lstm::backward::<f32, _>(queue, &op, None, (view(two), view(two)), view_mut(4 * map), None)
}

/// All kernels of a training step of `model` at 224 x 224.
fn record(queue: &Recorder, model: &str) -> Result<(), Infallible> {
    let spec = Preset::find(model).expect("a preset").declaration().to_anynet().expect("is valid");
    let graph = spec.graph(224, 224).expect("fits");
    for node in graph.nodes() {
        let from = node.inputs.first().map(|&index| graph.nodes()[index].shape);
        match (node.op, from) {
            (Op::Conv(of), Some(from)) if node.name.ends_with("f_ex.0") => {
                let whole = &graph.nodes()[graph.nodes()[node.inputs[0]].inputs[0]].shape;
                gates(queue, from.c, of.output, whole.h * whole.w)?;
            }
            (Op::Conv(of), Some(from)) if !of.bias => conv(queue, &of, from.h, from.w)?,
            (Op::BatchNorm { channels }, _) => norm(queue, channels, node.shape.h * node.shape.w)?,
            _ => {}
        }
    }
    Ok(())
}

#[test]
fn kernels_of_published_models_compile() {
    let queue = Recorder::default();
    let Ok(()) = rest(&queue);
    for model in ["RegNetX-200MF", "RegNetY-400MF", "RegNetX-600MF", "RegNetX-3.2GF"] {
        let Ok(()) = record(&queue, model);
    }
    let folder = std::env::var_os("KERNELS").map(PathBuf::from);
    let mut programs = BTreeMap::<String, BTreeSet<&str>>::new();
    for kernel in queue.0.into_inner().expect("no test failed with it") {
        programs.entry(kernel.text()).or_default().insert(kernel.name);
    }
    for (number, (text, names)) in programs.iter().enumerate() {
        let options = CompileOptions { arch: Some("compute_90"), ..CompileOptions::default() };
        let program =
            compile_ptx_with_opts(text, options).unwrap_or_else(|error| panic!("{names:?}: {error}"));
        let program = program.to_src();
        for name in names {
            assert!(program.contains(&format!(".entry {name}(")), "{name} is not in its program");
        }
        if let Some(folder) = &folder {
            let constants: String = text
                .lines()
                .take_while(|line| line.starts_with("#define"))
                .map(|line| format!("// {line}\n"))
                .collect();
            let file = folder.join(format!("{number:03}.ptx"));
            std::fs::write(file, constants + &program).expect("the folder can be written to");
        }
    }
    println!(
        "{} programs of {} kernels",
        programs.len(),
        programs.values().map(BTreeSet::len).sum::<usize>()
    );
    assert!(programs.len() > 50, "{programs:?}");
}
