//! A declaration of `anynet!` to a network.

use proc_macro2::{TokenStream, TokenTree};
use regnet_space::limits::MAX_BOTTLENECK;
use regnet_space::{AnyNet, Block, Bottleneck, SpaceError, SpaceName, SpecError, Stage};

use super::draft::{Draft, stand_in};
use super::list::Values;
use super::{Model, keys, limits, missing};
use crate::budget;
use crate::code::Code;
use crate::key::{Form, Key};
use crate::parse::{Body, Entry, stream};
use crate::report::{Mistake, Report};
use crate::value::{self, text};

/// The stride of a stage that does not say its own.
const STRIDE: usize = 2;

/// Checks everything about one declaration. The model is the one declared unless something was reported; only such a one
/// comes with the limits it is to be held to.
pub fn model(report: &mut Report, body: &Body) -> (Model, Vec<budget::Written>) {
    let mut draft = Stages::new();
    if !body.is_empty() {
        let keys = keys(report, Form::AnyNet.keys(), &body.entries);
        let complete = !missing(report, Form::AnyNet, body, &keys.attempted);
        draft.read(report, &keys.known);
        draft.check_ends(report, body, &keys.known);
        let plain = draft.has_plain_stages(report);
        // Stages whose lists do not line up mean nothing one by one.
        let sound = draft.same_lengths(report) && complete && plain;
        let limits = limits(report, &keys);
        let model = sound.then(|| draft.check(report, body, &keys.known));
        if let Some(model) = model.flatten() {
            return (model, limits);
        }
    }
    (draft.ends.into_model(), Vec::new())
}

/// A declaration that takes shape entry by entry.
struct Stages {
    /// Stem, input, classes and squeeze-and-excitation; the rest of it is a stand-in.
    ends: Draft,
    depths: Option<Values<usize>>,
    widths: Option<Values<usize>>,
    groups: Option<Values<usize>>,
    bottleneck: Option<Values<Bottleneck>>,
    strides: Option<Values<usize>>,
    block: Block,
    space: Option<SpaceName>,
}

impl Stages {
    fn new() -> Self {
        Self {
            ends: Draft::new(stand_in()),
            depths: None,
            widths: None,
            groups: None,
            bottleneck: None,
            strides: None,
            block: Block::default(),
            space: None,
        }
    }

    /// Takes over all entries and reports values that cannot be read.
    fn read(&mut self, report: &mut Report, entries: &[(Key, &Entry)]) {
        for &(key, entry) in entries {
            let Some(tokens) = &entry.value else { continue };
            if let Err(mistake) = self.set(report, key, tokens) {
                report.at(stream(tokens), mistake);
            }
        }
    }

    fn set(&mut self, report: &mut Report, key: Key, tokens: &[TokenTree]) -> Result<(), Mistake> {
        let whole = |tokens: &[TokenTree]| value::whole(key.name(), key.example(), tokens);
        match key {
            Key::Depths => self.depths = Values::read_list(report, key, tokens, whole),
            Key::Widths => self.widths = Values::read_list(report, key, tokens, whole),
            Key::Groups => self.groups = Some(Values::read(report, key, tokens, whole)),
            Key::Strides => self.strides = Some(Values::read(report, key, tokens, whole)),
            Key::Bottleneck => self.bottleneck = Some(Values::read(report, key, tokens, ratio)),
            Key::Block => self.block = block(tokens)?,
            Key::DesignSpace => self.space = Some(space(tokens)?),
            _ => {
                self.ends.set(report, key, tokens);
            }
        }
        Ok(())
    }

    /// What is wrong with stem, input, classes and ratio, whatever the stages are.
    fn check_ends(&self, report: &mut Report, body: &Body, entries: &[(Key, &Entry)]) {
        for error in self.ends.errors() {
            report.at(self.blame(body, entries, error.key(), None), error);
        }
    }

    /// Whether all lists are as long as `depths`; reports those that are not.
    fn same_lengths(&self, report: &mut Report) -> bool {
        let first = self.depths.as_ref().or(self.widths.as_ref());
        let Some((count, first)) = first.and_then(|first| Some((first.len()?, first.key))) else {
            return false;
        };
        let lengths = [
            self.widths.as_ref().map(|v| (v.key, v.len(), v.at(None))),
            self.groups.as_ref().map(|v| (v.key, v.len(), v.at(None))),
            self.bottleneck.as_ref().map(|v| (v.key, v.len(), v.at(None))),
            self.strides.as_ref().map(|v| (v.key, v.len(), v.at(None))),
        ];
        let mut same = count > 0;
        for (key, len, at) in lengths.into_iter().flatten() {
            // An empty list was reported.
            let Some(len) = len.filter(|&len| len > 0 && count > 0 && len != count) else { continue };
            same = false;
            let what = format!("`{}` has {}, and `{}` has {count}", key.name(), values(len), first.name());
            report.at(at, Mistake::new(Code::ListLength, what, "give one for each stage"));
        }
        same
    }

    /// Checks the stages, and that they lie in the design space; `None` where they cannot be built.
    fn check(&self, report: &mut Report, body: &Body, entries: &[(Key, &Entry)]) -> Option<Model> {
        let net = self.net()?;
        let mut blamed = Vec::new();
        for error in net.check().err().unwrap_or_default() {
            // The ends were checked already.
            let Some(key) = key(&error) else { continue };
            let scalar = self.is_scalar(key);
            if !(scalar && blamed.contains(&key)) {
                report.at(self.blame(body, entries, key, error.stage()), error);
            }
            blamed.push(key);
        }
        if !blamed.is_empty() {
            return None;
        }
        self.check_space(report, body, entries, &net);
        let (height, width) = self.ends.size();
        let mut model = Model::new(net, height, width).ok()?;
        model.title = self.title();
        Some(model)
    }

    /// Basic and vanilla blocks have neither bottleneck nor groups; reports where they are set anyway.
    fn has_plain_stages(&self, report: &mut Report) -> bool {
        if self.block == Block::Bottleneck {
            return true;
        }
        let set = [
            self.groups.as_ref().map(|values| ("groups", values.at(None))),
            self.bottleneck.as_ref().map(|values| ("bottleneck", values.at(None))),
        ];
        let mut plain = true;
        for (key, at) in set.into_iter().flatten() {
            plain = false;
            let block = self.block;
            let help = format!("leave `{key}` out, or use `block = bottleneck`");
            report.at(at, Mistake::new(Code::PlainBlock, format!("a {block} block has no {key}"), help));
        }
        plain
    }

    fn check_space(&self, report: &mut Report, body: &Body, entries: &[(Key, &Entry)], net: &AnyNet) {
        let Some(space) = self.space else { return };
        let mut blamed = Vec::new();
        for error in net.check_space(space).err().unwrap_or_default() {
            let key = SpaceError::key(&error);
            // A default is not the user's; what asks for something else is.
            let given = entries.iter().any(|(given, _)| given.name() == key);
            let at = self.blame(body, entries, if given { key } else { "space" }, error.stage());
            if !(self.is_scalar(key) && blamed.contains(&key)) {
                report.at(at, error);
            }
            blamed.push(key);
        }
    }

    /// The network of the numbers read; `None` where one of them is missing.
    fn net(&self) -> Option<AnyNet> {
        let (depths, widths) = (self.depths.as_ref()?, self.widths.as_ref()?);
        let stage = |i: usize| {
            let plain = Stage::plain(depths.get(i)?, widths.get(i)?, optional(&self.strides, i, STRIDE)?);
            if self.block != Block::Bottleneck {
                return Some(plain);
            }
            let bottleneck = optional(&self.bottleneck, i, Bottleneck::ONE)?;
            let group_width =
                optional(&self.groups, i, bottleneck.inner(plain.width.min(usize::MAX / MAX_BOTTLENECK)))?;
            Some(Stage { bottleneck, group_width, ..plain })
        };
        let stages = (0..depths.len()?).map(stage).collect::<Option<Vec<_>>>()?;
        let ends = self.ends.ends();
        Some(AnyNet {
            input_channels: ends.input_channels,
            stem: ends.stem,
            block: self.block,
            stages,
            se: ends.params.se,
            regulator: ends.regulator,
            classes: ends.classes,
        })
    }

    /// What the documentation calls it.
    fn title(&self) -> String {
        match (self.space, self.block) {
            (Some(space @ (SpaceName::RegNetX | SpaceName::RegNetY)), _) => format!("A {space}"),
            (Some(space), _) => format!("An {space}"),
            (None, block) => format!("An AnyNet of {block} blocks"),
        }
    }

    fn is_scalar(&self, key: &str) -> bool {
        let groups = self.groups.as_ref().map(|v| (v.key, v.len()));
        let bottleneck = self.bottleneck.as_ref().map(|v| (v.key, v.len()));
        let strides = self.strides.as_ref().map(|v| (v.key, v.len()));
        let all = [groups, bottleneck, strides].into_iter().flatten();
        { all }.any(|(other, len)| other.name() == key && len.is_none())
    }

    /// The tokens at fault: the stage's in the key's list, the key's value, or all there is.
    fn blame(&self, body: &Body, entries: &[(Key, &Entry)], key: &str, stage: Option<usize>) -> TokenStream {
        let list = match key {
            "depths" => self.depths.as_ref().map(|values| values.at(stage)),
            "widths" => self.widths.as_ref().map(|values| values.at(stage)),
            "groups" => self.groups.as_ref().map(|values| values.at(stage)),
            "bottleneck" => self.bottleneck.as_ref().map(|values| values.at(stage)),
            "strides" => self.strides.as_ref().map(|values| values.at(stage)),
            _ => None,
        };
        let entry = entries.iter().find(|(given, _)| given.name() == key);
        let value = entry.and_then(|(_, entry)| entry.value.as_deref());
        list.or(value.map(stream)).unwrap_or_else(|| body.whole.clone())
    }
}

/// A stage's value, or the default where the key is not set.
fn optional<T: Copy>(values: &Option<Values<T>>, stage: usize, default: T) -> Option<T> {
    values.as_ref().map_or(Some(default), |values| values.get(stage))
}

fn values(count: usize) -> String {
    if count == 1 { "1 value".to_owned() } else { format!("{count} values") }
}

/// The key of `anynet!` at fault; `None` for the network's ends.
fn key(error: &SpecError) -> Option<&'static str> {
    Some(match error {
        SpecError::StageCount { .. } | SpecError::StageDepth { .. } => "depths",
        SpecError::StageWidth { .. } | SpecError::BottleneckWidth { .. } => "widths",
        SpecError::Stride { .. } => "strides",
        SpecError::GroupWidth { .. } => "groups",
        SpecError::PlainStage { .. } => "block",
        SpecError::PlainSe { .. } => "se",
        SpecError::PlainRegulator { .. } => "regulator",
        _ => return None,
    })
}

fn ratio(tokens: &[TokenTree]) -> Result<Bottleneck, Mistake> {
    let ratio = value::number(Key::Bottleneck.name(), Key::Bottleneck.example(), tokens)?;
    Ok(Bottleneck::from_ratio(ratio)?)
}

/// The blocks by name; `x` is the paper's name of the bottleneck.
fn block(tokens: &[TokenTree]) -> Result<Block, Mistake> {
    match text(tokens).as_str() {
        "x" | "bottleneck" => Ok(Block::Bottleneck),
        "basic" => Ok(Block::Basic),
        "vanilla" => Ok(Block::Vanilla),
        "y" => Err(Mistake::new(
            Code::Block,
            "a Y block is an X block with squeeze-and-excitation",
            "write `block = x, se = true`",
        )),
        other => Err(Mistake::new(
            Code::Block,
            format!("no block is called `{other}`"),
            "there are `x`, `basic`, `bottleneck` (the same as `x`) and `vanilla`",
        )),
    }
}

fn space(tokens: &[TokenTree]) -> Result<SpaceName, Mistake> {
    Ok(text(tokens).parse::<SpaceName>()?)
}
