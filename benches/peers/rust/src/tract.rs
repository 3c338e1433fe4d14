//! tract: its optimised form of an ONNX file for one batch size, with a pool of threads, which tract uses for larger
//! matrix products and elementwise operations only.

use std::path::Path;

use tract_onnx::prelude::multithread::Executor;
use tract_onnx::prelude::*;

use crate::Run;
use crate::images::Images;

pub fn prepare(onnx: &Path, images: Images) -> anyhow::Result<Run> {
    let options = RunOptions {
        executor: Some(Executor::multithread(rayon::current_num_threads())),
        ..RunOptions::default()
    };
    let plan = tract_onnx::onnx()
        .model_for_path(onnx)?
        .with_input_fact(0, f32::fact(images.shape).into())?
        .into_optimized()?
        .into_runnable_with_options(&options)?;
    let input = Tensor::from_shape(&images.shape, &images.pixels)?.into_tvalue();
    Ok(Box::new(move || {
        let outputs = plan.run(tvec!(input.clone()))?;
        Ok(outputs[0].view().as_slice::<f32>()?.to_vec())
    }))
}
