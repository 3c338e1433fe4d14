//! Constraints on what surrounds the stages.

use super::key::Key;
use super::wanted::number;
use super::{DesignSpace, Problem};
use crate::error::{ParamError, SpecError};
use crate::limits::MAX_INPUT;
use crate::params::SE_RATIO;
use crate::spec::{Stem, check_ends, check_se};

impl DesignSpace {
    /// The squeeze-and-excitation, the stem, the images or the classes.
    pub(super) fn constrain_ends(&mut self, key: Key, text: &str) -> Result<(), Problem> {
        let wrong = Problem::Value { base: self.base, key };
        match key {
            Key::Se => {
                let read = || match text {
                    "true" => Some(Some(SE_RATIO)),
                    "false" => Some(None),
                    ratio => Some(Some(number(ratio)?)),
                };
                let se = read().ok_or(wrong)?;
                check_se(se).map_or(Ok(()), |error| Err(Problem::Network(error.into())))?;
                self.se = se;
            }
            Key::Stem => self.stem = stem(text, wrong)?,
            Key::Classes => {
                self.classes = text.parse().map_err(|_| wrong)?;
            }
            Key::Resolution => {
                let side = text.parse().map_err(|_| wrong)?;
                self.image = Some([self.input()[0], side, side]);
            }
            _ => {
                let sides: Option<Vec<usize>> =
                    text.split('x').map(|side| side.trim().parse().ok()).collect();
                let image = sides.and_then(|sides| <[usize; 3]>::try_from(sides).ok());
                self.image = Some(image.ok_or(wrong)?);
            }
        }
        match self.end_errors().into_iter().next() {
            Some(error) => Err(Problem::Network(error)),
            None => Ok(()),
        }
    }

    /// Everything wrong with the stem, the images and the classes.
    pub(crate) fn end_errors(&self) -> Vec<ParamError> {
        let [channels, height, width] = self.input();
        let mut errors = check_ends(channels, self.stem, self.classes);
        let sides = 1..=MAX_INPUT;
        if !(sides.contains(&height) && sides.contains(&width)) {
            errors.push(SpecError::InputSize { height, width });
        }
        errors.into_iter().map(ParamError::Spec).collect()
    }
}

/// `cifar(16)`, `cifar:16` or `cifar`.
fn stem(text: &str, wrong: Problem) -> Result<Stem, Problem> {
    let (kind, width) = match text.split_once(['(', ':']) {
        Some((kind, width)) => (kind, Some(width.strip_suffix(')').unwrap_or(width))),
        None => (text, None),
    };
    let kind = kind.trim().parse().map_err(Problem::Network)?;
    let width = width.map_or(Ok(Stem::default().width), |width| width.trim().parse().map_err(|_| wrong))?;
    Ok(Stem { kind, width })
}
