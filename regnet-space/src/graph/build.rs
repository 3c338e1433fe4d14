//! Expanding a spec into layers.

use super::op::{Conv, Op};
use super::regulated::{Regulation, Site};
use super::{Node, Shape};
use crate::spec::{AnyNet, Block, Stage, Stem};

/// The layers of a checked spec. The order of layers that own tensors is that of pycls's modules.
pub(super) fn nodes(net: &AnyNet, height: usize, width: usize) -> Vec<Node> {
    let mut graph = Builder::default();
    let image = Shape { c: net.input_channels, h: height, w: width };
    graph.nodes.push(Node { name: "input".to_owned(), op: Op::Input, inputs: Vec::new(), shape: image });

    let mut x = graph.stem(net, 0);
    let mut regulation = None;
    for (i, stage) in net.stages.iter().enumerate() {
        regulation = graph.regulation(&format!("s{}", i + 1), net, stage, regulation);
        for block in 0..stage.depth {
            let name = &format!("s{}.b{}", i + 1, block + 1);
            let stride = if block == 0 { stage.stride } else { 1 };
            x = graph.block(x, net, Site { name, stage, stride }, regulation.as_mut());
        }
    }
    graph.head(x, net.classes);
    graph.nodes
}

/// The layers so far. Each method adds some and returns the index of the last.
#[derive(Default)]
pub(super) struct Builder {
    nodes: Vec<Node>,
}

impl Builder {
    pub(super) fn add(&mut self, name: String, op: Op, inputs: &[usize]) -> usize {
        let shape = op.output(self.nodes[inputs[0]].shape);
        self.nodes.push(Node { name, op, inputs: inputs.to_vec(), shape });
        self.nodes.len() - 1
    }

    /// What reads nothing and produces nothing.
    pub(super) fn source(&mut self, name: String, op: Op) -> usize {
        self.nodes.push(Node { name, op, inputs: Vec::new(), shape: Shape { c: 0, h: 0, w: 0 } });
        self.nodes.len() - 1
    }

    pub(super) fn channels(&self, x: usize) -> usize {
        self.nodes[x].shape.c
    }

    /// A convolution and its batch norm.
    pub(super) fn conv_bn(&mut self, conv: String, bn: String, x: usize, op: Conv) -> usize {
        let x = self.add(conv, Op::Conv(op), &[x]);
        self.add(bn, Op::BatchNorm { channels: op.output }, &[x])
    }

    /// The convolution `conv` of the branch `f`, its batch norm and a ReLU.
    pub(super) fn unit(&mut self, f: &str, conv: &str, x: usize, op: Conv) -> usize {
        let x = self.conv_bn(format!("{f}.{conv}"), format!("{f}.{conv}_bn"), x, op);
        self.add(format!("{f}.{conv}_af"), Op::Relu, &[x])
    }

    fn stem(&mut self, net: &AnyNet, x: usize) -> usize {
        let Stem { kind, width } = net.stem;
        let conv = Conv::dense(net.input_channels, width, kind.kernel(), kind.stride());
        let x = self.conv_bn("stem.conv".to_owned(), "stem.bn".to_owned(), x, conv);
        let x = self.add("stem.af".to_owned(), Op::Relu, &[x]);
        if !kind.pools() {
            return x;
        }
        self.add("stem.pool".to_owned(), Op::MaxPool { kernel: 3, stride: 2 }, &[x])
    }

    fn block(
        &mut self,
        x: usize,
        net: &AnyNet,
        site: Site<'_>,
        regulation: Option<&mut Regulation>,
    ) -> usize {
        let Site { name, stage, stride } = site;
        let w = stage.width;
        if net.block == Block::Vanilla {
            let x = self.pair(name, x, w, stride);
            return self.add(format!("{name}.b_af"), Op::Relu, &[x]);
        }
        let shortcut = self.shortcut(name, x, w, stride);
        let f = format!("{name}.f");
        let w_se = net.se_width(self.channels(x));
        let last = match (regulation, net.block) {
            (Some(regulation), block) => self.regulated(block, x, site, regulation),
            (None, Block::Bottleneck) => {
                let last = self.bottleneck(&f, x, w_se, stage, stride);
                return self.sum(name, shortcut, last);
            }
            (None, _) => self.pair(&f, x, w, stride),
        };
        // Only the plain bottleneck excites between its convolutions.
        let last = w_se.map_or(last, |w_se| self.squeeze_excite(&format!("{f}.se"), last, w_se));
        self.sum(name, shortcut, last)
    }

    /// The block's input, projected where width or stride changes.
    fn shortcut(&mut self, name: &str, x: usize, w: usize, stride: usize) -> usize {
        let w_in = self.channels(x);
        if w_in == w && stride == 1 {
            return x;
        }
        self.conv_bn(format!("{name}.proj"), format!("{name}.bn"), x, Conv::dense(w_in, w, 1, stride))
    }

    fn sum(&mut self, name: &str, shortcut: usize, f: usize) -> usize {
        let x = self.add(format!("{name}.add"), Op::Add, &[shortcut, f]);
        self.add(format!("{name}.af"), Op::Relu, &[x])
    }

    /// Two 3x3 convolutions, the last ReLU left out.
    fn pair(&mut self, f: &str, x: usize, w: usize, stride: usize) -> usize {
        let first = Conv::dense(self.channels(x), w, 3, stride);
        let x = self.unit(f, "a", x, first);
        self.conv_bn(format!("{f}.b"), format!("{f}.b_bn"), x, Conv::dense(w, w, 3, 1))
    }

    /// 1x1, grouped 3x3, squeeze-and-excitation, 1x1; the last ReLU left out.
    fn bottleneck(&mut self, f: &str, x: usize, w_se: Option<usize>, stage: &Stage, stride: usize) -> usize {
        let (w_in, v) = (self.channels(x), stage.inner_width());
        let grouped = Conv { group_width: stage.group_width, ..Conv::dense(v, v, 3, stride) };

        let x = self.unit(f, "a", x, Conv::dense(w_in, v, 1, 1));
        let mut x = self.unit(f, "b", x, grouped);
        if let Some(w_se) = w_se {
            x = self.squeeze_excite(&format!("{f}.se"), x, w_se);
        }
        self.conv_bn(format!("{f}.c"), format!("{f}.c_bn"), x, Conv::dense(v, stage.width, 1, 1))
    }

    /// Squeeze-and-excitation with `w_se` hidden units.
    fn squeeze_excite(&mut self, se: &str, x: usize, w_se: usize) -> usize {
        let v = self.channels(x);
        let conv = |input, output| Op::Conv(Conv { bias: true, ..Conv::dense(input, output, 1, 1) });
        let gate = self.add(format!("{se}.avg_pool"), Op::GlobalAvgPool, &[x]);
        let gate = self.add(format!("{se}.f_ex.0"), conv(v, w_se), &[gate]);
        let gate = self.add(format!("{se}.f_ex.1"), Op::Relu, &[gate]);
        let gate = self.add(format!("{se}.f_ex.2"), conv(w_se, v), &[gate]);
        let gate = self.add(format!("{se}.f_ex.3"), Op::Sigmoid, &[gate]);
        self.add(se.to_owned(), Op::Scale, &[x, gate])
    }

    fn head(&mut self, x: usize, classes: usize) -> usize {
        let input = self.channels(x);
        let x = self.add("head.avg_pool".to_owned(), Op::GlobalAvgPool, &[x]);
        self.add("head.fc".to_owned(), Op::Linear { input, output: classes }, &[x])
    }
}
