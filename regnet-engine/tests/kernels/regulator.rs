//! The regulator's gradients against finite differences; its values are compared with PyTorch's where networks are.

use regnet_engine::regulator::{
    Cell, CellConv, ConvWeights, Gradients, Inputs, Saved, Step, Weights, backward, forward,
};

use crate::common::{Generator, gradient_check, same_bits_for_any_threads};

/// All that a step reads, one after the other in one vector.
struct Layout {
    op: Step,
    has_state: bool,
}

impl Layout {
    /// How many elements the features, the state, the convolutions' weights and the bias have.
    fn lengths(&self) -> [usize; 6] {
        let (rows, taps) = (self.op.rows(), 9);
        let state = if self.has_state { self.op.state_len() } else { 0 };
        let [a, b, c] = match self.op.conv {
            CellConv::Full => [rows * self.op.channels * taps, rows * self.op.channels * taps, 0],
            CellConv::Efficient => [rows, rows, rows * taps],
        };
        [self.op.input_len(), state, a, b, c, rows]
    }

    fn len(&self) -> usize {
        self.lengths().iter().sum()
    }

    fn read<'a, T>(&self, all: &'a [T]) -> (Inputs<'a, T>, Weights<&'a [T]>) {
        let mut rest = all;
        let [x, state, a, b, c, bias] = self.lengths().map(|len| rest.split_off(..len).expect("long enough"));
        let state = self.has_state.then_some(state);
        (Inputs { x, state }, Weights { convolutions: self.convolutions(a, b, c), bias })
    }

    fn gradients<'a, T>(&self, all: &'a mut [T]) -> Gradients<'a, T> {
        let mut rest = all;
        let [dx, dstate, a, b, c, bias] =
            self.lengths().map(|len| rest.split_off_mut(..len).expect("long enough"));
        let dstate = self.has_state.then_some(dstate);
        Gradients { dx, dstate, dweights: Weights { convolutions: self.convolutions(a, b, c), bias } }
    }

    fn convolutions<V>(&self, a: V, b: V, c: V) -> ConvWeights<V> {
        match self.op.conv {
            CellConv::Full => ConvWeights::Full { x: a, h: b },
            CellConv::Efficient => ConvWeights::Efficient { x_scale: a, h_scale: b, spatial: c },
        }
    }

    fn forward<T: regnet_engine::Real>(&self, all: &[T]) -> (Vec<T>, Saved<Vec<T>>) {
        let (inputs, weights) = self.read(all);
        let mut out = vec![T::nan(); self.op.state_len()];
        let mut saved = self.op.saved_lens(self.has_state).map(|len| vec![T::nan(); len]);
        forward(&self.op, &weights, inputs, each_mut(&mut saved), &mut out);
        (out, saved)
    }

    /// Adds to `gradient`, which is laid out as `all` is.
    fn backward<T: regnet_engine::Real>(&self, all: &[T], dout: &[T], gradient: &mut [T]) {
        let (inputs, weights) = self.read(all);
        let (out, mut saved) = self.forward(all);
        backward(&self.op, &weights, inputs, each_mut(&mut saved), (&out, dout), self.gradients(gradient));
    }
}

fn each_mut<T>(saved: &mut Saved<Vec<T>>) -> Saved<&mut [T]> {
    Saved { gates: &mut saved.gates, reset: &mut saved.reset }
}

const CELLS: [Cell; 3] = [Cell::Rnn, Cell::Gru, Cell::Lstm];

/// Every cell, in both forms, strided or not, with and without a state.
fn layouts(batch: usize, channels: usize, height: usize, width: usize) -> Vec<Layout> {
    let mut layouts = Vec::new();
    for cell in CELLS {
        for conv in [CellConv::Full, CellConv::Efficient] {
            for (stride, has_state) in [(1, true), (1, false), (2, true), (2, false)] {
                let op = Step { cell, conv, batch, channels, height, width, stride };
                layouts.push(Layout { op, has_state });
            }
        }
    }
    layouts
}

#[test]
fn gradients_are_finite_differences() {
    for channels in [1, 2] {
        for layout in layouts(2, channels, 3, 4) {
            let mut random = Generator::new(channels as u64);
            let all: Vec<f64> = random.numbers(layout.len());
            let dout: Vec<f64> = random.numbers(layout.op.state_len());
            gradient_check(
                &format!("{:?} {}", layout.op, layout.has_state),
                &all,
                &dout,
                |all| layout.forward(all).0,
                |gradient| {
                    // It adds: what was there before stays in.
                    gradient.fill(1.0);
                    layout.backward(&all, &dout, gradient);
                    gradient.iter_mut().for_each(|d| *d -= 1.0);
                },
            );
        }
    }
}

#[test]
fn a_state_of_zero_is_no_state() {
    for with in layouts(2, 3, 5, 4).into_iter().filter(|layout| layout.has_state) {
        let without = Layout { has_state: false, ..with };
        let mut all: Vec<f64> = Generator::new(4).numbers(with.len());
        let [x, state, ..] = with.lengths();
        all[x..x + state].fill(0.0);
        let expected = with.forward(&all).0;
        all.drain(x..x + state);
        assert_eq!(without.forward(&all).0, expected, "{:?}", with.op);
    }
}

#[test]
fn the_same_bits_for_any_number_of_threads() {
    for layout in layouts(5, 6, 9, 7) {
        let mut random = Generator::new(3);
        let all: Vec<f32> = random.numbers(layout.len());
        let dout: Vec<f32> = random.numbers(layout.op.state_len());
        same_bits_for_any_threads("a regulator", || {
            let mut results = layout.forward(&all).0;
            let mut gradient = vec![0.0; layout.len()];
            layout.backward(&all, &dout, &mut gradient);
            results.extend(gradient);
            results
        });
    }
}
