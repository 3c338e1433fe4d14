//! The images to classify.

use std::path::Path;

use anyhow::{Context, ensure};
use safetensors::SafeTensors;

/// A batch of images.
pub struct Images {
    pub pixels: Vec<f32>,
    /// Images, channels, height and width.
    pub shape: [usize; 4],
}

impl Images {
    /// The first `batch` images of a safetensors file's `input`.
    pub fn read(path: &Path, batch: usize) -> anyhow::Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let file = SafeTensors::deserialize(&bytes)
            .with_context(|| format!("{} is no safetensors file", path.display()))?;
        let (pixels, shape) = floats(&file, "input")?;
        let [images, channels, height, width] = shape;
        ensure!(images >= batch, "`input` has {images} images, fewer than a batch of {batch}");
        let pixels = pixels[..batch * channels * height * width].to_vec();
        Ok(Self { pixels, shape: [batch, channels, height, width] })
    }
}

/// The numbers and the shape of a tensor, which must have `D` axes.
pub fn floats<const D: usize>(file: &SafeTensors, name: &str) -> anyhow::Result<(Vec<f32>, [usize; D])> {
    let tensor = file.tensor(name).with_context(|| format!("cannot find `{name}`"))?;
    ensure!(
        tensor.dtype() == safetensors::Dtype::F32,
        "`{name}` is in {:?}: write it as 32-bit floats",
        tensor.dtype()
    );
    let shape = tensor.shape();
    let shape =
        shape.try_into().with_context(|| format!("`{name}` has the shape {shape:?}, not {D} axes"))?;
    let (numbers, _) = tensor.data().as_chunks();
    Ok((numbers.iter().copied().map(f32::from_le_bytes).collect(), shape))
}
