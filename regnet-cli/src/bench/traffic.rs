//! The least that a network's layers must move through memory, one at a time.

use regnet::space::{AnyNet, Op};

/// Bytes of an f32.
const ELEMENT: u64 = 4;

/// Bytes that all layers must read and write for `batch` images when each is a pass of its own, but for ReLUs and sums,
/// which are part of the norm before them: every input once and every output once. In training also the way back: every
/// input and every output's gradient are read, every input's gradient is written.
///
/// # Errors
///
/// Images that the network does not take.
pub fn bytes(spec: &AnyNet, size: usize, batch: usize, training: bool) -> anyhow::Result<u64> {
    let graph = spec.graph(size, size)?;
    let (mut inputs, mut outputs, mut weights) = (0, 0, 0);
    for node in graph.nodes() {
        let of = |index: &usize| graph.nodes()[*index].shape.len() as u64;
        match node.op {
            Op::Input | Op::Relu => continue,
            // The norm before it has read and written the rest.
            Op::Add => inputs += node.inputs.last().map_or(0, of),
            _ => {
                inputs += node.inputs.iter().map(of).sum::<u64>();
                outputs += node.shape.len() as u64;
            }
        }
        weights += node.op.tensors().iter().map(|t| t.shape.iter().product::<usize>() as u64).sum::<u64>();
    }
    let (passes_in, passes_out, passes_of_weights) = if training { (3, 2, 3) } else { (1, 1, 1) };
    let images = batch as u64 * (passes_in * inputs + passes_out * outputs);
    Ok(ELEMENT * (images + passes_of_weights * weights))
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn grows_with_batch_and_training() {
        let preset = regnet::space::Preset::find("RegNetX-200MF").expect("a preset");
        let spec = preset.declaration().to_anynet().expect("is valid");
        let [one, two, trained] = [(1, false), (2, false), (1, true)]
            .map(|(batch, training)| bytes(&spec, 224, batch, training).expect("takes such images") as f64);
        // pycls counts 2.2 M numbers out of convolutions; norms double them, and both are read and written.
        assert!((4.0 * 4.0 * 2.2e6..8.0 * 4.0 * 2.2e6).contains(&(one - 4.0 * 2.7e6)), "{one}");
        assert!(two > one && two < 2.0 * one, "weights are read once");
        assert!((2.0..3.0).contains(&(trained / one)), "{trained}");
    }
}
