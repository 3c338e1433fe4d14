//! Runs an ONNX file with tract: `onnx-by-tract NET.onnx INPUT OUTPUT BATCH CHANNELS HEIGHT WIDTH`. Input and output are
//! f32, little-endian, row by row.

use tract_onnx::prelude::*;

fn main() -> TractResult<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [net, input, output, dims @ ..] = &words[..] else { panic!("seven arguments are needed") };
    let dims = dims.iter().map(|dim| dim.parse()).collect::<Result<Vec<usize>, _>>()?;
    let bytes = std::fs::read(input)?;
    let numbers: Vec<f32> = bytes.as_chunks().0.iter().map(|&word| f32::from_le_bytes(word)).collect();
    let images = Tensor::from_shape(&dims, &numbers)?;
    let net = tract_onnx::onnx().model_for_path(net)?.with_input_fact(0, f32::fact(&dims).into())?;
    let logits = net.into_optimized()?.into_runnable()?.run(tvec!(images.into()))?;
    let logits = logits[0].to_plain_array_view::<f32>()?;
    let bytes: Vec<u8> = logits.iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(output, bytes)?;
    Ok(())
}
