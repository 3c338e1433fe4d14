//! The header of a safetensors file.

use std::collections::HashSet;
use std::fmt;

use ::safetensors::tensor::Metadata;
use regnet_space::text::printable;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::file::{Contents, Elements, FileTensor};
use super::metadata;
use super::source::Source;
use super::{TABLE_LIMIT, TENSORS_LIMIT};

pub(super) const WHAT: &str = "a safetensors file (nor a PyTorch checkpoint)";

/// Bytes before the header, which hold its length.
const PREFIX: u64 = 8;
/// Dimensions of a tensor.
const DIMENSIONS: usize = 64;

/// What the file holds; its offsets are checked to cover the file without gaps or overlaps.
pub(super) fn contents(source: &Source) -> Result<Contents, String> {
    let file = source.len();
    let prefix = source.read(0..PREFIX).map_err(|_| "it is shorter than a header's length")?;
    let length = prefix.first_chunk().map_or(u64::MAX, |length| u64::from_le_bytes(*length));
    if length > file - PREFIX {
        return Err(format!("its header claims {length} bytes, of {file} in the file"));
    }
    if length > TABLE_LIMIT {
        let most = TABLE_LIMIT / 1_000_000;
        return Err(format!("its header is longer than {most} MB, the most that safetensors allows"));
    }
    let start = PREFIX + length;
    let text = source.read(PREFIX..start).map_err(|error| error.to_string())?;
    let wrong = |error: serde_json::Error| format!("in its header: {}", printable(&error.to_string()));
    check(&text).map_err(wrong)?;
    let header: Metadata = serde_json::from_slice(&text).map_err(wrong)?;
    drop(text);
    let data = file - start;
    if header.data_len() as u64 != data {
        return Err(format!("its tensors take {} bytes, but it holds {data}", header.data_len()));
    }
    let tensors = header.tensors().into_iter().map(|(name, info)| {
        let (from, to) = info.data_offsets;
        let range = start + from as u64..start + to as u64;
        let elements = Elements { range, strides: None, entry: None };
        (name, FileTensor { dtype: info.dtype, shape: info.shape.clone(), elements })
    });
    let description = metadata::description(header.metadata().as_ref());
    Ok(Contents { tensors: tensors.collect(), description })
}

/// Whether a header names each tensor once, and holds no more than is read, before any of it is kept.
fn check(header: &[u8]) -> serde_json::Result<()> {
    let mut reader = serde_json::Deserializer::from_slice(header);
    Names { of_tensors: true }.deserialize(&mut reader)?;
    reader.end()
}

/// The keys of a map: each once, and not too many.
struct Names {
    /// Whether the values describe tensors; those of the metadata are texts.
    of_tensors: bool,
}

impl<'de> DeserializeSeed<'de> for Names {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Names {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("names with what they stand for")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "__metadata__" if self.of_tensors => map.next_value_seed(Names { of_tensors: false })?,
                _ if self.of_tensors => map.next_value_seed(Description)?,
                _ => map.next_value::<IgnoredAny>().map(drop)?,
            }
            if names.len() as u64 == TENSORS_LIMIT {
                return Err(Error::custom(format!("it has more than {TENSORS_LIMIT} names")));
            }
            if let Some(twice) = names.replace(name) {
                return Err(Error::custom(format!("`{}` is there twice", printable(&twice))));
            }
        }
        Ok(())
    }
}

/// What is said of a tensor; of its shape, how many dimensions it has.
struct Description;

impl<'de> DeserializeSeed<'de> for Description {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Description {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what describes a tensor")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "shape" {
                map.next_value_seed(Self)?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut shape: A) -> Result<(), A::Error> {
        let mut left = DIMENSIONS;
        while shape.next_element::<IgnoredAny>()?.is_some() {
            left = left.checked_sub(1).ok_or_else(|| Error::custom("a tensor has too many dimensions"))?;
        }
        Ok(())
    }
}
