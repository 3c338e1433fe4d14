//! What networks say of the clones that a run leaves of their tensors, against who shares the tensors' storage.
#![allow(clippy::unwrap_used)]

use std::ptr;

use dfdx::prelude::*;
use regnet::builders::{
    Bottleneck, CifarStem, EfficientRegulator, Gru, Head, Identity, NoCarry, NoExcite, PerBlock, RegNet,
    Regulated, RegulatedStage, ResBlock, Stage, XStage,
};
use regnet::layers::{Conv2d, Excite};
use regnet::regulator::Carries;
use regnet::tensors::Map;
use regnet::{Backend, Built, Declared, DynRegNet, Run, anynet, regnet, self_regulated};

type X = regnet!(< d=3, w0=8, wa=8, wm=2, g=4, b=1 >, classes = 5, stem = cifar(8), space = any);
type Y = regnet!(< d=3, w0=8, wa=8, wm=2, g=4, b=1, se=true >, classes = 5, space = any);
type ResNet = anynet!(
    depths = [1, 2],
    widths = [4, 8],
    strides = [1, 2],
    block = basic,
    se = 0.5,
    stem = resnet(4),
    classes = 5
);
type Vanilla = anynet!(depths = [2], widths = [4], strides = [2], block = vanilla, classes = 5);
type Shared = self_regulated!(depth = 8, cell = lstm, carry = true, classes = 5);
type Own = regnet!(< d=3, w0=8, wa=8, wm=2, g=4, b=1, se=true >, classes = 5, space = any,
    regulator = gru(conv = efficient, share = block));

/// Whether a run of `M` says that it may leave clones.
fn says<M: Run<f32, Cpu>>() -> bool {
    M::LEAVES_CLONES
}

/// The names of the tensors whose storage others have a hold on after both kinds of pass.
fn shared<M: Run<f32, Cpu, Out = (usize, usize)> + TensorCollection<f32, Cpu>>(net: &mut M) -> Vec<String> {
    let dev = Cpu::seed_from_u64(1);
    let images = dev.sample_normal_like(&(2, 3, 32, 32));
    let evaluated = net.try_run(images.clone()).unwrap();
    let logits = net.try_run_mut(images.leaky_traced()).unwrap();
    let values: Tensor<_, f32, _> = logits.retaped::<NoneTape>();
    let gradients = regnet::cross_entropy(logits, &dev.tensor((vec![1, 2], (2,))), 0.1).unwrap().backward();
    let mut found = SharedNames(Vec::new());
    M::iter_tensors(&mut RecursiveWalker { m: (net, String::new()), f: &mut found }).unwrap();
    // What came out is still there.
    drop((evaluated, values, gradients));
    found.0
}

struct SharedNames(Vec<String>);

impl TensorVisitor<f32, Cpu> for SharedNames {
    type Viewer = (ViewTensorMut, ViewTensorName);
    type Err = CpuError;
    type E2 = f32;
    type D2 = Cpu;

    /// dfdx lets nobody write to storage that is shared: whoever wants to is given a copy, which lies elsewhere.
    fn visit<S: Shape>(
        &mut self,
        _: TensorOptions<S, f32, Cpu>,
        (tensor, name): (&mut Tensor<S, f32, Cpu>, String),
    ) -> Result<Option<Tensor<S, f32, Cpu>>, CpuError> {
        let first = S::Concrete::default();
        let read: *const f32 = &tensor[first];
        let written: *const f32 = &mut tensor[first];
        if !ptr::eq(read, written) {
            self.0.push(name);
        }
        Ok(None)
    }
}

#[test]
fn networks_of_the_librarys_layers_leave_no_clones() {
    fn leaves_none<N: Declared + BuildOnDevice<Cpu, f32>>(kind: &str)
    where
        N::Built: Run<f32, Cpu, Out = (usize, usize)> + TensorCollection<f32, Cpu>,
    {
        assert!(!says::<N::Built>(), "{kind}");
        let dev = Cpu::seed_from_u64(0);
        assert_eq!(shared(&mut dev.build_module::<N, f32>()), Vec::<String>::new(), "{kind}");
        let mut free = DynRegNet::<f32, _>::try_new(&dev, &N::spec()).unwrap();
        assert_eq!(shared(&mut free), Vec::<String>::new(), "{kind}, shaped at run time");
    }
    assert!(!says::<DynRegNet<f32, Cpu>>());
    leaves_none::<X>("X");
    leaves_none::<Y>("Y");
    leaves_none::<ResNet>("ResNet");
    leaves_none::<Vanilla>("vanilla");
    leaves_none::<Shared>("one regulator a stage");
    leaves_none::<Own>("one regulator a block");
}

/// A layer of one's own that keeps its weight, and does not say so.
#[derive(Debug, Clone)]
struct Keeps<E: Dtype, D: Storage<E>> {
    conv: Pointwise<E, D>,
    kept: Option<Pointwise<E, D>>,
}

type Pointwise<E, D> = Conv2d<Const<8>, Const<8>, Const<8>, Const<1>, Const<1>, E, D>;

impl<E: Dtype, D: Backend<E>> Run<E, D> for Keeps<E, D> {
    type Out = (usize, usize, usize, usize);

    fn try_run<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        self.conv.try_run(x)
    }

    fn try_run_mut<T: Tape<E, D>>(&mut self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        self.kept = Some(self.conv.clone());
        self.conv.try_run_mut(x)
    }
}

impl<E: Dtype, D: Device<E>> TensorCollection<E, D> for Keeps<E, D> {
    type To<E2: Dtype, D2: Device<E2>> = Keeps<E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        let conv = Self::module("conv", |s| &s.conv, |s| &mut s.conv);
        visitor.visit_fields(conv, |conv| Keeps { conv, kept: None })
    }
}

#[test]
fn a_network_with_a_layer_of_ones_own_may_leave_clones() {
    let dev = Cpu::seed_from_u64(0);
    let keeps = || Keeps { conv: Conv2d::try_new(&dev, Const, Const, Const, Const).unwrap(), kept: None };
    let mut net = RegNet {
        stem: dev.build_module::<CifarStem<3, 8>, f32>(),
        stages: (
            dev.build_module::<XStage<1, 8, 8, 8, 4, 2>, f32>(),
            Stage::<_, _, 2> { first: keeps(), next: vec![keeps()] },
        ),
        head: dev.build_module::<Head<8, 5>, f32>(),
    };
    fn of<M: Run<f32, Cpu>>(_: &M) -> bool {
        says::<M>()
    }
    assert!(of(&net));
    assert!(!of(&net.stages.0) && of(&net.stages.1));
    assert_eq!(shared(&mut net), ["s2.b1.conv.weight", "s2.b2.conv.weight"]);
}

/// A part of one's own, which says nothing.
#[derive(Debug, Default, Clone)]
struct Mine;

impl ZeroSizedModule for Mine {}

impl<E: Dtype, D: Backend<E>> Excite<E, D> for Mine {
    fn try_excite<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        Ok(x)
    }
}

impl<E: Dtype, D: Backend<E>> Carries<E, D> for Mine {
    fn try_carry<T: Tape<E, D>>(
        &self,
        state: Option<Map<E, D>>,
        tape: T,
    ) -> Result<(Option<Map<E, D>>, T), D::Err> {
        Ok((state, tape))
    }
}

/// Parts of one's own inside blocks and beside them are asked, too.
#[test]
fn a_stage_with_a_part_of_ones_own_may_leave_clones() {
    type Block<Se> = ResBlock<Identity, Bottleneck<8, 8, 8, 4, 1, Se>>;
    assert!(!says::<Built<Block<NoExcite>, f32, Cpu>>());
    assert!(says::<Built<Block<Mine>, f32, Cpu>>());

    type Inside = Bottleneck<8, 8, 8, 4, 1, NoExcite>;
    type Beside<Se> = ResBlock<Identity, Regulated<1, 8, Inside, EfficientRegulator<Gru, 8>, Se>>;
    type Memory<Y, Se> = RegulatedStage<PerBlock, Y, Beside<NoExcite>, Beside<Se>, 2>;
    assert!(!says::<Built<Memory<NoCarry, NoExcite>, f32, Cpu>>());
    assert!(says::<Built<Memory<Mine, NoExcite>, f32, Cpu>>());
    assert!(says::<Built<Memory<NoCarry, Mine>, f32, Cpu>>());
}
