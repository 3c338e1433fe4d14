//! Checkpoints that `torch.save` wrote.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use ::safetensors::tensor::Dtype as FileDtype;
use pytorch_reader::{DType, PytorchReader, Tensor};

use super::file::{Contents, FileTensor, Place};
use super::guard;

pub(super) const WHAT: &str = "a PyTorch checkpoint";

/// How the zip archives begin that PyTorch 1.6 and later write.
pub(super) const ZIP: &[u8] = b"PK\x03\x04";
/// How the files before that begin: a pickle of PyTorch's magic number.
const LEGACY: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

/// Where checkpoints keep a state dict; pycls's own key is the first.
const KEYS: [&str; 3] = [PYCLS, "state_dict.", "model."];
const PYCLS: &str = "model_state.";

pub(super) fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(ZIP) || bytes.starts_with(LEGACY)
}

/// The tensors of the state dict in it. Its pickle is interpreted by a reader that knows how PyTorch describes tensors
/// and keeps everything else as an opaque value: nothing in the file is executed.
pub(super) fn contents(path: &Path, bytes: &[u8]) -> Result<Contents, String> {
    guard::check(bytes)?;
    let reader = PytorchReader::new(path).map_err(|error| error.to_string())?;
    let tensors = reader.into_tensors();
    if tensors.is_empty() {
        return Err("it holds no tensors".to_owned());
    }
    let key = KEYS.into_iter().find(|key| tensors.keys().any(|name| name.starts_with(key)));
    let tensors = under(key.unwrap_or_default(), tensors);
    Ok(Contents { tensors, takes_bgr: key == Some(PYCLS), description: None })
}

fn under(key: &str, tensors: HashMap<String, Tensor>) -> BTreeMap<String, FileTensor> {
    let tensors = tensors.into_iter().filter_map(|(name, tensor)| {
        let dtype = file_dtype(tensor.dtype());
        let shape = tensor.shape().to_vec();
        Some((name.strip_prefix(key)?.to_owned(), FileTensor { dtype, shape, place: Place::Torch(tensor) }))
    });
    tensors.collect()
}

fn file_dtype(dtype: DType) -> FileDtype {
    match dtype {
        DType::F64 => FileDtype::F64,
        DType::F32 => FileDtype::F32,
        DType::F16 => FileDtype::F16,
        DType::BF16 => FileDtype::BF16,
        DType::I64 => FileDtype::I64,
        DType::I32 => FileDtype::I32,
        DType::I16 => FileDtype::I16,
        DType::I8 => FileDtype::I8,
        DType::U64 => FileDtype::U64,
        DType::U32 => FileDtype::U32,
        DType::U16 => FileDtype::U16,
        DType::U8 => FileDtype::U8,
        DType::Bool => FileDtype::BOOL,
    }
}
