//! Regulators: the convolutional recurrent networks that carry memory between the blocks of a stage (Xu et al.,
//! "RegNet: Self-Regulated Network for Image Classification", 2021, arXiv 2101.00590).
//!
//! The blocks of a stage are time steps. A block gives its features to the regulator, which makes the next *state* of
//! them and of the state before; the block fuses the state's hidden part into its features, and the stage hands the
//! state on to the next block. Both the hidden state H and an lstm's memory C are normalised and rectified before
//! they are used and handed on: `[H, C] = relu(bn(cell(x, [H, C])))`, the paper's equations 6 and 7.
//!
//! A state is one tensor, `(batch, maps, channels, height, width)`: H, and behind it in lstm C.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `kind` | which recurrence, as a type or as a value |
//! | `weights` | the two forms of the gates' convolutions |
//! | `cell` | the regulator: a cell, and the scale and shift of its norm |
//! | `statistics` | the running statistics of that norm, which each block has for itself |
//! | `fuse` | the 1x1 convolution over features and hidden state |
//! | `carry` | the projection of a state from one stage to the next |

mod carry;
mod cell;
mod fuse;
mod kind;
mod statistics;
mod weights;

pub use carry::{Carries, Carry, NoCarry};
pub use cell::{Lends, Lent, PerBlock, Regulate, Regulator, Serves};
pub use fuse::Fuse;
pub use kind::{Gru, Kind, Lstm, Rnn};
pub use statistics::StepStatistics;
pub use weights::{EfficientConv, FullConv, GateWeights};
