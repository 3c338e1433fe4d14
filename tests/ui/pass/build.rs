//! A declared name builds like any dfdx module.

use dfdx::prelude::*;
use regnet::regnet;

regnet! {
    struct Tiny = < d=2, w0=8, wa=8, wm=2, g=4 >;
    stem    = cifar(8);
    classes = 10;
}

fn build<D: Device<E>, E: Dtype>(dev: &D) -> <Tiny as BuildOnDevice<D, E>>::Built
where
    Tiny: BuildOnDevice<D, E>,
{
    Tiny::build_on_device(dev)
}

fn main() {
    let dev = Cpu::default();
    let net = dev.build_module::<Tiny, f32>();
    let images: Tensor<Rank4<2, 3, 8, 8>, f32, _> = dev.zeros();
    let logits: Tensor<Rank2<2, 10>, f32, _> = net.forward(images);
    assert!(logits.as_vec().iter().all(|logit| logit.is_finite()));
    let net = build::<_, f64>(&dev);
    let _: Tensor<(usize, Const<10>), f64, _> = net.forward(dev.zeros_like(&(1, Const::<3>, 9, 9)));
}
