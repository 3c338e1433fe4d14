//! A declaration of `self_regulated!` to a network.

use proc_macro2::TokenTree;
use regnet_space::{AnyNet, Cell, Images, ParamError, Regulator};

use super::draft::{Draft, stand_in};
use super::{Keys, Model, blame, keys, limits, missing, regulator};
use crate::budget;
use crate::key::{Form, Key};
use crate::parse::{Body, stream};
use crate::report::{Mistake, Report};
use crate::value::{self, text};

/// Checks everything about one declaration. The model is the one declared unless something was reported; only such a one
/// comes with the limits it is to be held to.
pub fn model(report: &mut Report, body: &Body) -> (Model, Vec<budget::Written>) {
    let mut draft = Depth::new();
    if !body.is_empty() {
        let before = report.len();
        let keys = keys(report, Form::SelfRegulated.keys(), &body.entries);
        missing(report, Form::SelfRegulated, body, &keys.attempted);
        draft.read(report, &keys);
        let limits = limits(report, &keys);
        let net = draft.check(report, body, &keys);
        if report.len() == before
            && let Some(model) = net.and_then(|net| draft.model(net))
        {
            return (model, limits);
        }
    }
    (draft.ends.into_model(), Vec::new())
}

/// A declaration that takes shape entry by entry.
struct Depth {
    /// Input, classes and squeeze-and-excitation; the rest of it is a stand-in.
    ends: Draft,
    depth: Option<usize>,
    regulator: Regulator,
}

impl Depth {
    fn new() -> Self {
        Self { ends: Draft::new(stand_in()), depth: None, regulator: Cell::default().into() }
    }

    /// Takes over all entries and reports values that cannot be read.
    fn read(&mut self, report: &mut Report, keys: &Keys<'_>) {
        for &(key, entry) in &keys.known {
            let Some(tokens) = &entry.value else { continue };
            if let Err(mistake) = self.set(report, key, tokens) {
                report.at(stream(tokens), mistake);
            }
        }
    }

    fn set(&mut self, report: &mut Report, key: Key, tokens: &[TokenTree]) -> Result<(), Mistake> {
        match key {
            Key::Depth => self.depth = Some(value::whole(key.name(), key.example(), tokens)?),
            Key::Cell => self.regulator.cell = text(tokens).parse::<Cell>()?,
            Key::Conv | Key::Share | Key::Carry => regulator::set(report, &mut self.regulator, key, tokens),
            _ => {
                self.ends.set(report, key, tokens);
            }
        }
        Ok(())
    }

    /// Reports what is wrong with the depth, and with what surrounds the stages; the network, if there is one of this
    /// depth. What is not declared is its data set's.
    fn check(&mut self, report: &mut Report, body: &Body, keys: &Keys<'_>) -> Option<AnyNet> {
        let mut at = |error: ParamError| report.at(blame(body, &keys.known, error.key()), error);
        let net = self.depth.and_then(|depth| network(depth, self.regulator).map_err(&mut at).ok());
        if let Some(net) = &net {
            self.ends.declaration.stem = net.stem;
            if !keys.known.iter().any(|(key, _)| *key == Key::Classes) {
                self.ends.declaration.classes = net.classes;
            }
        }
        self.ends.errors().into_iter().for_each(at);
        net
    }

    /// The network between the ends that were declared.
    fn model(&self, net: AnyNet) -> Option<Model> {
        let ends = self.ends.ends();
        let net =
            AnyNet { input_channels: ends.input_channels, se: ends.params.se, classes: ends.classes, ..net };
        let (height, width) = self.ends.size();
        let mut model = Model::new(net, height, width).ok()?;
        model.title = format!("A ResNet-{}", self.depth?);
        model.paper = "1512.03385";
        Some(model)
    }
}

/// The paper's network of this depth.
fn network(depth: usize, regulator: Regulator) -> Result<AnyNet, ParamError> {
    let images = Images::of_depth(depth);
    match images {
        Images::Cifar => AnyNet::self_regulated(depth, regulator, images.classes()),
        Images::ImageNet => Ok(AnyNet::self_regulated_imagenet(regulator, images.classes())),
    }
}
