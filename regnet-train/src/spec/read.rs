//! JSON to a network. Reading goes on after a mistake, so that all of them are found.

use std::fmt::Display;
use std::str::FromStr;

use regnet_space::{AnyNet, Block, Bottleneck, Regulator, Stage, Stem, suggest};
use serde_json::{Map, Value};

use super::error::{At, ReadError, brief};

const NETWORK: [&str; 8] =
    ["input_channels", "stem", "stem_width", "block", "stages", "se", "regulator", "classes"];
const STAGE: [&str; 5] = ["depth", "width", "stride", "bottleneck", "group_width"];

/// Reads and checks a network.
pub(super) fn network(json: &Value) -> Result<AnyNet, Vec<ReadError>> {
    let mut errors = Vec::new();
    let net = Object::new(&mut errors, None, json, &NETWORK).and_then(|mut object| object.network());
    match net {
        Some(net) if errors.is_empty() => match net.check() {
            Ok(()) => Ok(net),
            Err(errors) => Err(errors.into_iter().map(ReadError::Network).collect()),
        },
        _ => Err(errors),
    }
}

/// An object of the form, and everything wrong so far. What cannot be read is reported and `None`.
struct Object<'a> {
    errors: &'a mut Vec<ReadError>,
    stage: Option<usize>,
    fields: &'a Map<String, Value>,
    /// What misspelt keys were probably meant to be; they are not missing as well.
    meant: Vec<&'static str>,
}

impl<'a> Object<'a> {
    /// Reports the keys that are none of `keys`.
    fn new(
        errors: &'a mut Vec<ReadError>,
        stage: Option<usize>,
        json: &'a Value,
        keys: &[&'static str],
    ) -> Option<Self> {
        let at = |key: &str| At { key: key.to_owned(), stage };
        let Some(fields) = json.as_object() else {
            errors.push(ReadError::Kind { at: at(""), found: brief(json), expected: "an object" });
            return None;
        };
        let mut meant = Vec::new();
        for key in fields.keys().filter(|key| !keys.contains(&key.as_str())) {
            let nearest = suggest::nearest(key, keys.iter().copied());
            meant.extend(nearest);
            let help = match nearest {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("the keys are {}", keys.join(", ")),
            };
            errors.push(ReadError::Unknown { at: at(key), help });
        }
        Some(Self { errors, stage, fields, meant })
    }

    fn network(&mut self) -> Option<AnyNet> {
        let input_channels = self.whole("input_channels");
        let kind = self.word("stem", "`simple`, `cifar` or `resnet`");
        let width = self.whole("stem_width");
        let block = self.block();
        let stages = self.stages();
        let se = self.optional("se", "a ratio or null", Value::as_f64);
        let regulator = self.regulator();
        let classes = self.whole("classes");
        Some(AnyNet {
            input_channels: input_channels?,
            stem: Stem { kind: kind?, width: width? },
            block: block?,
            stages: stages?,
            se,
            regulator,
            classes: classes?,
        })
    }

    fn stages(&mut self) -> Option<Vec<Stage>> {
        let list = self.field("stages", "a list of stages", Value::as_array)?;
        let stage = |(i, json)| {
            Object::new(self.errors, Some(i + 1), json, &STAGE).and_then(|mut object| object.stage())
        };
        // All of them, so that each reports what is wrong with it.
        let stages: Vec<Option<Stage>> = list.iter().enumerate().map(stage).collect();
        stages.into_iter().collect()
    }

    fn stage(&mut self) -> Option<Stage> {
        let depth = self.whole("depth");
        let width = self.whole("width");
        let stride = self.whole("stride");
        let ratio = self.field("bottleneck", "a number", Value::as_f64);
        let group_width = self.whole("group_width");
        let bottleneck = self.sound("bottleneck", Bottleneck::from_ratio(ratio?));
        Some(Stage {
            depth: depth?,
            width: width?,
            stride: stride?,
            bottleneck: bottleneck?,
            group_width: group_width?,
        })
    }

    fn block(&mut self) -> Option<Block> {
        let Some(name) = self.optional("block", "a block's name", Value::as_str) else {
            return Some(Block::default());
        };
        let all = [Block::Vanilla, Block::Basic, Block::Bottleneck];
        let found = all.into_iter().find(|block| block.to_string() == name);
        let unknown =
            || format!("no block is called `{name}`; there are `{}`, `{}` and `{}`", all[0], all[1], all[2]);
        self.sound("block", found.ok_or_else(unknown))
    }

    fn regulator(&mut self) -> Option<Regulator> {
        let text = self.optional("regulator", "a regulator's name or null", Value::as_str)?;
        self.sound("regulator", text.parse())
    }

    fn whole(&mut self, key: &'static str) -> Option<usize> {
        let whole = |value: &Value| usize::try_from(value.as_u64()?).ok();
        self.field(key, "a whole number", whole)
    }

    fn word<T: FromStr<Err: Display>>(&mut self, key: &'static str, expected: &'static str) -> Option<T> {
        let word = self.field(key, expected, Value::as_str)?;
        self.sound(key, word.parse())
    }

    /// The value of a key that must be there.
    fn field<T>(
        &mut self,
        key: &'static str,
        expected: &'static str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Option<T> {
        if !self.fields.contains_key(key) && !self.meant.contains(&key) {
            self.errors.push(ReadError::Missing { at: self.at(key), expected });
        }
        self.read(key, expected, read)
    }

    /// The value of a key that may be left out or null.
    fn optional<T>(
        &mut self,
        key: &'static str,
        expected: &'static str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Option<T> {
        if self.fields.get(key).is_none_or(Value::is_null) { None } else { self.read(key, expected, read) }
    }

    fn read<T>(
        &mut self,
        key: &'static str,
        expected: &'static str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.fields.get(key)?;
        let read = read(value);
        if read.is_none() {
            self.errors.push(ReadError::Kind { at: self.at(key), found: brief(value), expected });
        }
        read
    }

    /// What the value of a key means; reports that it means nothing.
    fn sound<T>(&mut self, key: &'static str, value: Result<T, impl Display>) -> Option<T> {
        let at = self.at(key);
        let value = value.map_err(|error| ReadError::Value { at, reason: error.to_string() });
        value.map_err(|error| self.errors.push(error)).ok()
    }

    fn at(&self, key: &str) -> At {
        At { key: key.to_owned(), stage: self.stage }
    }
}
