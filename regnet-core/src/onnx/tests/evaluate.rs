//! The operators that files use, as plainly as the ONNX specification says what they are.

use std::collections::BTreeMap;

use super::super::proto::{self, Model, Node};

/// A tensor, row by row; whole numbers too are held as f32.
#[derive(Debug, Clone)]
pub struct Value {
    pub dims: Vec<usize>,
    pub data: Vec<f32>,
}

/// What the file makes of its input.
pub fn evaluate(model: &Model, input: Value) -> Value {
    let graph = model.graph.as_ref().expect("a model has a graph");
    let mut values: BTreeMap<&str, Value> = BTreeMap::new();
    for tensor in &graph.initializers {
        values.insert(&tensor.name, initializer(tensor));
    }
    values.insert(&graph.inputs[0].name, input);
    for node in &graph.nodes {
        let inputs: Vec<&Value> = node.inputs.iter().map(|name| &values[name.as_str()]).collect();
        let outputs = apply(node, &inputs);
        values.extend(node.outputs.iter().map(String::as_str).zip(outputs));
    }
    values[graph.outputs[0].name.as_str()].clone()
}

fn initializer(tensor: &proto::Tensor) -> Value {
    let dims = tensor.dims.iter().map(|&dim| dim as usize).collect();
    let floats = |bytes: &[u8]| bytes.as_chunks().0.iter().map(|&word| f32::from_le_bytes(word)).collect();
    let numbers =
        |bytes: &[u8]| bytes.as_chunks().0.iter().map(|&word| i64::from_le_bytes(word) as f32).collect();
    let data = if tensor.element == proto::FLOAT { floats(&tensor.bytes) } else { numbers(&tensor.bytes) };
    Value { dims, data }
}

fn apply(node: &Node, inputs: &[&Value]) -> Vec<Value> {
    let x = inputs[0];
    let one = match node.op.as_str() {
        "Conv" => conv(node, x, inputs[1], inputs.get(2).copied()),
        "BatchNormalization" => batch_norm(node, inputs),
        "Relu" => each(x, |x| x.max(0.0)),
        "Sigmoid" => each(x, |x| 1.0 / (1.0 + (-x).exp())),
        "Tanh" => each(x, f32::tanh),
        "Add" => both(x, inputs[1], |a, b| a + b),
        "Sub" => both(x, inputs[1], |a, b| a - b),
        "Mul" => both(x, inputs[1], |a, b| a * b),
        "MaxPool" => max_pool(node, x),
        "GlobalAveragePool" => average(x),
        "Flatten" => Value { dims: vec![x.dims[0], x.dims[1..].iter().product()], data: x.data.clone() },
        "Gemm" => gemm(node, x, inputs[1], inputs[2]),
        "Concat" => concat(node, inputs),
        "Slice" => {
            let [start, end, axis] = [1, 2, 3].map(|i: usize| inputs[i].data[0] as usize);
            part(x, axis, start, end)
        }
        "Reshape" => reshape(x, inputs[1]),
        "Split" => return split(node, x, inputs[1]),
        op => panic!("{op} is not among the operators"),
    };
    vec![one]
}

fn int(node: &Node, name: &str) -> Option<usize> {
    let attribute = node.attributes.iter().find(|attribute| attribute.name == name)?;
    attribute.int.map(|value| value as usize)
}

fn first_int(node: &Node, name: &str) -> usize {
    let attribute = node.attributes.iter().find(|attribute| attribute.name == name);
    attribute.and_then(|attribute| attribute.ints.first().copied()).expect("windows have all attributes")
        as usize
}

fn each(x: &Value, f: impl Fn(f32) -> f32) -> Value {
    Value { dims: x.dims.clone(), data: x.data.iter().map(|&x| f(x)).collect() }
}

/// `b` is of `a`'s rank, with sides of 1 or of `a`'s.
fn both(a: &Value, b: &Value, f: impl Fn(f32, f32) -> f32) -> Value {
    assert_eq!(a.dims.len(), b.dims.len());
    let data = a.data.iter().enumerate().map(|(mut at, &a_value)| {
        let (mut place, mut stride) = (0, 1);
        for (&side, &b_side) in a.dims.iter().zip(&b.dims).rev() {
            assert!(b_side == 1 || b_side == side);
            place += if b_side == 1 { 0 } else { at % side * stride };
            (at, stride) = (at / side, stride * b_side);
        }
        f(a_value, b.data[place])
    });
    Value { dims: a.dims.clone(), data: data.collect() }
}

/// The window of a convolution or pooling: kernel, stride, padding.
fn window(node: &Node) -> [usize; 3] {
    ["kernel_shape", "strides", "pads"].map(|name| first_int(node, name))
}

/// Calls `each` with every output pixel (its place, n, c) and the input pixels (y, x, tap) that its window covers.
fn windows(
    [k, s, p]: [usize; 3],
    [batch, channels, h, w]: [usize; 4],
    mut each: impl FnMut(usize, usize, &[(usize, usize)]) -> f32,
) -> Value {
    let [out_h, out_w] = [h, w].map(|side| (side + 2 * p - k) / s + 1);
    let mut data = Vec::new();
    for (n, c) in (0..batch).flat_map(|n| (0..channels).map(move |c| (n, c))) {
        for (y, x) in (0..out_h).flat_map(|y| (0..out_w).map(move |x| (y, x))) {
            let taps = (0..k * k).filter_map(|tap| {
                let (y, x) = ((y * s + tap / k).checked_sub(p)?, (x * s + tap % k).checked_sub(p)?);
                (y < h && x < w).then_some((tap, y * w + x))
            });
            data.push(each(n, c, &taps.collect::<Vec<_>>()));
        }
    }
    Value { dims: vec![batch, channels, out_h, out_w], data }
}

fn conv(node: &Node, x: &Value, weight: &Value, bias: Option<&Value>) -> Value {
    let &[batch, channels, h, w] = &x.dims[..] else { panic!("a convolution reads maps") };
    let &[out, width, k, _] = &weight.dims[..] else { panic!("a kernel has four sides") };
    let groups = int(node, "group").unwrap_or(1);
    assert_eq!((width * groups, k), (channels, first_int(node, "kernel_shape")));
    windows(window(node), [batch, out, h, w], |n, o, taps| {
        let first = o / (out / groups) * width;
        let of_channel = |c: usize| {
            let plane = &x.data[(n * channels + first + c) * h * w..];
            let kernel = &weight.data[(o * width + c) * k * k..];
            taps.iter().map(|&(tap, pixel)| kernel[tap] * plane[pixel]).sum::<f32>()
        };
        (0..width).map(of_channel).sum::<f32>() + bias.map_or(0.0, |bias| bias.data[o])
    })
}

fn max_pool(node: &Node, x: &Value) -> Value {
    let &[batch, channels, h, w] = &x.dims[..] else { panic!("pooling reads maps") };
    windows(window(node), [batch, channels, h, w], |n, c, taps| {
        let plane = &x.data[(n * channels + c) * h * w..];
        taps.iter().fold(f32::NEG_INFINITY, |max, &(_, pixel)| max.max(plane[pixel]))
    })
}

fn batch_norm(node: &Node, inputs: &[&Value]) -> Value {
    let epsilon = node.attributes.iter().find(|attribute| attribute.name == "epsilon");
    let epsilon = epsilon.and_then(|attribute| attribute.float).expect("a norm has an epsilon");
    let [x, scale, shift, mean, var] = inputs[..] else { panic!("a norm reads five tensors") };
    let (channels, pixels) = (x.dims[1], x.dims[2] * x.dims[3]);
    let data = x.data.iter().enumerate().map(|(at, &x)| {
        let c = at / pixels % channels;
        (x - mean.data[c]) / (var.data[c] + epsilon).sqrt() * scale.data[c] + shift.data[c]
    });
    Value { dims: x.dims.clone(), data: data.collect() }
}

fn average(x: &Value) -> Value {
    let pixels = x.dims[2] * x.dims[3];
    let data = x.data.chunks_exact(pixels).map(|plane| plane.iter().sum::<f32>() / pixels as f32);
    Value { dims: vec![x.dims[0], x.dims[1], 1, 1], data: data.collect() }
}

fn gemm(node: &Node, x: &Value, weight: &Value, bias: &Value) -> Value {
    assert_eq!(int(node, "transB"), Some(1));
    let rows = x.data.chunks_exact(x.dims[1]);
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let data = rows.flat_map(|x| {
        weight.data.chunks_exact(weight.dims[1]).zip(&bias.data).map(move |(w, b)| dot(x, w) + b)
    });
    Value { dims: vec![x.dims[0], weight.dims[0]], data: data.collect() }
}

/// Rows from `start` to `end` of an axis.
fn part(x: &Value, axis: usize, start: usize, end: usize) -> Value {
    let (rows, inner): (usize, usize) = (x.dims[axis], x.dims[axis + 1..].iter().product());
    let blocks = x.data.chunks_exact(rows * inner);
    let mut dims = x.dims.clone();
    dims[axis] = end - start;
    Value { dims, data: blocks.flat_map(|block| block[start * inner..end * inner].to_vec()).collect() }
}

fn split(node: &Node, x: &Value, sizes: &Value) -> Vec<Value> {
    let axis = int(node, "axis").expect("a split has an axis");
    let mut start = 0;
    let parts = sizes.data.iter().map(|&size| {
        let part = part(x, axis, start, start + size as usize);
        start += size as usize;
        part
    });
    let parts: Vec<_> = parts.collect();
    assert_eq!((start, parts.len()), (x.dims[axis], node.outputs.len()));
    parts
}

fn concat(node: &Node, inputs: &[&Value]) -> Value {
    let axis = int(node, "axis").expect("a concatenation has an axis");
    let mut dims = inputs[0].dims.clone();
    dims[axis] = inputs.iter().map(|x| x.dims[axis]).sum();
    let outer = dims[..axis].iter().product::<usize>();
    let blocks = (0..outer).flat_map(|i| {
        inputs.iter().flat_map(move |x| {
            let len = x.data.len() / outer;
            x.data[i * len..(i + 1) * len].to_vec()
        })
    });
    let data = blocks.collect();
    Value { dims, data }
}

/// To `[-1, 1, ..]`.
fn reshape(x: &Value, shape: &Value) -> Value {
    assert_eq!(shape.data[0], -1.0);
    let rest = shape.data[1..].iter().map(|&side| side as usize);
    let dims = [x.data.len()].into_iter().chain(rest).collect();
    Value { dims, data: x.data.clone() }
}
