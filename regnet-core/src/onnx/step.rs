//! How a regulator and its steps are written.
//!
//! A regulator's tensors are written once. What its steps need of them but they do not say themselves, such as the
//! kernels of the efficient form, follows from them inside the file, so that a runtime computes it once, on loading.

use regnet_space::graph::{Cells, Node, Step};
use regnet_space::{Cell, CellConv};

use super::layers::{CHANNELS, window};
use super::proto::Attribute;
use super::writer::Writer;

/// Rows and columns of a gate's convolution.
const KERNEL: usize = 3;

/// The axis of a weight that has one place for each channel that comes out.
const ROWS: usize = 0;

/// Which half of the gates' convolution.
#[derive(Clone, Copy, PartialEq)]
enum Of {
    Features,
    Hidden,
}

impl Of {
    const fn letter(self) -> char {
        match self {
            Self::Features => 'x',
            Self::Hidden => 'h',
        }
    }
}

/// A step that is being written.
struct Site<'a> {
    name: &'a str,
    regulator: String,
    step: Step,
}

impl Writer<'_> {
    /// Writes a regulator's tensors; returns its name.
    pub fn regulator(&mut self, node: &Node, cells: Cells) -> String {
        let Cells { regulator, channels } = cells;
        for (suffix, _) in regulator.tensors(channels) {
            self.constant(format!("{}.{suffix}", node.name));
        }
        match regulator.conv {
            CellConv::Full if regulator.cell == Cell::Gru => self.gru_halves(&node.name, channels),
            CellConv::Full => {}
            CellConv::Efficient => self.kernels(&node.name, cells),
        }
        node.name.clone()
    }

    /// The candidate's convolution waits for the reset gate, so it stands apart from the other two.
    fn gru_halves(&mut self, regulator: &str, n: usize) {
        self.split(&format!("{regulator}.h.weight"), &format!("{regulator}.h.weight"), ROWS, &[2 * n, n]);
    }

    /// The kernels of each gate, of a grouped 1x1 and a grouped 3x3 convolution in one: their product.
    fn kernels(&mut self, r: &str, Cells { regulator, channels }: Cells) {
        let gates = vec![channels; regulator.cell.gates()];
        let column = self.numbers(&[-1, 1, 1, 1]);
        for of in [Of::Features, Of::Hidden].map(Of::letter) {
            let scale = [format!("{r}.{of}_scale"), column.clone()];
            let scale = self.operator(format!("{r}.{of}_scale.column"), "Reshape", scale, Vec::new());
            let factors = [format!("{r}.spatial.weight"), scale];
            let kernels = self.operator(format!("{r}.{of}"), "Mul", factors, Vec::new());
            self.split(&kernels, &kernels, ROWS, &gates);
        }
        self.split(&format!("{r}.bias"), &format!("{r}.bias"), ROWS, &gates);
    }

    /// Writes a step up to its norm; returns the name of the state it makes.
    pub fn step(&mut self, node: &Node, step: Step) -> String {
        let [x, regulator] = [0, 1].map(|place| self.input(node, place));
        let state = step.has_state.then(|| self.input(node, 2));
        let site = Site { name: &node.name, regulator, step };
        let features = self.convolved(&site, Of::Features, &x, 0..step.cells.regulator.cell.gates());
        match step.cells.regulator.cell {
            Cell::Rnn => self.rnn(&site, &features, state.as_deref()),
            Cell::Gru => self.gru(&site, &features, state.as_deref()),
            Cell::Lstm => self.lstm(&site, &features, state.as_deref()),
        }
    }

    fn rnn(&mut self, site: &Site<'_>, features: &[String], state: Option<&str>) -> String {
        let sum = self.with_hidden(site, features, state, 0..1);
        self.operator(site.name, "Tanh", sum, Vec::new())
    }

    /// H' = (1 - z) H + z c is written as H + z (c - H).
    fn gru(&mut self, site: &Site<'_>, features: &[String], state: Option<&str>) -> String {
        let Some(h) = state else {
            let z = self.operator(site.part("z"), "Sigmoid", [&features[0]], Vec::new());
            let candidate = self.operator(site.part("candidate"), "Tanh", [&features[2]], Vec::new());
            return self.operator(site.name, "Mul", [z, candidate], Vec::new());
        };
        let gates = self.with_hidden(site, &features[..2], state, 0..2);
        let [z, r] = [("z", 0), ("r", 1)]
            .map(|(name, gate)| self.operator(site.part(name), "Sigmoid", [&gates[gate]], Vec::new()));
        let reset = self.operator(site.part("reset"), "Mul", [r.as_str(), h], Vec::new());
        let candidate = self.with_hidden(site, &features[2..], Some(&reset), 2..3);
        let candidate = self.operator(site.part("candidate"), "Tanh", candidate, Vec::new());
        let change = self.operator(site.part("change"), "Sub", [candidate.as_str(), h], Vec::new());
        let change = self.operator(site.part("update"), "Mul", [z, change], Vec::new());
        self.operator(site.name, "Add", [h, &change], Vec::new())
    }

    fn lstm(&mut self, site: &Site<'_>, features: &[String], state: Option<&str>) -> String {
        let n = site.step.cells.channels;
        let previous = state.map(|state| self.split(&site.part("state"), state, CHANNELS, &[n, n]));
        let h = previous.as_ref().map(|maps| maps[0].as_str());
        let gates = self.with_hidden(site, features, h, 0..4);
        let mut gate =
            |name, index: usize, op| self.operator(site.part(name), op, [&gates[index]], Vec::new());
        let (i, o, g) = (gate("i", 0, "Sigmoid"), gate("o", 2, "Sigmoid"), gate("g", 3, "Tanh"));
        let mut c = self.operator(site.part("new"), "Mul", [i, g], Vec::new());
        if let Some(maps) = previous {
            let f = self.operator(site.part("f"), "Sigmoid", [&gates[1]], Vec::new());
            let kept = self.operator(site.part("kept"), "Mul", [&f, &maps[1]], Vec::new());
            c = self.operator(site.part("c"), "Add", [kept, c], Vec::new());
        }
        let seen = self.operator(site.part("seen"), "Tanh", [&c], Vec::new());
        let h = self.operator(site.part("h_next"), "Mul", [o, seen], Vec::new());
        self.operator(site.name, "Concat", [h, c], vec![Attribute::of_int("axis", CHANNELS)])
    }

    /// The features' part of some gates, with the hidden state's added where there is one.
    fn with_hidden(
        &mut self,
        site: &Site<'_>,
        features: &[String],
        hidden: Option<&str>,
        gates: std::ops::Range<usize>,
    ) -> Vec<String> {
        let Some(hidden) = hidden else { return features.to_vec() };
        let hidden = self.convolved(site, Of::Hidden, hidden, gates.clone());
        let sums = gates.zip(features.iter().zip(&hidden));
        sums.map(|(gate, (x, h))| {
            self.operator(site.part(&format!("gate.{gate}")), "Add", [x, h], Vec::new())
        })
        .collect()
    }

    /// One half of the convolution of each of `gates`, the features' with the bias.
    fn convolved(
        &mut self,
        site: &Site<'_>,
        of: Of,
        input: &str,
        gates: std::ops::Range<usize>,
    ) -> Vec<String> {
        match site.step.cells.regulator.conv {
            CellConv::Full => self.full(site, of, input, gates),
            CellConv::Efficient => gates.map(|gate| self.depthwise(site, of, input, gate)).collect(),
        }
    }

    /// All gates in one convolution.
    fn full(&mut self, site: &Site<'_>, of: Of, input: &str, gates: std::ops::Range<usize>) -> Vec<String> {
        let (r, cell) = (&site.regulator, site.step.cells.regulator.cell);
        let half = if gates.start == 0 { 0 } else { 1 };
        let weight = match (of, cell) {
            (Of::Hidden, Cell::Gru) => format!("{r}.h.weight.{half}"),
            _ => format!("{r}.{}.weight", of.letter()),
        };
        let name = site.part(&format!("{}.{half}", of.letter()));
        let out = self.gate_conv(site, of, name.clone(), [input.to_owned(), weight], format!("{r}.bias"), 1);
        if gates.len() == 1 {
            return vec![out];
        }
        self.split(&format!("{name}.gates"), &out, CHANNELS, &vec![site.step.cells.channels; gates.len()])
    }

    fn depthwise(&mut self, site: &Site<'_>, of: Of, input: &str, gate: usize) -> String {
        let (r, letter) = (&site.regulator, of.letter());
        let name = site.part(&format!("{letter}.{gate}"));
        let inputs = [input.to_owned(), format!("{r}.{letter}.{gate}")];
        self.gate_conv(site, of, name, inputs, format!("{r}.bias.{gate}"), site.step.cells.channels)
    }

    fn gate_conv(
        &mut self,
        site: &Site<'_>,
        of: Of,
        name: String,
        inputs: [String; 2],
        bias: String,
        groups: usize,
    ) -> String {
        let stride = if of == Of::Features { site.step.stride } else { 1 };
        let mut attributes = window(KERNEL, stride);
        attributes.push(Attribute::of_int("group", groups));
        let bias = (of == Of::Features).then_some(bias);
        self.operator(name, "Conv", inputs.into_iter().chain(bias), attributes)
    }
}

impl Site<'_> {
    /// The name of a value inside the step.
    fn part(&self, part: &str) -> String {
        format!("{}.{part}", self.name)
    }
}
