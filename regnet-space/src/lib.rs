//! RegNet and AnyNet design-space arithmetic: parameters, stages, the layer graph, complexity, presets.
//!
//! Everything here is integers and a little `f64`: no tensors, no input or output. The `regnet!` macro runs this
//! code while it expands and the run time runs it again, so both see the same numbers and the same errors.
//!
//! ```
//! use regnet_space::{Preset, Stem};
//!
//! let preset = Preset::find("RegNetY-400MF")?;
//! let net = preset.declaration().to_anynet().map_err(|mut errors| errors.remove(0))?;
//! let widths: Vec<usize> = net.stages.iter().map(|stage| stage.width).collect();
//! assert_eq!(widths, [48, 104, 208, 440]);
//! assert_eq!(net.complexity(224, 224)?.params, 4_344_144);
//! assert_eq!(net.stem, Stem::default());
//! # Ok::<(), regnet_space::ParamError>(())
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`params`] | the generating parameters d, w0, wa, wm, g, b, se and their checks |
//! | [`bottleneck`] | the exact bottleneck ratio b |
//! | [`compat`] | fitting stage widths to group widths |
//! | [`design`] | design spaces: the paper's, and others by constraint |
//! | [`sample`] | drawing networks from a design space |
//! | [`source`] | declarations as Rust source |
//! | [`spec`] | the AnyNet spec: stem, stages, head |
//! | [`declaration`] | everything a `regnet!` declaration says, checked in one go |
//! | [`fit`] | from a network's stages back to generating parameters |
//! | [`line_fit`] | how near widths come to a quantised line: e_fit |
//! | [`graph`] | the layers a spec stands for, named as pycls names them |
//! | [`complexity`] | flops, parameters and activations, folded from the graph |
//! | [`drawing`] | SVG and DOT pictures |
//! | [`memory`] | bytes for inference and training, folded from the graph |
//! | [`budget`] | limits on what a network may cost |
//! | [`naming`] | the names that pycls, timm and torchvision give tensors |
//! | [`nearness`] | networks that are almost a published one |
//! | [`preset`] | the published models |
//! | [`regulator`] | what runs beside the blocks of a self-regulated network |
//! | [`self_regulated`] | the self-regulated networks of the paper |
//! | [`error`] | what can be wrong with numbers |
//! | [`code`] | short names of errors |
//! | [`statistics`] | what the errors of a population say: EDFs, bootstrap, random search |
//! | [`suggest`] | the nearest known word |
//! | [`membership`] | the paper's design spaces, and what keeps a network out of one |
//! | [`limits`] | structural bounds |
//! | [`text`] | stage tables as text |
//! | [`units`] | figures such as 400M |
//! | [`words`] | what errors say, in parts |

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod bottleneck;
pub mod budget;
pub mod code;
pub mod compat;
pub mod complexity;
pub mod declaration;
pub mod design;
pub mod drawing;
pub mod error;
pub mod fit;
pub mod graph;
pub mod limits;
pub mod line_fit;
pub mod membership;
pub mod memory;
pub mod naming;
pub mod nearness;
pub mod params;
pub mod preset;
mod quantise;
pub mod regulator;
pub mod sample;
pub mod self_regulated;
pub mod source;
pub mod spec;
pub mod statistics;
pub mod suggest;
pub mod text;
pub mod units;
pub mod words;

pub use bottleneck::Bottleneck;
pub use budget::{Budget, BudgetError, Limit, Quantity};
pub use compat::Compatibility;
pub use complexity::{Complexity, StageRow};
pub use declaration::Declaration;
pub use design::{Axis, ConstraintError, DesignSpace, Distribution};
pub use error::{Nearest, ParamError, SpecError};
pub use graph::{Cells, Conv, Graph, Node, Op, Parameter, Shape, Step};
pub use line_fit::LineFit;
pub use membership::{SpaceError, SpaceName};
pub use memory::{Memory, Mode};
pub use naming::{Layout, Naming};
pub use nearness::{Nearness, nearest_preset};
pub use params::{RegNetParams, SE_RATIO, Space};
pub use preset::{Family, Preset, presets, torchvision_presets};
pub use regulator::{Cell, CellConv, Regulator, Share};
pub use sample::{Drawn, Figure, SampleError, Sampler, Windows};
pub use self_regulated::{Images, SelfRegulated, self_regulated_presets};
pub use spec::{AnyNet, Block, Stage, Stem, StemKind};
pub use words::Words;
