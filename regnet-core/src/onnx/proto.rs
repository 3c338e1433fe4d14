//! The messages of `onnx.proto` that a network needs, with that file's field numbers.
//!
//! Fields that a reader asks the presence of are optional here, so that zeros are written too.

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Model {
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    #[prost(string, tag = "2")]
    pub producer_name: String,
    #[prost(string, tag = "3")]
    pub producer_version: String,
    #[prost(message, optional, tag = "7")]
    pub graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSet>,
    #[prost(message, repeated, tag = "14")]
    pub metadata: Vec<Entry>,
}

/// `OperatorSetIdProto`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct OperatorSet {
    /// Empty for ONNX's own operators.
    #[prost(string, optional, tag = "1")]
    pub domain: Option<String>,
    #[prost(int64, tag = "2")]
    pub version: i64,
}

/// `StringStringEntryProto`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Entry {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub nodes: Vec<Node>,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(message, repeated, tag = "5")]
    pub initializers: Vec<Tensor>,
    #[prost(message, repeated, tag = "11")]
    pub inputs: Vec<Value>,
    #[prost(message, repeated, tag = "12")]
    pub outputs: Vec<Value>,
    #[prost(message, repeated, tag = "13")]
    pub values: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Node {
    #[prost(string, repeated, tag = "1")]
    pub inputs: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub outputs: Vec<String>,
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(string, tag = "4")]
    pub op: String,
    #[prost(message, repeated, tag = "5")]
    pub attributes: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Attribute {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(float, optional, tag = "2")]
    pub float: Option<f32>,
    #[prost(int64, optional, tag = "3")]
    pub int: Option<i64>,
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub ints: Vec<i64>,
    /// 1 for `float`, 2 for `int`, 7 for `ints`.
    #[prost(int32, tag = "20")]
    pub kind: i32,
}

impl Attribute {
    pub fn of_float(name: &str, value: f32) -> Self {
        Self { name: name.to_owned(), float: Some(value), kind: 1, ..Self::default() }
    }

    pub fn of_int(name: &str, value: usize) -> Self {
        Self { name: name.to_owned(), int: Some(value as i64), kind: 2, ..Self::default() }
    }

    pub fn of_ints(name: &str, values: &[usize]) -> Self {
        let ints = values.iter().map(|&value| value as i64).collect();
        Self { name: name.to_owned(), ints, kind: 7, ..Self::default() }
    }
}

/// `TensorProto`: row by row, little-endian.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Tensor {
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub dims: Vec<i64>,
    /// [`FLOAT`] or [`INT64`].
    #[prost(int32, tag = "2")]
    pub element: i32,
    #[prost(string, tag = "8")]
    pub name: String,
    #[prost(bytes = "vec", tag = "9")]
    pub bytes: Vec<u8>,
}

/// f32.
pub(super) const FLOAT: i32 = 1;

/// i64.
const INT64: i32 = 7;

impl Tensor {
    pub fn floats(name: &str, dims: &[usize], values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { dims: signed(dims), element: FLOAT, name: name.to_owned(), bytes }
    }

    /// A vector of whole numbers.
    pub fn numbers(name: &str, values: &[i64]) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { dims: vec![values.len() as i64], element: INT64, name: name.to_owned(), bytes }
    }
}

fn signed(dims: &[usize]) -> Vec<i64> {
    dims.iter().map(|&dim| dim as i64).collect()
}

/// `ValueInfoProto`: a tensor's name, element type and shape.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Value {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub kind: Option<Kind>,
}

/// `TypeProto`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Kind {
    #[prost(message, optional, tag = "1")]
    pub tensor: Option<TensorKind>,
}

/// `TypeProto.Tensor`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorKind {
    #[prost(int32, tag = "1")]
    pub element: i32,
    #[prost(message, optional, tag = "2")]
    pub shape: Option<Shape>,
}

/// `TensorShapeProto`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Shape {
    #[prost(message, repeated, tag = "1")]
    pub dims: Vec<Dim>,
}

/// `TensorShapeProto.Dimension`: one of both, or neither where nothing is said.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Dim {
    #[prost(int64, optional, tag = "1")]
    pub value: Option<i64>,
    #[prost(string, optional, tag = "2")]
    pub name: Option<String>,
}

impl Dim {
    pub fn known(value: usize) -> Self {
        Self { value: Some(value as i64), name: None }
    }

    pub fn named(name: &str) -> Self {
        Self { value: None, name: Some(name.to_owned()) }
    }
}

impl Value {
    /// A tensor of f32.
    pub fn floats(name: &str, dims: Vec<Dim>) -> Self {
        let tensor = Some(TensorKind { element: FLOAT, shape: Some(Shape { dims }) });
        Self { name: name.to_owned(), kind: Some(Kind { tensor }) }
    }
}
