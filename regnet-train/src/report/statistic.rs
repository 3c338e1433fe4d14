//! The numbers of a network that its error is drawn against.

use regnet_space::RegNetParams;

use super::entry::Entry;

/// A number of a network, in the paper's letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Statistic {
    Depth,
    /// The width of a stage, counted from 0.
    Width(usize),
    InitialWidth,
    Slope,
    Multiplier,
    GroupWidth,
    Bottleneck,
    Flops,
    Params,
    Acts,
    LineError,
}

impl Statistic {
    /// All of them, for networks of at most so many stages.
    pub(super) fn all(stages: usize) -> Vec<Self> {
        let widths = (0..stages).map(Self::Width);
        let others = [
            Self::GroupWidth,
            Self::Bottleneck,
            Self::InitialWidth,
            Self::Slope,
            Self::Multiplier,
            Self::Flops,
            Self::Params,
            Self::Acts,
            Self::LineError,
        ];
        [Self::Depth].into_iter().chain(widths).chain(others).collect()
    }

    /// A short name, for files.
    pub(super) fn key(self) -> String {
        let word = match self {
            Self::Width(stage) => return format!("w{}", stage + 1),
            Self::Depth => "d",
            Self::InitialWidth => "w0",
            Self::Slope => "wa",
            Self::Multiplier => "wm",
            Self::GroupWidth => "g",
            Self::Bottleneck => "b",
            Self::Flops => "flops",
            Self::Params => "params",
            Self::Acts => "acts",
            Self::LineError => "e_fit",
        };
        word.to_owned()
    }

    /// What the axis says.
    pub(super) fn label(self) -> String {
        let words = match self {
            Self::Width(stage) => return format!("width of stage {0}, w{0}", stage + 1),
            Self::Depth => "depth d (blocks)",
            Self::InitialWidth => "initial width w0",
            Self::Slope => "slope wa",
            Self::Multiplier => "multiplier wm",
            Self::GroupWidth => "group width g (largest)",
            Self::Bottleneck => "bottleneck ratio b (largest)",
            Self::Flops => "flops (multiply-adds)",
            Self::Params => "parameters",
            Self::Acts => "activations",
            Self::LineError => "linear-fit error e_fit",
        };
        words.to_owned()
    }

    /// Its value for a network, if it has one.
    pub(super) fn of(self, entry: &Entry) -> Option<f64> {
        let parameter = |value: fn(&RegNetParams) -> f64| entry.params.as_ref().map(value);
        match self {
            Self::Depth => Some(entry.depth() as f64),
            Self::Width(stage) => entry.net.stages.get(stage).map(|stage| stage.width as f64),
            Self::InitialWidth => parameter(|params| params.w0 as f64),
            Self::Slope => parameter(|params| params.wa),
            Self::Multiplier => parameter(|params| params.wm),
            Self::GroupWidth => Some(entry.group_width() as f64),
            Self::Bottleneck => Some(entry.bottleneck()),
            Self::Flops => Some(entry.cost.flops as f64),
            Self::Params => Some(entry.cost.params as f64),
            Self::Acts => Some(entry.cost.acts as f64),
            Self::LineError => entry.line_error,
        }
    }
}
