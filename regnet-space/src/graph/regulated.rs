//! Expanding regulators and regulated blocks into layers.

use super::build::Builder;
use super::op::{Cells, Conv, Op, Step};
use crate::regulator::Share;
use crate::spec::{AnyNet, Block, Stage};

/// Where the blocks of a stage find their regulator, and what it last said.
pub(super) struct Regulation {
    cells: Cells,
    /// The regulator that the blocks share, if they do.
    shared: Option<usize>,
    /// What the last step made; `None` for zero.
    state: Option<usize>,
}

/// A block's name and the numbers that its layers follow from.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    pub name: &'a str,
    pub stage: &'a Stage,
    pub stride: usize,
}

impl Builder {
    /// The regulator of the stage called `name`, after the one of the stage before.
    pub(super) fn regulation(
        &mut self,
        name: &str,
        net: &AnyNet,
        stage: &Stage,
        before: Option<Regulation>,
    ) -> Option<Regulation> {
        let regulator = net.regulator?;
        let cells = Cells { regulator, channels: stage.inner_width() };
        let shared = (regulator.share == Share::Stage).then(|| self.regulator(name, cells));
        let last = before.filter(|_| regulator.carry).and_then(|before| Some((before.cells, before.state?)));
        let state = last.map(|(from, state)| self.carry(name, from, cells, stage.stride, state));
        Some(Regulation { cells, shared, state })
    }

    fn regulator(&mut self, name: &str, cells: Cells) -> usize {
        self.source(format!("{name}.r"), Op::Regulator(cells))
    }

    /// The state of the stage before, projected map by map to this stage's width and resolution.
    fn carry(&mut self, name: &str, from: Cells, to: Cells, stride: usize, state: usize) -> usize {
        let dense = Conv::dense(from.state(), to.state(), 1, stride);
        let conv = Op::Conv(Conv { group_width: from.channels, ..dense });
        self.add(format!("{name}.carry"), conv, &[state])
    }

    /// The hidden part of a state.
    fn hidden(&mut self, name: String, state: usize, cells: Cells) -> usize {
        let Cells { regulator, channels } = cells;
        if regulator.cell.maps() == 1 {
            return state;
        }
        self.add(name, Op::Slice { channels }, &[state])
    }

    /// A step of the regulator on the features `x`; returns H.
    fn step(&mut self, name: &str, regulation: &mut Regulation, x: usize, stride: usize) -> usize {
        let &mut Regulation { cells, shared, state } = regulation;
        let regulator = match shared {
            Some(regulator) => regulator,
            None => self.regulator(&format!("{name}.f"), cells),
        };
        let op = Op::Step(Step { cells, stride, has_state: state.is_some() });
        let inputs: Vec<usize> = [x, regulator].into_iter().chain(state).collect();
        let step = self.add(format!("{name}.f.r_step"), op, &inputs);
        let norm = Op::StepNorm { channels: cells.state() };
        let norm = self.add(format!("{name}.f.r_bn"), norm, &[step, regulator]);
        let state = self.add(format!("{name}.f.r_af"), Op::Relu, &[norm]);
        regulation.state = Some(state);
        self.hidden(format!("{name}.f.r_h"), state, cells)
    }

    /// The branch of a regulated block of the kind `block`, up to the norm of its last convolution.
    pub(super) fn regulated(
        &mut self,
        block: Block,
        x: usize,
        site: Site<'_>,
        regulation: &mut Regulation,
    ) -> usize {
        match block {
            Block::Bottleneck => self.regulated_bottleneck(x, site, regulation),
            Block::Basic | Block::Vanilla => self.regulated_basic(x, site, regulation),
        }
    }

    /// 3x3, regulator, fusing 1x1, 3x3.
    fn regulated_basic(&mut self, x: usize, site: Site<'_>, regulation: &mut Regulation) -> usize {
        let Site { name, stage, stride } = site;
        let (f, n) = (format!("{name}.f"), stage.width);
        let x = self.unit(&f, "a", x, Conv::dense(self.channels(x), n, 3, stride));
        let h = self.step(name, regulation, x, 1);
        let x = self.fuse(&f, x, h, n);
        self.conv_bn(format!("{f}.b"), format!("{f}.b_bn"), x, Conv::dense(n, n, 3, 1))
    }

    /// 1x1, regulator, grouped 3x3, fusing 1x1, 1x1.
    fn regulated_bottleneck(&mut self, x: usize, site: Site<'_>, regulation: &mut Regulation) -> usize {
        let Site { name, stage, stride } = site;
        let (f, n) = (format!("{name}.f"), stage.inner_width());
        let grouped = Conv { group_width: stage.group_width, ..Conv::dense(n, n, 3, stride) };
        let x = self.unit(&f, "a", x, Conv::dense(self.channels(x), n, 1, 1));
        let h = self.step(name, regulation, x, stride);
        let x = self.unit(&f, "b", x, grouped);
        let x = self.fuse(&f, x, h, n);
        self.conv_bn(format!("{f}.c"), format!("{f}.c_bn"), x, Conv::dense(n, stage.width, 1, 1))
    }

    /// The 1x1 convolution of features and hidden state to `n` channels.
    fn fuse(&mut self, f: &str, x: usize, h: usize, n: usize) -> usize {
        let both = self.add(format!("{f}.cat"), Op::Concat { channels: 2 * n }, &[x, h]);
        self.unit(f, "fuse", both, Conv::dense(2 * n, n, 1, 1))
    }
}
