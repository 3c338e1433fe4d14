//! Everything a declaration says about a network, checked in one go.

use crate::compat::Compatibility;
use crate::error::ParamError;
use crate::params::{RegNetParams, Space};
use crate::regulator::Regulator;
use crate::spec::{AnyNet, Block, Stem, check_ends};

/// A RegNet as declared: generating parameters and what surrounds them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Declaration {
    /// The generating parameters.
    pub params: RegNetParams,
    /// The design space they must lie in.
    pub space: Space,
    /// How widths are fitted to groups.
    pub compatibility: Compatibility,
    /// The stem.
    pub stem: Stem,
    /// What runs beside the blocks; `None` for nothing.
    pub regulator: Option<Regulator>,
    /// Channels of the image.
    pub input_channels: usize,
    /// Classes the head tells apart.
    pub classes: usize,
}

impl Declaration {
    /// The declaration that says nothing but its parameters: ImageNet's 3 channels and 1,000 classes.
    pub fn new(params: RegNetParams) -> Self {
        Self {
            params,
            space: Space::default(),
            compatibility: Compatibility::default(),
            stem: Stem::default(),
            regulator: None,
            input_channels: 3,
            classes: 1000,
        }
    }

    /// The network declared.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the declaration: see [`RegNetParams::check`] and [`AnyNet::check`].
    pub fn to_anynet(&self) -> Result<AnyNet, Vec<ParamError>> {
        let mut errors = self.params.check(self.space).err().unwrap_or_default();
        let ends = check_ends(self.input_channels, self.stem, self.classes);
        errors.extend(ends.into_iter().map(ParamError::Spec));
        if errors.is_empty() { self.build() } else { Err(errors) }
    }

    /// The network declared, whether or not its group width fits and its parameters lie in the design space.
    pub(crate) fn build(&self) -> Result<AnyNet, Vec<ParamError>> {
        let &Self { params, stem, regulator, input_channels, classes, .. } = self;
        let stages = params.stages_fitted(self.compatibility)?;
        if let Some(error) = params.stage_count_error() {
            return Err(vec![error]);
        }
        let (block, se) = (Block::Bottleneck, params.se);
        let net = AnyNet { input_channels, stem, block, stages, se, regulator, classes };
        match net.check() {
            Ok(()) => Ok(net),
            Err(errors) => Err(errors.into_iter().map(ParamError::Spec).collect()),
        }
    }
}
