//! The published models.
//!
//! Parameters and errors are those of the model zoo of facebookresearch/pycls (`configs/dds_baselines`,
//! `dev/model_error.json`).

mod name;
mod table;

use std::fmt;

use crate::compat::Compatibility;
use crate::declaration::Declaration;
use crate::error::ParamError;
use crate::params::{RegNetParams, Space};
use crate::suggest;
use name::Spelling;

/// The two published families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Without squeeze-and-excitation.
    X,
    /// With squeeze-and-excitation.
    Y,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X => "RegNetX",
            Self::Y => "RegNetY",
        })
    }
}

/// A published model.
#[derive(Debug, Clone, PartialEq)]
pub struct Preset {
    /// Its name, such as `RegNetY-4.0GF`; torchvision's variants end in `-tv`.
    pub name: &'static str,
    /// Its family.
    pub family: Family,
    /// Its size class, in millions of flops.
    pub megaflops: u32,
    /// Its generating parameters.
    pub params: RegNetParams,
    /// How its widths are fitted to groups.
    pub compatibility: Compatibility,
    /// Published top-1 error on ImageNet, in per cent; `None` where pycls publishes no such model.
    pub top1_error: Option<f64>,
}

/// The 12 RegNetX and 12 RegNetY models of pycls, by family and size.
pub fn presets() -> &'static [Preset] {
    &table::PUBLISHED
}

/// The three models of torchvision whose widths differ from the published ones, because it fits them to groups by
/// another rule ([`Compatibility::Torchvision`]). Its other models are the published ones.
pub fn torchvision_presets() -> &'static [Preset] {
    &table::TORCHVISION
}

impl Preset {
    /// The preset of this name, in any case: `RegNetY-4.0GF` or `regnety-4gf`, torchvision's `regnet_y_1_6gf`, or
    /// timm's `regnety_040`. Only a final `tv` means a torchvision variant: `RegNetY-800MF-tv`, `regnety_008_tv`.
    ///
    /// # Errors
    ///
    /// [`ParamError::UnknownPreset`], with the name nearest in size or, failing that, in spelling.
    pub fn find(name: &str) -> Result<&'static Self, ParamError> {
        let spelling = Spelling::parse(name);
        let all = || presets().iter().chain(torchvision_presets());
        if let Some(spelling) = &spelling
            && let Some(found) = all().find(|preset| spelling.means(preset))
        {
            return Ok(found);
        }
        let nearest = match spelling {
            Some(spelling) => spelling.nearest(all()).map(|preset| preset.name),
            None => suggest::closest(name, all().map(|preset| preset.name)).map(|(_, name)| name),
        };
        let nearest = nearest.unwrap_or(table::PUBLISHED[0].name);
        Err(ParamError::UnknownPreset { name: name.to_owned(), nearest })
    }

    fn is_torchvision(&self) -> bool {
        self.compatibility == Compatibility::Torchvision
    }

    /// The smallest space that holds this model: [`Space::Any`] for one outside the published box.
    pub fn space(&self) -> Space {
        if self.params.check(Space::RegNet).is_ok() { Space::RegNet } else { Space::Any }
    }

    /// This model as a declaration, to be built or changed.
    pub fn declaration(&self) -> Declaration {
        let &Self { params, compatibility, .. } = self;
        Declaration { compatibility, space: self.space(), ..Declaration::new(params) }
    }
}
