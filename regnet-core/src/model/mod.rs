//! Stems, blocks, stages, heads, and the networks they make up.

mod block;
mod bottleneck;
mod features;
mod head;
mod network;
mod pair;
mod regulated;
mod run_time;
mod stage;
mod stem;

pub use block::{Identity, Projection, ResBlock};
pub use bottleneck::Bottleneck;
pub use features::Features;
pub use head::Head;
pub use network::RegNet;
pub use pair::Pair;
pub use regulated::{
    BranchSizes, MatchesState, Regulated, RegulatedBranch, RegulatedStage, Remembers, Step, Threaded, Threads,
};
pub use run_time::{BuildError, DynRegNet};
pub use stage::Stage;
pub use stem::Stem;
