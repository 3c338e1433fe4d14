//! Running statistics follow finite batches only: whatever the network, and however it is run.
#![allow(clippy::unwrap_used)]

use regnet::dfdx::prelude::*;
use regnet::state::{self, Entry};
use regnet::{Declared, DynRegNet, Run, regnet, self_regulated};

type X = regnet!(< d=3, w0=8, wa=8, wm=2, g=4, b=1, se=true >, classes = 5, space = any);
type Shared = self_regulated!(depth = 8, cell = lstm, carry = true, classes = 5);
type Own = regnet!(< d=3, w0=8, wa=8, wm=2, g=4, b=1 >, classes = 5, space = any,
    regulator = gru(conv = efficient, share = block));

/// The running statistics by name.
fn statistics<M: TensorCollection<f32, Cpu>>(net: &M) -> Vec<Entry<f32>> {
    let mut found = Vec::new();
    state::read(net, |entry: Entry<f32>| found.extend((!entry.trained).then_some(entry)));
    found
}

fn assert_follows_finite_batches<M: Run<f32, Cpu> + TensorCollection<f32, Cpu>>(kind: &str, net: &mut M) {
    let dev = Cpu::seed_from_u64(1);
    let finite = dev.sample_normal_like(&(4, 3, 32, 32));
    let fresh = statistics(net);
    net.try_run_mut(finite.clone()).unwrap();
    let before = statistics(net);
    assert!(before.len() > 4 && before.iter().zip(&fresh).all(|(a, b)| a.values != b.values), "{kind}");
    for pixel in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
        let mut values = finite.as_vec();
        values[4321] = pixel;
        let spoilt = dev.tensor((values, (4, 3, 32, 32)));
        net.try_run_mut(spoilt.clone()).unwrap();
        net.try_run_mut(spoilt.leaky_traced()).unwrap();
        let after = statistics(net);
        let finite = |entry: &Entry<f32>| entry.values.iter().all(|value| value.is_finite());
        assert!(after.iter().all(finite), "{kind}: {pixel} got into running statistics");
        // A pixel of NaN gets into every channel of every layer.
        assert!(!pixel.is_nan() || after == before, "{kind}: NaN moved running statistics");
    }
    net.try_run_mut(finite).unwrap();
    assert!(statistics(net).iter().zip(&before).all(|(a, b)| a.values != b.values), "{kind} stays put");
}

fn check<N: Declared + BuildOnDevice<Cpu, f32>>(kind: &str)
where
    N::Built: Run<f32, Cpu> + TensorCollection<f32, Cpu>,
{
    let dev = Cpu::seed_from_u64(0);
    assert_follows_finite_batches(kind, &mut dev.build_module::<N, f32>());
    let mut net: DynRegNet<f32, Cpu> = DynRegNet::try_new(&dev, &N::spec()).unwrap();
    assert_follows_finite_batches(&format!("{kind}, shaped at run time"), &mut net);
}

#[test]
fn typed_and_run_time_networks_keep_their_statistics_from_what_is_not_finite() {
    check::<X>("squeeze-and-excitation");
    check::<Shared>("a regulator for all");
    check::<Own>("a regulator for each block");
}
