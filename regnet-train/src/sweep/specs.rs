//! A population as JSON lines, checked line by line.

use regnet_space::AnyNet;

use super::error::{LineError, SweepError};
use super::trial::Trial;
use crate::data::Split;
use crate::spec::{Spec, SpecFile};

/// What every trial of a sweep must fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// Classes of the data.
    pub classes: usize,
    /// Height and width of images, for lines that do not say.
    pub size: usize,
}

/// Reads a population: a line for each network, as `regnet space sample` and `regnet show --json` write them. Empty
/// lines are skipped.
///
/// # Errors
///
/// [`SweepError::Specs`] with everything wrong with every line; [`SweepError::NoSpecs`].
pub fn parse(text: &str, fit: Fit) -> Result<Vec<Trial>, SweepError> {
    let (mut trials, mut errors) = (Vec::new(), Vec::new());
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match trial(line, fit) {
            Ok(trial) => trials.push(trial),
            Err(reasons) => {
                errors.extend(reasons.into_iter().map(|reason| LineError { line: number + 1, reason }));
            }
        }
    }
    match (trials.is_empty(), errors.is_empty()) {
        (_, false) => Err(SweepError::Specs(errors)),
        (true, true) => Err(SweepError::NoSpecs),
        (false, true) => Ok(trials),
    }
}

fn trial(line: &str, Fit { classes, size }: Fit) -> Result<Trial, Vec<String>> {
    let say =
        |errors: Vec<crate::spec::ReadError>| errors.iter().map(ToString::to_string).collect::<Vec<_>>();
    let SpecFile { net, image } = SpecFile::parse(line).map_err(say)?;
    let image = image.unwrap_or([size; 2]);
    let errors = misfits(&net, image, classes);
    let input = [net.input_channels, image[0], image[1]];
    if errors.is_empty() { Ok(Trial { network: Spec(net), input }) } else { Err(errors) }
}

/// Why a network cannot be trained on the data.
fn misfits(net: &AnyNet, [height, width]: [usize; 2], classes: usize) -> Vec<String> {
    let mut errors = Vec::new();
    if net.classes != classes {
        errors.push(format!("`classes` is {}, but the data has {classes}", net.classes));
    }
    if net.input_channels != 3 {
        errors.push(format!("`input_channels` is {}, but images have 3", net.input_channels));
    }
    if height != width || !Split::SIZES.contains(&height) {
        let (least, most) = (Split::SIZES.start(), Split::SIZES.end());
        errors.push(format!(
            "`input` is of {height} x {width} pixels; images are square, of {least} to {most} pixels a side"
        ));
    }
    if let Err(error) = net.complexity(height, width) {
        errors.push(error.to_string());
    }
    errors
}
