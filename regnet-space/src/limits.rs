//! Structural bounds.
//!
//! Far beyond any useful network, they keep the arithmetic exact and make absurd input (d = 10^9) an error at once
//! instead of a long computation.

/// The most stages a network may have.
pub const MAX_STAGES: usize = 6;

/// The most blocks, in one stage and in a whole RegNet.
pub const MAX_DEPTH: usize = 1024;

/// The most channels of an image, a stem or a stage.
pub const MAX_WIDTH: usize = 65_536;

/// The largest n of a bottleneck ratio n or 1/n.
pub const MAX_BOTTLENECK: usize = 64;

/// The most classes a head may tell apart.
pub const MAX_CLASSES: usize = 1 << 20;

/// The largest input height or width, in pixels.
pub const MAX_INPUT: usize = 16_384;
