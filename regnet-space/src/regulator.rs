//! Regulators: the convolutional recurrent networks that run beside a stage's blocks (Xu et al., "RegNet:
//! Self-Regulated Network for Image Classification", 2021, arXiv 2101.00590).
//!
//! The blocks of a stage are the time steps. Each hands its features and the state to the regulator, concatenates the
//! hidden state that comes back to its own features, and passes the state on.
//!
//! ```
//! use regnet_space::{Cell, CellConv, Regulator};
//!
//! let regulator: Regulator = "gru(conv = efficient, carry = true)".parse()?;
//! assert_eq!(regulator, Regulator { conv: CellConv::Efficient, carry: true, ..Cell::Gru.into() });
//! assert_eq!(regulator.to_string(), "gru(conv = efficient, carry = true)");
//! # Ok::<(), regnet_space::ParamError>(())
//! ```

use std::fmt;
use std::str::FromStr;

use crate::error::ParamError;
use crate::spec::{AnyNet, Block};

/// What runs beside the blocks of each stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Regulator {
    /// Its cell.
    pub cell: Cell,
    /// How the cell convolves.
    pub conv: CellConv,
    /// Which blocks share its weights.
    pub share: Share,
    /// Whether the state passes from stage to stage, through a strided projection; else each stage starts at zero.
    pub carry: bool,
}

impl From<Cell> for Regulator {
    /// The paper's: full convolutions, one a stage, no carry.
    fn from(cell: Cell) -> Self {
        Self { cell, conv: CellConv::default(), share: Share::default(), carry: false }
    }
}

impl Regulator {
    /// The tensors of one regulator of `n` channels that are trained: names, such as `h.weight`, and shapes.
    pub fn tensors(&self, n: usize) -> Vec<(&'static str, Vec<usize>)> {
        let gates = self.cell.gates() * n;
        let norm = vec![self.cell.maps() * n];
        let cell = match self.conv {
            CellConv::Full => vec![("x.weight", vec![gates, n, 3, 3]), ("h.weight", vec![gates, n, 3, 3])],
            CellConv::Efficient => vec![
                ("x_scale", vec![gates]),
                ("h_scale", vec![gates]),
                ("spatial.weight", vec![gates, 1, 3, 3]),
            ],
        };
        let rest = [("bias", vec![gates]), ("bn.weight", norm.clone()), ("bn.bias", norm)];
        cell.into_iter().chain(rest).collect()
    }
}

/// The recurrence. `*` is convolution, `[..]` concatenation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Cell {
    /// H' = tanh(W * [X, H] + b).
    Rnn,
    /// H' = (1 - z) H + z tanh(W * [X, r H] + b), with an update gate z and a reset gate r.
    Gru,
    /// C' = f C + i tanh(W * [X, H] + b) and H' = o tanh(C'), with gates i, f and o.
    #[default]
    Lstm,
}

impl Cell {
    /// Convolutions over its input and state, the candidate's included: 1, 3 or 4.
    pub const fn gates(self) -> usize {
        match self {
            Self::Rnn => 1,
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }

    /// Feature maps of its state: H, of lstm H and C.
    pub const fn maps(self) -> usize {
        match self {
            Self::Rnn | Self::Gru => 1,
            Self::Lstm => 2,
        }
    }
}

/// The convolution of 2N to N channels in each gate, over input and state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CellConv {
    /// 3x3, every channel with every other.
    #[default]
    Full,
    /// A grouped 1x1 that fuses each channel with its state, then a grouped 3x3, of N groups each.
    Efficient,
}

/// Who shares a regulator's weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Share {
    /// The blocks of a stage.
    #[default]
    Stage,
    /// Nobody: each block has its own.
    Block,
}

/// Names in both directions, from one list.
macro_rules! names {
    ($type:ident, $what:literal, $allowed:literal: $($name:literal $variant:ident),*) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $name),* })
            }
        }

        impl FromStr for $type {
            type Err = ParamError;

            fn from_str(name: &str) -> Result<Self, ParamError> {
                match name {
                    $($name => Ok(Self::$variant),)*
                    _ => Err(unknown(name, $what, $allowed)),
                }
            }
        }
    };
}

names!(Cell, "cell of a regulator", "there are `rnn`, `gru` and `lstm`": "rnn" Rnn, "gru" Gru, "lstm" Lstm);
names!(CellConv, "convolution of a regulator", "there are `full` and `efficient`": "full" Full, "efficient" Efficient);
names!(Share, "way to share a regulator", "there are `stage` and `block`": "stage" Stage, "block" Block);

fn unknown(text: &str, what: &'static str, allowed: &'static str) -> ParamError {
    ParamError::UnknownRegulator { text: text.to_owned(), what, allowed }
}

impl fmt::Display for Regulator {
    /// The cell, and in parentheses what is not the default.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self { cell, conv, share, carry } = self;
        let usual = Self::from(cell);
        let options = [
            (conv != usual.conv).then(|| format!("conv = {conv}")),
            (share != usual.share).then(|| format!("share = {share}")),
            (carry != usual.carry).then(|| format!("carry = {carry}")),
        ];
        let options: Vec<String> = options.into_iter().flatten().collect();
        if options.is_empty() { write!(f, "{cell}") } else { write!(f, "{cell}({})", options.join(", ")) }
    }
}

impl FromStr for Regulator {
    type Err = ParamError;

    /// Reads what `Display` writes; every option once, in any order, with or without spaces.
    fn from_str(text: &str) -> Result<Self, ParamError> {
        const EXAMPLE: &str = "write `lstm`, or `gru(conv = efficient, share = block, carry = true)`";
        let malformed = || unknown(text, "regulator", EXAMPLE);
        let (cell, options) = match text.split_once('(') {
            Some((cell, rest)) => (cell, rest.trim_end().strip_suffix(')').ok_or_else(malformed)?),
            None => (text, ""),
        };
        let mut regulator = Self::from(cell.trim().parse::<Cell>()?);
        let mut seen = Vec::new();
        for option in options.split(',').filter(|option| !option.trim().is_empty()) {
            let (key, value) = option.split_once('=').ok_or_else(malformed)?;
            let (key, value) = (key.trim(), value.trim());
            if seen.contains(&key) {
                return Err(unknown(text, "regulator with each option once", EXAMPLE));
            }
            regulator.set(key, value)?;
            seen.push(key);
        }
        Ok(regulator)
    }
}

impl Regulator {
    /// Sets the option of this name.
    ///
    /// # Errors
    ///
    /// [`ParamError::UnknownRegulator`], for a key or a value that means nothing.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ParamError> {
        match key {
            "conv" => self.conv = value.parse()?,
            "share" => self.share = value.parse()?,
            "carry" => {
                let wrong = |_| unknown(value, "value of `carry`", "there are `true` and `false`");
                self.carry = value.parse().map_err(wrong)?;
            }
            _ => return Err(unknown(key, "option of a regulator", "there are `conv`, `share` and `carry`")),
        }
        Ok(())
    }
}

impl Block {
    /// Whether squeeze-and-excitation and a regulator have a place in it.
    pub const fn has_shortcut(self) -> bool {
        !matches!(self, Self::Vanilla)
    }
}

impl AnyNet {
    /// Channels of the regulator's hidden state in each stage: the inner width of the stage's blocks. An lstm's cell
    /// state has as many, and all have the resolution that comes out of the stage. Empty where there is no regulator.
    pub fn state_widths(&self) -> Vec<usize> {
        let stages = self.regulator.map(|_| self.stages.iter());
        stages.into_iter().flatten().map(|stage| stage.inner_width()).collect()
    }
}
