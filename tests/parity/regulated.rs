//! Self-regulated cells, blocks, stages and networks, and basic blocks with squeeze-and-excitation.

use dfdx::prelude::*;
use regnet::layers::{BatchNorm2d, Conv2d, Excite, NoExcite, SqueezeExcite};
use regnet::model::{BranchSizes, Identity, Pair, Projection, Regulated, ResBlock, Step};
use regnet::regulator::{EfficientConv, FullConv, GateWeights, PerBlock, Regulate, Regulator};
use regnet::space::{AnyNet, Block, Bottleneck, Cell, CellConv, Regulator as Spec, Stage, Stem, StemKind};
use regnet::tensors::Map;
use regnet::{Backend, DynRegNet};

use crate::formula;
use crate::reference::{Case, cases};
use crate::run::{Dev, DevError, Element, Loss, check, doubles, gradients, input, set_by_formula, tensor};

type Full<E> = FullConv<Cell, usize, E, Dev>;
type Efficient<E> = EfficientConv<Cell, usize, E, Dev>;

fn cell(case: &Case) -> Cell {
    case.str("cell").parse().unwrap()
}

fn conv(case: &Case) -> CellConv {
    case.str("conv").parse().unwrap()
}

/// The names of a state's maps, which the reference keeps apart.
fn maps(case: &Case) -> &'static [&'static str] {
    if cell(case) == Cell::Lstm { &["h", "c"] } else { &["h"] }
}

/// The sizes of a state: images, channels of a map, rows and columns.
fn state_sizes(case: &Case, n: usize) -> (usize, usize, usize, usize) {
    let side = |key| case.size(key).div_ceil(case.size("stride"));
    (case.size("batch"), n, side("height"), side("width"))
}

/// Tensors `PREFIX_h` and `PREFIX_c` by the formula, one behind the other in each image.
fn joined<E: Element>(dev: &Dev, case: &Case, prefix: &str, n: usize) -> Map<E, Dev>
where
    Dev: Backend<E>,
{
    let (batch, n, height, width) = state_sizes(case, n);
    let parts =
        maps(case).iter().map(|map| formula::values(&format!("{prefix}_{map}"), &[batch, n, height, width]));
    let parts: Vec<_> = parts.collect();
    let image = n * height * width;
    let values =
        (0..batch).flat_map(|i| parts.iter().flat_map(move |part| &part[i * image..(i + 1) * image]));
    let values = values.map(|&value| E::from_f64(value).unwrap()).collect();
    dev.tensor_from_vec(values, (batch, parts.len() * n, height, width))
}

/// The maps of a joined tensor, called `PREFIX_h` and `PREFIX_c`.
fn apart(case: &Case, prefix: &str, values: &[f64]) -> Vec<(String, Vec<f64>)> {
    let names = maps(case);
    let image = values.len() / (case.size("batch") * names.len());
    let maps = names.iter().enumerate().map(|(map, name)| {
        let images = values.chunks_exact(image * names.len());
        (
            format!("{prefix}_{name}"),
            images.flat_map(|i| i[map * image..(map + 1) * image].to_vec()).collect(),
        )
    });
    maps.collect()
}

/// Compares a pass from features, and where the case has one a state, to perhaps an output and a state.
fn check_threaded<E: Element, M: TensorCollection<E, Dev>>(
    case: &Case,
    mut module: M,
    (channels, n): (usize, usize),
    run: impl FnOnce(&mut M, Taped<E>, Option<Map<E, Dev>>) -> (Option<Map<E, Dev>>, Taped<E>),
) where
    Dev: Backend<E>,
{
    let dev = Dev::default();
    set_by_formula(&mut module);
    let shape = (case.size("batch"), channels, case.size("height"), case.size("width"));
    let x: Map<E, Dev> = tensor(&dev, "input", shape);
    let state = case.flag("state").then(|| joined(&dev, case, "state", n));
    let (y, next) = run(&mut module, x.leaky_trace(), state.clone());
    let (outputs, states) = (y.as_ref().map(doubles), doubles(&next));
    let loss = (next * joined::<E>(&dev, case, "loss", n)).sum::<Rank0, _>();
    let loss = match y {
        Some(y) => {
            let (loss, tape) = loss.split_tape();
            let weights: Map<E, Dev> = tensor(&dev, "loss", *y.shape());
            (y.put_tape(tape) * weights).sum::<Rank0, _>() + loss
        }
        None => loss,
    };
    let mut computed = if case.trains() {
        let inputs: Vec<_> =
            [("input", &x)].into_iter().chain(state.as_ref().map(|s| ("state", s))).collect();
        gradients(&module, &inputs, loss)
    } else {
        [("loss".to_owned(), doubles(&loss))].into()
    };
    if let Some(gradient) = computed.remove("grad.state") {
        computed.extend(apart(case, "grad.state", &gradient));
    }
    // What is compared before its norm leaves the norm alone.
    computed.retain(|name, _| case.str("kind") != "cell" || !name.contains(".bn."));
    computed.extend(outputs.map(|values| ("output".to_owned(), values)));
    computed.extend(apart(case, "state", &states));
    case.compare(&computed, E::TOLERANCE);
}

type Taped<E> = Map<E, Dev, OwnedTape<E, Dev>>;

fn cells<E: Element>()
where
    Dev: Backend<E>,
{
    let dev = Dev::default();
    for case in cases("cells") {
        let (cell, n) = (cell(&case), case.size("n"));
        match conv(&case) {
            CellConv::Full => step(&case, &dev, Full::<E>::try_new(&dev, cell, n).unwrap()),
            CellConv::Efficient => step(&case, &dev, Efficient::<E>::try_new(&dev, cell, n).unwrap()),
        }
    }
}

fn step<E: Element, C: GateWeights<E, Dev>>(case: &Case, dev: &Dev, conv: C)
where
    Dev: Backend<E>,
    Regulator<Cell, usize, C, E, Dev>: TensorCollection<E, Dev>,
{
    let (n, stride) = (case.size("n"), case.size("stride"));
    let regulator = Regulator::try_new(dev, cell(case), n, conv).unwrap();
    check_threaded(case, regulator, (n, n), |regulator, x, state| {
        (None, regulator.try_step(x, state, stride).unwrap())
    });
}

fn blocks<E: Element>()
where
    Dev: Backend<E>,
{
    for case in cases("regulated_blocks") {
        match conv(&case) {
            CellConv::Full => with_conv(&case, Full::<E>::try_new),
            CellConv::Efficient => with_conv(&case, Efficient::<E>::try_new),
        }
    }
}

fn with_conv<E: Element, C: GateWeights<E, Dev>>(
    case: &Case,
    conv: impl Fn(&Dev, Cell, usize) -> Result<C, DevError>,
) where
    Dev: Backend<E> + HasErr<Err = DevError>,
    Regulator<Cell, usize, C, E, Dev>: TensorCollection<E, Dev>,
{
    let dev = Dev::default();
    let r = || {
        let (cell, n) = (cell(case), case.size("inner"));
        Regulator::try_new(&dev, cell, n, conv(&dev, cell, n)?)
    };
    match case.size("se_width") {
        0 => with_excite(case, &dev, r, || Ok(NoExcite)),
        hidden => {
            let channels = case.size("out");
            with_excite(case, &dev, r, || {
                SqueezeExcite::<usize, usize, E, _>::try_new(&dev, channels, hidden)
            });
        }
    }
}

fn with_excite<E: Element, C: GateWeights<E, Dev>, Se: Excite<E, Dev> + TensorCollection<E, Dev>>(
    case: &Case,
    dev: &Dev,
    r: impl FnOnce() -> Result<Regulator<Cell, usize, C, E, Dev>, DevError>,
    se: impl FnOnce() -> Result<Se, DevError>,
) where
    Dev: Backend<E> + HasErr<Err = DevError>,
    Regulator<Cell, usize, C, E, Dev>: TensorCollection<E, Dev>,
{
    let sizes = BranchSizes {
        input: case.size("in"),
        inner: case.size("inner"),
        out: case.size("out"),
        group: case.size("group_width"),
        stride: case.size("stride"),
        maps: cell(case).maps(),
    };
    match case.str("block") {
        "basic" => with_shortcut(case, dev, Regulated::try_basic(dev, sizes, r, se).unwrap()),
        _ => with_shortcut(case, dev, Regulated::try_bottleneck(dev, sizes, r, se).unwrap()),
    }
}

fn with_shortcut<E: Element, F: TensorCollection<E, Dev>>(case: &Case, dev: &Dev, f: F)
where
    Dev: Backend<E>,
    ResBlock<Identity, F>: TensorCollection<E, Dev> + Step<PerBlock, E, Dev>,
    ResBlock<Projection<usize, usize, usize, E, Dev>, F>: TensorCollection<E, Dev> + Step<PerBlock, E, Dev>,
{
    let (input, out, stride) = (case.size("in"), case.size("out"), case.size("stride"));
    if input == out && stride == 1 {
        check_block(case, ResBlock { shortcut: Identity, f });
    } else {
        let proj = Conv2d::try_new(dev, out, input, Const, stride).unwrap();
        let shortcut = Projection { proj, bn: BatchNorm2d::try_new(dev, out).unwrap() };
        check_block(case, ResBlock { shortcut, f });
    }
}

fn check_block<E: Element, M: TensorCollection<E, Dev> + Step<PerBlock, E, Dev>>(case: &Case, block: M)
where
    Dev: Backend<E>,
{
    let trains = case.trains();
    check_threaded(case, block, (case.size("in"), case.size("inner")), |block, x, state| {
        let (y, next) = if trains {
            block.try_step_mut(x, state, &PerBlock).unwrap()
        } else {
            block.try_step(x, state, &PerBlock).unwrap()
        };
        let (y, tape) = y.split_tape();
        (Some(y), next.put_tape(tape))
    });
}

fn excited_blocks<E: Element>()
where
    Dev: Backend<E> + HasErr<Err = DevError>,
{
    for case in cases("se_blocks") {
        let dev = Dev::default();
        let (input, out, stride) = (case.size("in"), case.size("out"), case.size("stride"));
        let se = || SqueezeExcite::<usize, usize, E, _>::try_new(&dev, out, case.size("se_width"));
        let f = Pair::try_new(&dev, input, out, stride, se).unwrap();
        if input == out && stride == 1 {
            check(&case, ResBlock { shortcut: Identity, f }, Loss::Dot);
        } else {
            let proj =
                Conv2d::<_, _, _, Const<1>, _, E, _>::try_new(&dev, out, input, Const, stride).unwrap();
            let shortcut = Projection { proj, bn: BatchNorm2d::try_new(&dev, out).unwrap() };
            check(&case, ResBlock { shortcut, f }, Loss::Dot);
        }
    }
}

/// The network of a case; of stages alone, with a stem of the width that they take.
fn spec(case: &Case) -> AnyNet {
    let lists = ["depths", "widths", "strides", "inner_widths", "group_widths"].map(|key| case.sizes(key));
    let stage = |i: usize| {
        let [depth, width, stride, inner, group_width] = lists.each_ref().map(|list| list[i]);
        Stage { depth, width, stride, bottleneck: Bottleneck::reduces(width / inner), group_width }
    };
    let whole = case.str("kind") == "regulated_network";
    let stem = if whole {
        Stem { kind: case.str("stem").parse().unwrap(), width: case.size("stem_width") }
    } else {
        Stem { kind: StemKind::Cifar, width: case.size("in") }
    };
    let se = case.number("se_ratio");
    AnyNet {
        input_channels: 3,
        stem,
        block: if case.str("block") == "basic" { Block::Basic } else { Block::Bottleneck },
        stages: (0..lists[0].len()).map(stage).collect(),
        se: (se > 0.0).then_some(se),
        regulator: Some(Spec {
            cell: cell(case),
            conv: conv(case),
            share: case.str("share").parse().unwrap(),
            carry: case.flag("carry"),
        }),
        classes: if whole { case.size("classes") } else { 1 },
    }
}

fn stages<E: Element>()
where
    Dev: Backend<E>,
{
    for case in cases("regulated_stages") {
        let mut net: DynRegNet<E, _> = DynRegNet::try_new(&Dev::default(), &spec(&case)).unwrap();
        set_by_formula(&mut net);
        let x = input(&Dev::default(), &case);
        let y = net.try_run_stages_mut(x.leaky_trace()).unwrap();
        let output = doubles(&y);
        let weights: Map<E, Dev> = tensor(&Dev::default(), "loss", *y.shape());
        let mut computed = gradients(&net, &[("input", &x)], (y * weights).sum());
        computed.insert("output".to_owned(), output);
        computed.retain(|name, _| !name.contains(".stem.") && !name.contains(".head."));
        case.compare(&computed, E::TOLERANCE);
    }
}

fn networks<E: Element>()
where
    Dev: Backend<E>,
{
    for case in cases("regulated_networks") {
        let spec = spec(&case);
        assert_eq!(spec.complexity(224, 224).unwrap().params, case.size("params") as u64);
        let network: DynRegNet<E, _> = DynRegNet::try_new(&Dev::default(), &spec).unwrap();
        let labels = case.sizes("labels");
        check(&case, network, Loss::CrossEntropy(&labels, case.number("label_smoothing")));
    }
}

macro_rules! in_both_types {
    ($($what:ident)*) => { $(
        mod $what {
            #[test]
            fn agree_with_the_equations_in_f64() {
                super::$what::<f64>();
            }

            #[test]
            fn agree_with_the_equations_in_f32() {
                super::$what::<f32>();
            }
        }
    )* };
}

in_both_types!(cells blocks excited_blocks stages networks);
