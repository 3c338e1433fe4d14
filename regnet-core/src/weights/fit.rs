//! Which tensor of a file is which of a network's.

use std::collections::{BTreeMap, BTreeSet};

use regnet_space::suggest::nearest;
use regnet_space::{Layout, Naming, Preset, presets, torchvision_presets};

use super::Head;
use super::error::{Mismatch, WeightsError};
use super::file::{FileTensor, WeightFile};

/// A tensor that a network needs: its name in pycls and its dimensions.
pub(super) type Wanted = (String, Vec<usize>);

/// A file's tensors by the network's names.
pub(super) struct Fitted<'a> {
    pub(super) naming: Naming,
    pub(super) tensors: BTreeMap<String, Found<'a>>,
    /// Whether the network keeps its own head, because the file's is of another size.
    pub(super) replaces_head: bool,
}

/// A tensor of a file, with its name there.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) name: &'a str,
    pub(super) tensor: &'a FileTensor,
}

const HEAD: [&str; 2] = ["head.fc.weight", "head.fc.bias"];
/// More missing tensors than these are not looked up among the others, of which no more than so many are compared.
const LOOKED_UP: usize = 64;
const COMPARED: usize = 1000;

/// The naming and layout that most of the file's names follow.
fn detect(file: &WeightFile, wanted: &[Wanted]) -> (Naming, Layout) {
    let known = |(naming, layout): &(Naming, Layout)| {
        let names = wanted.iter().filter_map(|(name, _)| naming.name(*layout, name));
        names.filter(|name| file.tensors().contains_key(name)).count()
    };
    let all = Layout::ALL.into_iter().flat_map(|layout| Naming::ALL.map(|naming| (naming, layout)));
    // Of equals the first; `max_by_key` would take the last.
    all.rev().max_by_key(known).unwrap_or((Naming::Pycls, Layout::RegNet))
}

/// The file's tensors for a network, if it has them all and no others.
pub(super) fn fit<'a>(
    file: &'a WeightFile,
    wanted: &[Wanted],
    head: Head,
) -> Result<Fitted<'a>, WeightsError> {
    let (naming, layout) = detect(file, wanted);
    let mut fitted = Fitted { naming, tensors: BTreeMap::new(), replaces_head: false };
    let mut known = BTreeSet::new();
    let (mut mismatches, mut missing) = (Vec::new(), Vec::new());
    for (name, dims) in wanted {
        let theirs = naming.name(layout, name).unwrap_or_else(|| name.clone());
        match file.tensors().get_key_value(&theirs) {
            None => missing.push(theirs.clone()),
            Some((_, found)) if found.precision().is_none() => {
                let found = format!("{:?}", found.dtype);
                mismatches.push(Mismatch::Dtype { name: theirs.clone(), found });
            }
            Some((theirs, tensor)) if tensor.shape() == dims => {
                fitted.tensors.insert(name.clone(), Found { name: theirs, tensor });
            }
            Some((_, found)) if head == Head::Replace && is_other_head(name, found.shape(), dims) => {
                fitted.replaces_head = true;
            }
            Some((_, found)) => {
                let (expected, found) = (dims.clone(), found.shape().to_vec());
                mismatches.push(Mismatch::Shape { name: theirs.clone(), expected, found });
            }
        }
        known.insert(theirs);
    }
    let extra: Vec<&String> = file.tensors().keys().filter(|name| !known.contains(*name)).collect();
    mismatches.splice(0..0, explained(missing, &extra));
    mismatches.extend(extra.into_iter().cloned().map(Mismatch::Extra));
    if mismatches.is_empty() {
        return Ok(fitted);
    }
    let fits = fits(file, wanted).into_iter().map(|preset| preset.name).collect();
    Err(WeightsError::Mismatch { path: file.path().to_owned(), naming, mismatches, fits })
}

/// Whether a tensor is the head's, and differs in the number of classes alone.
fn is_other_head(name: &str, found: &[usize], wanted: &[usize]) -> bool {
    HEAD.contains(&name) && found.len() == wanted.len() && found[1..] == wanted[1..]
}

fn explained(missing: Vec<String>, extra: &[&String]) -> Vec<Mismatch> {
    let explain = |(i, name): (usize, String)| {
        let candidates = extra.iter().take(if i < LOOKED_UP { COMPARED } else { 0 });
        let candidates = candidates.map(|name| name.as_str()).filter(|other| other.len() <= 2 * name.len());
        let near = nearest(&name, candidates);
        Mismatch::Missing { nearest: near.map(str::to_owned), name }
    };
    missing.into_iter().enumerate().map(explain).collect()
}

/// The published models whose weights the file could be, whatever its number of classes; not those that need just
/// the tensors `but`.
fn fits(file: &WeightFile, but: &[Wanted]) -> Vec<&'static Preset> {
    let wanted = |preset: &Preset| wanted_by(preset).filter(|wanted| !same_but_head(wanted, but));
    let all = presets().iter().chain(torchvision_presets());
    all.filter(|preset| wanted(preset).is_some_and(|wanted| holds(file, &wanted))).collect()
}

fn same_but_head(a: &[Wanted], b: &[Wanted]) -> bool {
    let body = |wanted: &&Wanted| !HEAD.contains(&wanted.0.as_str());
    a.iter().filter(body).eq(b.iter().filter(body))
}

/// Whether the file has exactly these tensors, its own number of classes apart.
fn holds(file: &WeightFile, wanted: &[Wanted]) -> bool {
    let (naming, layout) = detect(file, wanted);
    let found = |(name, dims): &Wanted| {
        let tensor = naming.name(layout, name).and_then(|name| file.tensors().get(&name));
        tensor.is_some_and(|tensor| tensor.shape() == dims || is_other_head(name, tensor.shape(), dims))
    };
    file.tensors().len() == wanted.len() && wanted.iter().all(found)
}

fn wanted_by(preset: &Preset) -> Option<Vec<Wanted>> {
    Some(wanted(&preset.declaration().to_anynet().ok()?))
}

/// The tensors of a network.
pub(super) fn wanted(net: &regnet_space::AnyNet) -> Vec<Wanted> {
    // Weights do not depend on the resolution.
    let graph = net.graph(32, 32).ok();
    let parameters = graph.iter().flat_map(|graph| graph.parameters());
    parameters.map(|parameter| (parameter.name, parameter.shape)).collect()
}

impl WeightFile {
    /// The published models whose weights this file could hold, of whatever number of classes. Only torchvision's
    /// variants and the published models differ in shapes, so that there is one at most.
    pub fn fits(&self) -> Vec<&'static Preset> {
        fits(self, &[])
    }

    /// The number of classes that its head tells apart; `None` if it has no head that is known.
    pub fn classes(&self) -> Option<usize> {
        let names =
            Layout::ALL.into_iter().flat_map(|layout| Naming::ALL.map(|naming| naming.name(layout, HEAD[0])));
        let mut heads = names.flatten().filter_map(|name| self.tensors().get(&name));
        heads.find_map(|head| head.shape().first().copied())
    }

    /// A network's numbers with this file's classes in place of its own, for [`Head::Keep`].
    pub fn with_classes(&self, net: &regnet_space::AnyNet) -> regnet_space::AnyNet {
        regnet_space::AnyNet { classes: self.classes().unwrap_or(net.classes), ..net.clone() }
    }

    /// Whose names a network's tensors have in this file.
    pub fn naming(&self, net: &regnet_space::AnyNet) -> Naming {
        detect(self, &wanted(net)).0
    }
}
