//! Every op's gradient against central differences of its own forward pass, in f64.

use std::collections::BTreeMap;
use std::convert::Infallible;

use dfdx::prelude::*;
use regnet::builders::{
    self, BasicBlock, BasicNext, Bottleneck, Identity, NoExcite, Pair, Projection, ResBlock,
};
use regnet::layers::{MaxPool, Relu};
use regnet::{Run, cross_entropy, state};

use crate::formula;
use crate::run::{Dev, doubles, set_by_formula, tensor};

type Images = Tensor<(usize, usize, usize, usize), f64, Dev>;

/// Half the distance between the two evaluations, and the error allowed for it.
const STEP: f64 = 1e-6;
const TOLERANCE: f64 = 1e-7;

/// How a module is evaluated.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Mode {
    BatchStatistics,
    RunningStatistics,
}

/// `sum(module(x) * loss)`, on a tape where `x` has one.
fn loss<M: Run<f64, Dev>, T: Tape<f64, Dev>>(
    module: &mut M,
    x: Tensor<(usize, usize, usize, usize), f64, Dev, T>,
    mode: Mode,
) -> Tensor<Rank0, f64, Dev, T> {
    let y = match mode {
        Mode::BatchStatistics => module.try_run_mut(x).unwrap(),
        Mode::RunningStatistics => module.try_run(x).unwrap(),
    };
    let weights: Tensor<M::Out, f64, Dev> = tensor(&Dev::default(), "loss", *y.shape());
    (y * weights).sum()
}

fn check<M>(what: &str, mut module: M, shape: (usize, usize, usize, usize), mode: Mode)
where
    M: Run<f64, Dev> + TensorCollection<f64, Dev, To<f64, Dev> = M> + Clone,
{
    set_by_formula(&mut module);
    let x: Images = tensor(&Dev::default(), "input", shape);
    let gradients = loss(&mut module.clone(), x.leaky_trace(), mode).backward();

    let along_input = |direction: &[f64], step: f64| {
        let mut moved = x.clone();
        moved.copy_from(&step_along(&doubles(&x), direction, step));
        loss(&mut module.clone(), moved, mode).array()
    };
    compare(what, "input", &doubles(&gradients.get(&x)), along_input);

    let mut parameters = Parameters { gradients: &gradients, found: BTreeMap::new() };
    M::iter_tensors(&mut RecursiveWalker { m: (&module, String::new()), f: &mut parameters }).unwrap();
    for (name, gradient) in parameters.found {
        let along_parameter = |direction: &[f64], step: f64| {
            let mut moved = module.clone();
            state::write(&mut moved, |entry| {
                (entry.name == name).then(|| step_along(&entry.values, direction, step))
            });
            loss(&mut moved, x.clone(), mode).array()
        };
        compare(what, &name, &gradient, along_parameter);
    }
}

fn step_along(from: &[f64], direction: &[f64], step: f64) -> Vec<f64> {
    from.iter().zip(direction).map(|(v, d)| v + step * d).collect()
}

/// Three directions, each the derivative of `along` at 0 against the gradient's projection.
fn compare(what: &str, name: &str, gradient: &[f64], along: impl Fn(&[f64], f64) -> f64) {
    let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    for i in 0..3 {
        let direction = formula::values(&format!("dot{i}"), &[gradient.len()]);
        let expected = (along(&direction, STEP) - along(&direction, -STEP)) / (2.0 * STEP);
        let found: f64 = direction.iter().zip(gradient).map(|(d, g)| d * g).sum();
        let difference = (found - expected).abs();
        assert!(difference <= TOLERANCE * (norm + 1.0), "{what}, {name}: {found} instead of {expected}");
    }
}

struct Parameters<'a> {
    gradients: &'a Gradients<f64, Dev>,
    found: BTreeMap<String, Vec<f64>>,
}

impl TensorVisitor<f64, Dev> for Parameters<'_> {
    type Viewer = (ViewTensorRef, ViewTensorName);
    type Err = Infallible;
    type E2 = f64;
    type D2 = Dev;

    fn visit<S: Shape>(
        &mut self,
        options: TensorOptions<S, f64, Dev>,
        (t, name): (&Tensor<S, f64, Dev>, String),
    ) -> Result<Option<Tensor<S, f64, Dev>>, Infallible> {
        if options.do_gradient_update {
            self.found.insert(name, doubles(&self.gradients.get(t)));
        }
        Ok(None)
    }
}

fn built<M: BuildOnDevice<Dev, f64>>() -> M::Built {
    Dev::default().build_module::<M, f64>()
}

#[test]
fn convolutions() {
    let mode = Mode::RunningStatistics;
    check("1x1", built::<builders::Conv2d<6, 4, 6, 1, 1>>(), (2, 6, 5, 3), mode);
    check("1x1 stride 2", built::<builders::Conv2d<6, 4, 6, 1, 2>>(), (2, 6, 5, 4), mode);
    check("3x3", built::<builders::Conv2d<3, 5, 3, 3, 1>>(), (1, 3, 4, 7), mode);
    check("3x3 groups, stride 2", built::<builders::Conv2d<6, 6, 2, 3, 2>>(), (3, 6, 7, 6), mode);
    check("depthwise", built::<builders::Conv2d<4, 4, 1, 3, 1>>(), (2, 4, 5, 5), mode);
    check("7x7 stride 2", built::<builders::Conv2d<3, 4, 3, 7, 2>>(), (1, 3, 9, 10), mode);
}

#[test]
fn batch_norm() {
    for mode in [Mode::BatchStatistics, Mode::RunningStatistics] {
        check(&format!("{mode:?}"), built::<builders::BatchNorm2d<5>>(), (3, 5, 4, 3), mode);
    }
}

#[test]
fn squeeze_and_excitation() {
    let mode = Mode::RunningStatistics;
    check("squeeze-excite", built::<builders::SqueezeExcite<6, 3>>(), (2, 6, 4, 3), mode);
}

#[test]
fn relu_and_max_pool() {
    // The formula's values lie further apart than the step, so no kink is crossed.
    check("relu", Relu, (2, 3, 5, 4), Mode::RunningStatistics);
    check("max pool", MaxPool, (2, 3, 7, 6), Mode::RunningStatistics);
}

#[test]
fn head() {
    check("head", built::<builders::Head<6, 4>>(), (3, 6, 5, 4), Mode::RunningStatistics);
}

type Plain = ResBlock<Identity, Bottleneck<8, 8, 8, 4, 1, NoExcite>>;
type Strided = ResBlock<Projection<8, 12, 2>, Bottleneck<8, 6, 12, 3, 2, builders::SqueezeExcite<6, 2>>>;

/// The norm with residual and ReLU runs inside blocks only.
#[test]
fn blocks() {
    for mode in [Mode::BatchStatistics, Mode::RunningStatistics] {
        check(&format!("identity, {mode:?}"), built::<Plain>(), (2, 8, 5, 4), mode);
        check(&format!("projection, {mode:?}"), built::<Strided>(), (2, 8, 5, 4), mode);
        check(&format!("basic, {mode:?}"), built::<BasicNext<6>>(), (2, 6, 5, 4), mode);
        check(&format!("basic, strided, {mode:?}"), built::<BasicBlock<6, 8, 2>>(), (2, 6, 5, 4), mode);
        check(&format!("vanilla, {mode:?}"), built::<Pair<6, 6, 1, NoExcite>>(), (2, 6, 5, 4), mode);
        check(&format!("vanilla, strided, {mode:?}"), built::<Pair<6, 8, 2, NoExcite>>(), (2, 6, 5, 4), mode);
    }
}

#[test]
fn stems() {
    let mode = Mode::BatchStatistics;
    check("simple", built::<builders::SimpleStem<3, 4>>(), (2, 3, 7, 6), mode);
    check("resnet", built::<builders::ResNetStem<3, 4>>(), (2, 3, 11, 10), mode);
    check("cifar", built::<builders::CifarStem<3, 4>>(), (2, 3, 5, 6), mode);
}

#[test]
fn smoothed_cross_entropy() {
    let dev = Dev::default();
    let logits = tensor::<_, f64>(&dev, "logits", (4usize, 5usize));
    let labels = dev.tensor((vec![0usize, 3, 4, 3], (4usize,)));
    let loss =
        |logits: Tensor<(usize, usize), f64, Dev>| cross_entropy(logits, &labels, 0.1).unwrap().array();
    let gradient = cross_entropy(logits.leaky_trace(), &labels, 0.1).unwrap().backward().get(&logits);
    compare("cross-entropy", "logits", &doubles(&gradient), |direction, step| {
        let mut moved = logits.clone();
        moved.copy_from(&step_along(&doubles(&logits), direction, step));
        loss(moved)
    });
}
