//! A declaration that takes shape entry by entry.

use std::fmt::Display;

use proc_macro2::{Delimiter, TokenTree};
use regnet_space::{Bottleneck, Declaration, ParamError, Preset, SE_RATIO, Space, Stem, StemKind, presets};

use super::Model;
use super::regulator::regulator;
use crate::code::Code;
use crate::key::Key;
use crate::parse::{Entry, flatten, is_group, is_word, stream};
use crate::report::{Mistake, Report};
use crate::value::{self, text};

/// What is declared so far.
#[derive(Clone)]
pub struct Draft {
    pub(super) declaration: Declaration,
    /// Height and width of the images; by default those of the stem's kind.
    size: Option<(usize, usize)>,
}

/// The smallest published model; it stands in for what cannot be read.
pub fn stand_in() -> &'static Preset {
    &presets()[0]
}

impl Draft {
    pub fn new(preset: &Preset) -> Self {
        // A preset outside the published box stays allowed: what is not set again is not held against the user.
        let declaration = Declaration { space: Space::RegNet, ..preset.declaration() };
        Self { declaration, size: None }
    }

    /// Takes over all entries, reports values that cannot be read, and returns the entries that can.
    pub fn read<'a>(&mut self, report: &mut Report, entries: &[(Key, &'a Entry)]) -> Vec<(Key, &'a Entry)> {
        let mut read = Vec::new();
        for &(key, entry) in entries {
            let Some(value) = &entry.value else { continue };
            if self.set(report, key, value) {
                read.push((key, entry));
            }
        }
        read
    }

    /// Everything wrong with the numbers.
    pub fn errors(&self) -> Vec<ParamError> {
        let mut errors = self.declaration.to_anynet().err().unwrap_or_default();
        let (height, width) = self.size();
        let size = stand_in().declaration().to_anynet().map(|net| net.graph(height, width));
        errors.extend(size.into_iter().filter_map(Result::err).map(ParamError::Spec));
        errors
    }

    /// The network declared or, if that is not sound, one with the same ends, or the stand-in.
    pub fn into_model(self) -> Model {
        let declared = Declaration { space: Space::Any, ..self.declaration };
        let published = stand_in().declaration();
        let same_ends =
            Declaration { params: published.params, compatibility: published.compatibility, ..declared };
        let size = self.size();
        let drafts = [(declared, size), (same_ends, size), (published, (224, 224))];
        let model = drafts
            .iter()
            .find_map(|(draft, (height, width))| Model::new(draft.to_anynet().ok()?, *height, *width).ok());
        model.expect("the last draft is a published model")
    }

    /// What is declared so far, the numbers of the stages aside.
    pub fn ends(&self) -> &Declaration {
        &self.declaration
    }

    /// Height and width of the images.
    pub fn size(&self) -> (usize, usize) {
        self.size.unwrap_or(usual_size(self.declaration.stem.kind))
    }

    /// Sets one key of `regnet!`, or reports what cannot be read; whether it is set.
    pub fn set(&mut self, report: &mut Report, key: Key, tokens: &[TokenTree]) -> bool {
        if key == Key::Regulator {
            let regulator = regulator(report, tokens);
            self.declaration.regulator = regulator;
            return regulator.is_some();
        }
        self.set_value(key, tokens).map_err(|mistake| report.at(stream(tokens), mistake)).is_ok()
    }

    fn set_value(&mut self, key: Key, tokens: &[TokenTree]) -> Result<(), Mistake> {
        let whole = || value::whole(key.name(), key.example(), tokens);
        let number = || value::number(key.name(), key.example(), tokens);
        let Declaration { params, classes, stem, space, input_channels, .. } = &mut self.declaration;
        match key {
            Key::D => params.d = whole()?,
            Key::W0 => params.w0 = whole()?,
            Key::Wa => params.wa = number()?,
            Key::Wm => params.wm = number()?,
            Key::G => params.g = whole()?,
            Key::B => params.b = Bottleneck::from_ratio(number()?)?,
            Key::Se => params.se = squeeze_excite(tokens)?,
            Key::Classes => *classes = whole()?,
            Key::Stem => *stem = self::stem(tokens)?,
            Key::Space => *space = self::space(tokens)?,
            Key::Input => {
                let [channels, height, width] = image(tokens)?;
                *input_channels = channels;
                self.size = Some((height, width));
            }
            // A budget says nothing about the network; those of `anynet!` are read by its own draft.
            _ => {}
        }
        Ok(())
    }
}

/// Height and width of the images a stem is usually for.
pub fn usual_size(stem: StemKind) -> (usize, usize) {
    match stem {
        StemKind::Cifar => (32, 32),
        StemKind::Simple | StemKind::ResNet => (224, 224),
    }
}

/// `true`, `false` or a ratio.
fn squeeze_excite(tokens: &[TokenTree]) -> Result<Option<f64>, Mistake> {
    match tokens {
        [word] if is_word(word, "true") => Ok(Some(SE_RATIO)),
        [word] if is_word(word, "false") => Ok(None),
        [TokenTree::Ident(other)] => Err(Mistake::new(
            Code::Se,
            format!("se = {other} is neither `true` nor `false` nor a ratio"),
            "write `se = true` for the usual ratio, or the ratio itself, as in `se = 0.25`",
        )),
        _ => value::number("se", "se = 0.25", tokens).map(Some),
    }
}

/// `simple`, `cifar` or `resnet`, perhaps with a width in parentheses.
pub fn stem(tokens: &[TokenTree]) -> Result<Stem, Mistake> {
    let form = |what: &str, name: &dyn Display| {
        Mistake::new(Code::StemForm, what, format!("write it as in `stem = {name}(32)`"))
    };
    let Some((TokenTree::Ident(name), width)) = tokens.split_first() else {
        return Err(form("stem is `simple`, `cifar` or `resnet`", &"simple"));
    };
    let kind = name.to_string().parse::<StemKind>()?;
    let width = match width {
        [] => Stem::default().width,
        [TokenTree::Group(width)] if is_group(&tokens[1], Delimiter::Parenthesis) => {
            value::whole("the stem's width", &format!("stem = {name}(32)"), &flatten(width.stream()))?
        }
        _ => return Err(form("a stem has one width in parentheses", name)),
    };
    Ok(Stem { kind, width })
}

fn space(tokens: &[TokenTree]) -> Result<Space, Mistake> {
    match tokens {
        [word] if is_word(word, "any") => Ok(Space::Any),
        [word] if is_word(word, "RegNet") => Ok(Space::RegNet),
        _ => Err(Mistake::new(
            Code::SpaceOption,
            format!("space = {} is neither `RegNet`, the published design space, nor `any`", text(tokens)),
            "leave it out for the published one, or write `space = any` to allow numbers outside it",
        )),
    }
}

/// Channels, height and width: `3 x 224 x 224`, with or without spaces.
pub fn image(tokens: &[TokenTree]) -> Result<[usize; 3], Mistake> {
    let text = text(tokens);
    let numbers: Option<Vec<usize>> = text.split('x').map(|number| number.parse().ok()).collect();
    numbers.and_then(|numbers| numbers.try_into().ok()).ok_or_else(|| {
        Mistake::new(
            Code::InputForm,
            format!("input = {text} is not channels x height x width"),
            format!("write it as in `{}`", Key::Input.example()),
        )
    })
}
