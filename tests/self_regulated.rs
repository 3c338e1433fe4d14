//! Declared self-regulated networks: what the compiler knows of them against the run time, and the networks themselves
//! on the CPU, for every cell, convolution, way to share and carry.
#![allow(clippy::unwrap_used)]

use dfdx::prelude::*;
use regnet::space::{AnyNet, Complexity, Regulator, self_regulated_presets};
use regnet::{Declared, Run, anynet, regnet, self_regulated};

/// A training step of a declared network. Every weight must get a gradient, or dfdx's optimiser complains.
fn trains<N>(name: &str, params: u64)
where
    N: Declared + BuildOnDevice<Cpu, f32>,
    N::Built: Run<f32, Cpu, Out = (usize, usize)> + TensorCollection<f32, Cpu>,
{
    let dev = Cpu::seed_from_u64(5);
    let mut net = dev.build_module::<N, f32>();
    assert_eq!(net.num_trainable_params() as u64, params, "{name}");

    let numbers = (0..2 * 3 * 32 * 32).map(|i| ((i * 2654435761_usize) % 1009) as f32 / 504.5 - 1.0);
    let x = dev.tensor_from_vec(numbers.collect(), (2, 3, 32, 32));
    let logits = net.try_run_mut(x.leaky_trace()).unwrap();
    assert_eq!(logits.shape(), &(2, N::spec().classes), "{name}");
    let labels = dev.tensor((vec![1, 2], (2,)));
    let loss = regnet::cross_entropy(logits, &labels, 0.1).unwrap();
    assert!(loss.array().is_finite(), "{name}");
    let gradients = loss.backward();
    let gradient = gradients.get(&x).as_vec();
    assert!(gradient.iter().all(|g| g.is_finite()) && gradient.iter().any(|&g| g != 0.0), "{name}");
    let mut sgd = dfdx::optim::Sgd::new(&net, SgdConfig { lr: 0.1, ..Default::default() });
    sgd.update(&mut net, &gradients).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    let logits = net.try_run(x).unwrap();
    assert!(logits.as_vec().iter().all(|logit| logit.is_finite()), "{name}");
}

/// The regulator of `spec` is the one of this text, and the constants are the run time's.
fn says<N: Declared>(regulator: &str, constants: Complexity) {
    let spec = N::spec();
    assert_eq!(spec.regulator, Some(regulator.parse::<Regulator>().unwrap()));
    let [_, height, width] = N::INPUT;
    assert_eq!(spec.complexity(height, width).unwrap(), constants, "{regulator}");
}

macro_rules! constants {
    ($net:ident) => {
        Complexity { flops: $net::FLOPS, params: $net::PARAMS, acts: $net::ACTS }
    };
}

/// A test of two tiny networks, of basic blocks and of X or Y blocks, for each regulator.
macro_rules! every_regulator {
    ($($test:ident $cell:ident $conv:ident $share:ident $carry:ident $se:ident;)*) => { $(
        #[test]
        fn $test() {
            anynet! {
                struct Basic = depths = [2, 2], widths = [4, 6], strides = [1, 2], block = basic, se = $se;
                regulator = $cell(conv = $conv, share = $share, carry = $carry);
                input = 3 x 32 x 32; classes = 3; stem = cifar(4);
            }
            regnet! {
                struct X = < d=4, w0=8, wa=8, wm=2, g=4, b=2, se=$se >;
                regulator = $cell(conv = $conv, share = $share, carry = $carry);
                input = 3 x 32 x 32; classes = 3; stem = cifar(4); space = any;
            }
            let regulator = concat!(
                stringify!($cell), "(conv = ", stringify!($conv), ", share = ", stringify!($share),
                ", carry = ", stringify!($carry), ")"
            );
            says::<Basic>(regulator, constants!(Basic));
            trains::<Basic>(&format!("basic, {regulator}"), Basic::PARAMS);
            says::<X>(regulator, constants!(X));
            trains::<X>(&format!("bottleneck, {regulator}"), X::PARAMS);
        }
    )* };
}

every_regulator! {
    rnn rnn full stage false true;
    rnn_carried rnn full stage true false;
    rnn_in_each_block rnn full block false false;
    rnn_in_each_block_carried rnn full block true true;
    efficient_rnn rnn efficient stage false false;
    efficient_rnn_carried rnn efficient stage true true;
    efficient_rnn_in_each_block rnn efficient block false true;
    efficient_rnn_in_each_block_carried rnn efficient block true false;
    gru gru full stage false false;
    gru_carried gru full stage true true;
    gru_in_each_block gru full block false true;
    gru_in_each_block_carried gru full block true false;
    efficient_gru gru efficient stage false true;
    efficient_gru_carried gru efficient stage true false;
    efficient_gru_in_each_block gru efficient block false false;
    efficient_gru_in_each_block_carried gru efficient block true true;
    lstm lstm full stage false true;
    lstm_carried lstm full stage true false;
    lstm_in_each_block lstm full block false false;
    lstm_in_each_block_carried lstm full block true true;
    efficient_lstm lstm efficient stage false false;
    efficient_lstm_carried lstm efficient stage true true;
    efficient_lstm_in_each_block lstm efficient block false true;
    efficient_lstm_in_each_block_carried lstm efficient block true false;
}

/// The paper's networks, each with other settings of the regulator.
mod paper {
    use regnet::self_regulated;

    self_regulated! {
        pub struct Depth20 = < depth = 20 >;
        pub struct Depth32 = < depth = 32, cell = rnn, conv = efficient >;
        pub struct Depth44 = < depth = 44, cell = gru, share = block >;
        pub struct Depth56 = < depth = 56, cell = lstm, carry = true >;
        pub struct Depth50 = < depth = 50, cell = gru, conv = efficient >;
    }
}

#[test]
fn the_papers_networks_are_the_presets() {
    use paper::{Depth20, Depth32, Depth44, Depth50, Depth56};
    fn same<N: Declared>(preset: usize, regulator: &str, constants: Complexity) {
        let preset = &self_regulated_presets()[preset];
        assert_eq!(N::spec(), preset.to_anynet(regulator.parse().unwrap()), "{}", preset.name);
        let side = preset.images.side();
        assert_eq!(N::INPUT, [3, side, side], "{}", preset.name);
        says::<N>(regulator, constants);
    }
    same::<Depth20>(0, "lstm", constants!(Depth20));
    same::<Depth32>(1, "rnn(conv = efficient)", constants!(Depth32));
    same::<Depth44>(2, "gru(share = block)", constants!(Depth44));
    same::<Depth56>(3, "lstm(carry = true)", constants!(Depth56));
    same::<Depth50>(4, "gru(conv = efficient)", constants!(Depth50));
}

#[test]
fn what_is_declared_replaces_the_data_sets() {
    self_regulated! {
        struct Mine = depth = 8, se = 0.5; classes = 7; input = 1 x 20 x 24;
    }
    let usual = AnyNet::self_regulated(8, "lstm".parse().unwrap(), 7).unwrap();
    assert_eq!(Mine::spec(), AnyNet { input_channels: 1, se: Some(0.5), ..usual });
    assert_eq!(Mine::INPUT, [1, 20, 24]);
    says::<Mine>("lstm", constants!(Mine));
}

/// In type position the same network is the same type.
#[test]
fn types_are_those_of_items() {
    fn same<N: Declared<Network = T>, T>() {}
    same::<paper::Depth32, self_regulated!(depth = 32, cell = rnn, conv = efficient)>();
    self_regulated! { struct Hundred = depth = 20; classes = 100; }
    same::<
        Hundred,
        anynet!(
            depths = [3, 3, 3],
            widths = [16, 32, 64],
            strides = [1, 2, 2],
            block = basic,
            stem = cifar(16),
            regulator = lstm,
            classes = 100
        ),
    >();
}

/// Plain basic blocks squeeze and excite, too.
#[test]
fn basic_blocks_with_squeeze_and_excitation() {
    anynet! {
        struct Basic = depths = [1, 2], widths = [4, 8], strides = [1, 2], block = basic, se = 0.5;
        stem = cifar(4); classes = 3;
    }
    trains::<Basic>("basic", Basic::PARAMS);
    type Network = <Basic as Declared>::Network;
    let graph = |net: AnyNet| net.graph(32, 32).unwrap().parameters().collect::<Vec<_>>();
    assert_eq!(graph(Network::spec()), graph(Basic::spec()));
}
