use dfdx::optim::{Momentum, WeightDecay};
use dfdx::prelude::*;

use super::*;
use crate::backend::Backend;
use crate::cuda::ops::sgd::{self, Rule, Table, Trained};

/// Tensors of odd sizes: less than a block's threads, more than its run of elements, and one of no elements.
const SIZES: [usize; 6] = [1, 77, 2048, 2049, 0, 5003];

/// dfdx's own step on the CPU, which regnet-train's optimiser takes tensor by tensor.
fn expected<T: Number + Dtype>(rule: &Rule, decays: bool, [p, g, v]: [&[T]; 3]) -> [Vec<T>; 2]
where
    Cpu: Backend<T> + Storage<T, Vec: std::ops::DerefMut<Target = Vec<T>>>,
{
    // dfdx reads no tensor of no elements.
    if p.is_empty() {
        return [Vec::new(), Vec::new()];
    }
    let device = Cpu::default();
    let tensor = |values: &[T]| device.tensor_from_vec(values.to_vec(), (values.len(),));
    let (mut parameter, mut buffers) = (tensor(p), Gradients::<T, Cpu>::leaky());
    let (velocity, gradient) = (tensor(v), tensor(g));
    for (of, values) in [(&velocity, v), (&gradient, g)] {
        let buffer = buffers.get_or_alloc_mut(of).expect("there is memory");
        device.write_buffer(buffer, values.to_vec()).expect("the sizes are the same");
    }
    let momentum =
        if rule.nesterov { Momentum::Nesterov(rule.momentum) } else { Momentum::Classic(rule.momentum) };
    let config = SgdConfig {
        lr: rule.rate,
        momentum: Some(momentum),
        weight_decay: decays.then_some(WeightDecay::L2(rule.decay)),
    };
    let slope = buffers.get_or_alloc_mut(&gradient).expect("is there").clone();
    let buffer = buffers.get_or_alloc_mut(&velocity).expect("is there");
    config.try_update(&mut parameter, buffer, &slope).expect("the CPU does not fail");
    [parameter.as_vec(), buffer.to_vec()]
}

fn compare<T: Number + Dtype>(rule: Rule)
where
    Cpu: Backend<T> + Storage<T, Vec: std::ops::DerefMut<Target = Vec<T>>>,
{
    let mut generator = Generator(91);
    let mut numbers = || SIZES.map(|size| generator.numbers::<T>(size));
    let (mut parameters, mut velocities) = (numbers(), numbers());
    let device = |all: &[Vec<T>; 6]| all.each_ref().map(|elements| on_device(elements));
    let (mut on_p, mut on_v) = (device(&parameters), device(&velocities));
    let mut table = Table::default();
    for _ in 0..3 {
        let gradients = numbers();
        let mut on_g = device(&gradients);
        let each = on_p.iter_mut().zip(&mut on_g).zip(&mut on_v).enumerate();
        let mut tensors: Vec<_> = each
            .map(|(index, ((p, g), v))| Trained {
                parameter: p.view_mut(),
                gradient: g.view_mut(),
                velocity: v.view_mut(),
                decays: index % 2 == 0,
            })
            .collect();
        run(sgd::step(&Emulator, &rule, &mut tensors, &mut table));
        for (index, gradient) in gradients.iter().enumerate() {
            let of = [&parameters[index][..], gradient, &velocities[index]];
            [parameters[index], velocities[index]] = expected(&rule, index % 2 == 0, of);
            same("parameter", &on_p[index], &parameters[index]);
            same("velocity", &on_v[index], &velocities[index]);
            assert!(on_g[index].slice().iter().all(|&g| g == T::of(0.0)), "a gradient is left");
        }
    }
}

#[test]
fn steps_are_those_of_the_cpu() {
    for nesterov in [false, true] {
        let rule = Rule { rate: 0.3, momentum: 0.9, nesterov, decay: 0.01 };
        compare::<f64>(rule);
        compare::<f32>(rule);
    }
}

#[test]
fn nothing_moves_where_nothing_is_trained() {
    let rule = Rule { rate: 0.3, momentum: 0.9, nesterov: true, decay: 0.01 };
    run(sgd::step::<f32, _>(&Emulator, &rule, &mut [], &mut Table::default()));
}
