//! The header of a safetensors file.

use ::safetensors::tensor::Metadata;

use super::file::{Contents, FileTensor, Place};
use super::metadata;

pub(super) const WHAT: &str = "a safetensors file (nor a PyTorch checkpoint)";

/// Bytes before the header, which hold its length.
const PREFIX: usize = 8;
/// A header takes several times its length in memory when it is parsed. One that makes up more of a file than this,
/// beyond a first quarter of a megabyte, describes no network.
const LARGEST_PART: usize = 8;
const SMALL: usize = 1 << 18;

/// What the file holds; its offsets are checked to cover the file without gaps or overlaps.
pub(super) fn contents(bytes: &[u8]) -> Result<Contents, String> {
    let (length, rest) = bytes.split_first_chunk::<PREFIX>().ok_or("it is shorter than a header's length")?;
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let header = rest
        .get(..length)
        .ok_or_else(|| format!("its header claims {length} bytes, of {} in the file", bytes.len()))?;
    if length > SMALL + bytes.len() / LARGEST_PART {
        return Err(format!("its header makes up {length} bytes of {}, too many for weights", bytes.len()));
    }
    let header: Metadata =
        serde_json::from_slice(header).map_err(|error| format!("in its header: {error}"))?;
    let data = rest.len() - length;
    if header.data_len() != data {
        return Err(format!("its tensors take {} bytes, but it holds {data}", header.data_len()));
    }
    let start = PREFIX + length;
    let tensors = header.tensors().into_iter().map(|(name, info)| {
        let (from, to) = info.data_offsets;
        let place = Place::Mapped((start + from) as u64..(start + to) as u64);
        (name, FileTensor { dtype: info.dtype, shape: info.shape.clone(), place })
    });
    let description = metadata::description(header.metadata().as_ref());
    Ok(Contents { tensors: tensors.collect(), takes_bgr: false, description })
}
