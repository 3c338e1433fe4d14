//! The tensors that a pickle of PyTorch's describes.
//!
//! Python executes a pickle. This machine builds lists, dictionaries and PyTorch's descriptions of tensors, and passes
//! over everything else: what a file calls is never called. Modules become their state dictionary; of other objects only
//! the items of a list or a dictionary that they extend are kept.
//!
//! Objects refer to each other by number, as Python's do by address, so that fetching one that was remembered costs
//! nothing. What a pickle may make is limited absolutely ([`MEMORY`], [`STACK`], [`DEPTH`]), whatever its size, and time
//! grows with its length alone.

use safetensors::tensor::Dtype;

/// Bytes of objects that a pickle may make. A state dict takes 400 bytes a tensor.
const MEMORY: usize = 64 << 20;
/// Objects and marks on the stack at once.
const STACK: usize = 1 << 20;
/// Dictionaries within each other on the way to a tensor.
const DEPTH: usize = 64;
/// What an object and a reference to one count for in [`MEMORY`].
const OBJECT: usize = 32;
const REFERENCE: usize = size_of::<Value>();
/// Places for references that a small list has beyond its items.
const LEAST: usize = 3;

/// Why a pickle cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PickleError {
    /// More bytes may help.
    EndsEarly,
    /// Nothing helps.
    Broken(String),
}

fn broken(text: impl Into<String>) -> PickleError {
    PickleError::Broken(text.into())
}

impl From<PickleError> for String {
    fn from(error: PickleError) -> Self {
        match error {
            PickleError::EndsEarly => "its pickle ends early".to_owned(),
            PickleError::Broken(text) => text,
        }
    }
}

type Result<T> = std::result::Result<T, PickleError>;

/// Where a text is in the pickle.
type Span = (u32, u32);

/// What the stack holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    /// What tensors are not made of: None, fractions, bytes, classes of the user's.
    Other,
    Int(i64),
    Text(Span),
    Global(Global),
    /// Its number.
    Object(u32),
}

/// A class or function whose meaning is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Global {
    /// `torch._utils._rebuild_tensor`, `.._v2` and `.._v3`, and whether the element type is its own argument.
    Tensor {
        typed: bool,
    },
    Parameter,
    /// `torch._tensor._rebuild_from_type_v2`, which calls another.
    FromType,
    OrderedDict,
    /// `set` and `frozenset`.
    Set,
    /// A class of storages; without an element type for `UntypedStorage`.
    Storage(Option<Dtype>),
    Dtype(Dtype),
}

#[derive(Debug)]
enum Object {
    /// A list, tuple or set; of a list only what is not [`Value::Other`].
    List(Vec<Value>),
    /// Entries whose value is an object.
    Dict(Vec<(Value, Value)>),
    Storage(Box<Storage>),
    Tensor(Box<TensorEntry>),
    /// Of a class that is not known. It becomes a list or dictionary where it is given items.
    Instance,
}

/// A storage that the pickle names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Storage {
    /// What its container calls it.
    pub(super) key: String,
    /// `None` for bytes.
    pub(super) dtype: Option<Dtype>,
    /// Elements, or bytes without an element type.
    pub(super) len: u64,
    /// Elements before the part that this names.
    offset: u64,
}

impl Storage {
    /// Bytes that it should have.
    pub(super) fn bytes(&self) -> u64 {
        self.len.saturating_mul(self.dtype.map_or(1, element_bytes))
    }
}

/// A tensor that the pickle describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TensorEntry {
    pub(super) storage: Storage,
    pub(super) dtype: Dtype,
    /// Bytes of the storage before its first element.
    pub(super) offset: u64,
    pub(super) shape: Vec<usize>,
    /// Elements from one to the next along each dimension.
    pub(super) strides: Vec<usize>,
}

/// Bytes of an element, of types that PyTorch has.
pub(super) fn element_bytes(dtype: Dtype) -> u64 {
    dtype.bitsize() as u64 / 8
}

/// What a pickle described.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    bytes: &'a [u8],
    objects: Vec<Object>,
    root: Value,
    left: usize,
    /// Whether it says of the machine that it was written on that it was a big-endian one.
    pub(super) big_endian: bool,
    /// The bytes that it takes; others may follow.
    pub(super) len: usize,
}

impl<'a> Pickle<'a> {
    /// Reads the pickle that `bytes` begin with.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut machine = Machine {
            pickle: Self {
                bytes,
                objects: Vec::new(),
                root: Value::Other,
                left: MEMORY,
                big_endian: false,
                len: 0,
            },
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Vec::new(),
        };
        machine.run()?;
        Ok(machine.pickle)
    }

    /// The storages that its tensors are in, in the order of the pickle.
    pub(super) fn storages(&self) -> impl Iterator<Item = &Storage> {
        self.objects.iter().filter_map(|object| match object {
            Object::Storage(storage) => Some(&**storage),
            _ => None,
        })
    }

    /// The texts of the list that it is.
    pub(super) fn texts(&self) -> Option<Vec<String>> {
        let Object::List(items) = self.object(self.root)? else { return None };
        items.iter().map(|&item| self.name(item)).collect()
    }

    /// Calls `each` with every tensor and its name, the keys on the way to it.
    pub(super) fn tensors(&mut self, mut each: impl FnMut(&str, &TensorEntry)) -> Result<()> {
        let mut walk = Walk { pickle: self, path: String::new(), open: Vec::new(), left: MEMORY };
        walk.visit(walk.pickle.root, &mut each)
    }

    fn object(&self, value: Value) -> Option<&Object> {
        match value {
            Value::Object(number) => self.objects.get(number as usize),
            _ => None,
        }
    }

    fn text(&self, (start, end): Span) -> &'a [u8] {
        &self.bytes[start as usize..end as usize]
    }

    /// A key as text.
    fn name(&self, key: Value) -> Option<String> {
        match key {
            Value::Text(span) => Some(String::from_utf8_lossy(self.text(span)).into_owned()),
            Value::Int(number) => Some(number.to_string()),
            _ => None,
        }
    }

    fn list(&self, value: Value) -> Result<&[Value]> {
        match self.object(value) {
            Some(Object::List(items)) => Ok(items),
            _ => Err(broken("its pickle describes a tensor by something other than lists")),
        }
    }

    fn spend(&mut self, bytes: usize) -> Result<()> {
        spend(&mut self.left, bytes)
    }
}

fn spend(left: &mut usize, bytes: usize) -> Result<()> {
    *left = left
        .checked_sub(bytes)
        .ok_or_else(|| broken(format!("its pickle makes more objects than {} MB hold", MEMORY >> 20)))?;
    Ok(())
}

/// The way through a pickle's objects to its tensors.
struct Walk<'p, 'a> {
    pickle: &'p Pickle<'a>,
    /// The keys that lead here.
    path: String,
    /// The objects that lead here, which may lead back to themselves.
    open: Vec<u32>,
    left: usize,
}

impl Walk<'_, '_> {
    fn visit(&mut self, value: Value, each: &mut impl FnMut(&str, &TensorEntry)) -> Result<()> {
        let (pickle, Value::Object(number)) = (self.pickle, value) else { return Ok(()) };
        match &pickle.objects[number as usize] {
            Object::Tensor(tensor) => {
                // What it will take in a table of tensors.
                spend(&mut self.left, 256 + self.path.len())?;
                each(&self.path, tensor);
            }
            Object::List(_) | Object::Dict(_) if self.open.contains(&number) => {}
            Object::List(items) => {
                let items = items.iter().enumerate().map(|(i, &item)| (Value::Int(i as i64), item));
                self.visit_all(number, items, each)?;
            }
            Object::Dict(entries) => self.visit_all(number, entries.iter().copied(), each)?,
            Object::Storage(_) | Object::Instance => {}
        }
        Ok(())
    }

    fn visit_all(
        &mut self,
        number: u32,
        entries: impl Iterator<Item = (Value, Value)>,
        each: &mut impl FnMut(&str, &TensorEntry),
    ) -> Result<()> {
        if self.open.len() == DEPTH {
            return Err(broken(format!(
                "its tensors lie in more than {DEPTH} dictionaries within each other"
            )));
        }
        self.open.push(number);
        let before = self.path.len();
        for (key, value) in entries {
            if !matches!(value, Value::Object(_)) {
                continue;
            }
            let Some(key) = self.pickle.name(key) else { continue };
            spend(&mut self.left, 2 * OBJECT + key.len())?;
            if before > 0 {
                self.path.push('.');
            }
            self.path += &key;
            self.visit(value, each)?;
            self.path.truncate(before);
        }
        self.open.pop();
        Ok(())
    }
}

/// The stack machine that pickles are programs of.
struct Machine<'a> {
    pickle: Pickle<'a>,
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: Vec<Option<Value>>,
}

impl Machine<'_> {
    fn run(&mut self) -> Result<()> {
        if u32::try_from(self.pickle.bytes.len()).is_err() {
            return Err(broken("its pickle is longer than 4 GB"));
        }
        loop {
            let op = self.take(1)?[0];
            if op == b'.' {
                self.pickle.root = self.pop()?;
                return Ok(());
            }
            self.step(op)?;
        }
    }

    fn step(&mut self, op: u8) -> Result<()> {
        match op {
            // PROTO and FRAME
            0x80 => self.take(1).map(drop),
            0x95 => self.take(8).map(drop),
            // Constants
            b'N' | 0x88 => self.push(Value::Other),
            0x89 => self.push(Value::Int(0)),
            b'J' => self.int(4),
            b'K' => self.int_unsigned(1),
            b'M' => self.int_unsigned(2),
            0x8a => self.long(1),
            0x8b => self.long(4),
            b'I' | b'L' => self.decimal(),
            b'G' => self.pass_over(8),
            b'F' | b'P' => self.line().and_then(|_| self.push(Value::Other)),
            // Texts and bytes
            b'U' | 0x8c => self.text(1),
            b'T' | b'X' => self.text(4),
            0x8d => self.text(8),
            b'V' => self.line().and_then(|line| self.push(Value::Text(line))),
            b'S' => self.line().and_then(|(start, end)| {
                let quoted = end.checked_sub(2).filter(|&end| end >= start);
                self.push(quoted.map_or(Value::Other, |_| Value::Text((start + 1, end - 1))))
            }),
            b'C' => self.length(1).and_then(|length| self.pass_over(length)),
            b'B' => self.length(4).and_then(|length| self.pass_over(length)),
            0x8e | 0x96 => self.length(8).and_then(|length| self.pass_over(length)),
            // Containers
            b')' | b']' | 0x8f => self.push_object(Object::List(Vec::new())),
            b'}' => self.push_object(Object::Dict(Vec::new())),
            b'(' => self.mark(),
            b't' | b'l' | 0x91 => self.pop_to_mark().and_then(|items| self.push_list(items)),
            b'd' => {
                let items = self.pop_to_mark()?;
                self.push_object(Object::Dict(Vec::new()))?;
                self.set_items(&items)
            }
            0x85..=0x87 => self.pop_many(usize::from(op - 0x84)).and_then(|items| self.push_list(items)),
            b'a' => self.pop().and_then(|item| self.append(&[item])),
            b'e' | 0x90 => self.pop_to_mark().and_then(|items| self.append(&items)),
            b's' => self.pop_many(2).and_then(|items| self.set_items(&items)),
            b'u' => self.pop_to_mark().and_then(|items| self.set_items(&items)),
            // The stack and the memo
            b'0' if self.marks.last() == Some(&self.stack.len()) => {
                self.marks.pop();
                Ok(())
            }
            b'0' => self.pop().map(drop),
            b'1' => self.pop_to_mark().map(drop),
            b'2' => self.top().and_then(|top| self.push(top)),
            b'p' => self.line_number().and_then(|index| self.remember(index)),
            b'q' => self.length(1).and_then(|index| self.remember(index)),
            b'r' => self.length(4).and_then(|index| self.remember(index)),
            0x94 => self.remember(self.memo.len() as u64),
            b'g' => self.line_number().and_then(|index| self.fetch(index)),
            b'h' => self.length(1).and_then(|index| self.fetch(index)),
            b'j' => self.length(4).and_then(|index| self.fetch(index)),
            // Classes, and what is made with them
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(self.global(module, name))
            }
            0x93 => {
                let names = self.pop_many(2)?;
                let [Value::Text(module), Value::Text(name)] = names[..] else {
                    return Err(broken("its pickle names a class by something other than texts"));
                };
                self.push(self.global(module, name))
            }
            b'Q' => self.persistent(),
            b'R' => {
                let args = self.pop()?;
                let callable = self.pop()?;
                self.reduce(callable, args)
            }
            0x81 => self.pop_many(2).and_then(|_| self.push_object(Object::Instance)),
            0x92 => self.pop_many(3).and_then(|_| self.push_object(Object::Instance)),
            b'b' => self.build(),
            _ => Err(broken(format!("its pickle has the instruction {op:#04x}, which PyTorch's have not"))),
        }
    }

    // Bytes of the pickle

    fn take(&mut self, length: u64) -> Result<&[u8]> {
        let (start, end) = self.span(length)?;
        Ok(&self.pickle.bytes[start as usize..end as usize])
    }

    /// So many bytes from here on.
    fn span(&mut self, length: u64) -> Result<Span> {
        let left = self.pickle.bytes.len() - self.pickle.len;
        let length =
            usize::try_from(length).ok().filter(|&length| length <= left).ok_or(PickleError::EndsEarly)?;
        let start = self.pickle.len;
        self.pickle.len += length;
        // `run` has checked that all positions are of 32 bits.
        Ok((start as u32, self.pickle.len as u32))
    }

    fn line(&mut self) -> Result<Span> {
        let rest = &self.pickle.bytes[self.pickle.len..];
        let length = rest.iter().position(|&byte| byte == b'\n').ok_or(PickleError::EndsEarly)?;
        let line = self.span(length as u64)?;
        self.pickle.len += 1;
        Ok(line)
    }

    fn line_number(&mut self) -> Result<u64> {
        let line = self.line()?;
        let digits = std::str::from_utf8(self.pickle.text(line)).ok().and_then(|text| text.parse().ok());
        digits.ok_or_else(|| broken("its pickle remembers under something other than a number"))
    }

    /// A little-endian number of so many bytes.
    fn length(&mut self, width: u64) -> Result<u64> {
        let bytes = self.take(width)?;
        Ok(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn pass_over(&mut self, length: u64) -> Result<()> {
        self.span(length)?;
        self.push(Value::Other)
    }

    fn text(&mut self, width: u64) -> Result<()> {
        let length = self.length(width)?;
        let span = self.span(length)?;
        self.push(Value::Text(span))
    }

    fn int(&mut self, width: u64) -> Result<()> {
        let value = self.signed(width)?;
        self.push(value)
    }

    fn int_unsigned(&mut self, width: u64) -> Result<()> {
        let number = self.length(width)?;
        self.push(Value::Int(number as i64))
    }

    /// A number that says its length.
    fn long(&mut self, width: u64) -> Result<()> {
        let length = self.length(width)?;
        self.int(length)
    }

    /// A number in two's complement; one of more than 64 bits is no size of anything.
    fn signed(&mut self, width: u64) -> Result<Value> {
        let bytes = self.take(width)?;
        let Some(&last) = bytes.last() else { return Ok(Value::Int(0)) };
        if bytes.len() > size_of::<i64>() {
            return Ok(Value::Other);
        }
        let sign = if last & 0x80 == 0 { 0 } else { -1 };
        Ok(Value::Int(bytes.iter().rev().fold(sign, |number, &byte| number << 8 | i64::from(byte))))
    }

    fn decimal(&mut self) -> Result<()> {
        let line = self.line()?;
        let text = std::str::from_utf8(self.pickle.text(line)).unwrap_or_default();
        let number = text.strip_suffix('L').unwrap_or(text).parse();
        self.push(number.map_or(Value::Other, Value::Int))
    }

    // The stack

    fn push(&mut self, value: Value) -> Result<()> {
        if self.stack.len() == STACK {
            return Err(broken(format!("its pickle has more than {STACK} objects on its stack")));
        }
        self.stack.push(value);
        Ok(())
    }

    fn push_object(&mut self, object: Object) -> Result<()> {
        self.pickle.spend(OBJECT)?;
        let number = self.pickle.objects.len() as u32;
        self.pickle.objects.push(object);
        self.push(Value::Object(number))
    }

    fn push_list(&mut self, items: Vec<Value>) -> Result<()> {
        self.pickle.spend(items.len() * REFERENCE)?;
        self.push_object(Object::List(items))
    }

    fn mark(&mut self) -> Result<()> {
        if self.marks.len() == STACK {
            return Err(broken(format!("its pickle has more than {STACK} marks on its stack")));
        }
        self.marks.push(self.stack.len());
        Ok(())
    }

    fn top(&self) -> Result<Value> {
        let above_mark = self.stack.len() > self.marks.last().copied().unwrap_or(0);
        let top = self.stack.last().copied().filter(|_| above_mark);
        top.ok_or_else(|| broken("its pickle takes more objects than it made"))
    }

    fn pop(&mut self) -> Result<Value> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_many(&mut self, count: usize) -> Result<Vec<Value>> {
        let mut items = (0..count).map(|_| self.pop()).collect::<Result<Vec<_>>>()?;
        items.reverse();
        Ok(items)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value>> {
        let mark = self.marks.pop().ok_or_else(|| broken("its pickle has no mark where it needs one"))?;
        Ok(self.stack.split_off(mark))
    }

    fn remember(&mut self, index: u64) -> Result<()> {
        let top = self.top()?;
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        if index >= self.memo.len() {
            self.pickle.spend((index - self.memo.len()).saturating_add(1).saturating_mul(REFERENCE))?;
            self.memo.resize(index + 1, None);
        }
        self.memo[index] = Some(top);
        Ok(())
    }

    fn fetch(&mut self, index: u64) -> Result<()> {
        let value = usize::try_from(index).ok().and_then(|index| *self.memo.get(index)?);
        self.push(value.ok_or_else(|| broken("its pickle fetches what it did not remember"))?)
    }

    // Containers

    /// The object on top, changed in place: what refers to it sees the change, as in Python.
    fn top_object(&mut self) -> Result<Option<&mut Object>> {
        Ok(match self.top()? {
            Value::Object(number) => self.pickle.objects.get_mut(number as usize),
            _ => None,
        })
    }

    fn append(&mut self, items: &[Value]) -> Result<()> {
        let kept = items.iter().copied().filter(|&item| item != Value::Other);
        let count = kept.clone().count();
        self.pickle.spend(if count == 0 { 0 } else { (count + LEAST) * REFERENCE })?;
        let Some(object) = self.top_object()? else { return Ok(()) };
        match object {
            Object::List(list) => list.extend(kept),
            Object::Instance => *object = Object::List(kept.collect()),
            _ => {}
        }
        Ok(())
    }

    fn set_items(&mut self, items: &[Value]) -> Result<()> {
        let pairs = items.chunks_exact(2).map(|pair| (pair[0], pair[1]));
        for (key, value) in pairs.clone() {
            self.pickle.big_endian |= value == Value::Int(0)
                && matches!(key, Value::Text(key) if self.pickle.text(key) == b"little_endian");
        }
        self.extend(pairs.collect())
    }

    /// Puts the entries of a dictionary into the one on top.
    fn extend(&mut self, mut entries: Vec<(Value, Value)>) -> Result<()> {
        entries.retain(|(_, value)| matches!(value, Value::Object(_)));
        self.pickle.spend(if entries.is_empty() { 0 } else { (entries.len() + LEAST) * 2 * REFERENCE })?;
        let Some(object) = self.top_object()? else { return Ok(()) };
        match object {
            Object::Dict(dict) => dict.extend(entries),
            Object::Instance => *object = Object::Dict(entries),
            _ => {}
        }
        Ok(())
    }

    fn entry(&self, dict: &[(Value, Value)], name: &str) -> Option<&Object> {
        let is_it = |key: Value| matches!(key, Value::Text(key) if self.pickle.text(key) == name.as_bytes());
        let (_, value) = dict.iter().rev().find(|(key, _)| is_it(*key))?;
        self.pickle.object(*value)
    }

    // PyTorch

    fn global(&self, module: Span, name: Span) -> Value {
        let name = std::str::from_utf8(self.pickle.text(name)).unwrap_or_default();
        let global = match (self.pickle.text(module), name) {
            (b"torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Global::Tensor { typed: false },
            (b"torch._utils", "_rebuild_tensor_v3") => Global::Tensor { typed: true },
            (b"torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => Global::Parameter,
            (b"torch._tensor", "_rebuild_from_type_v2") => Global::FromType,
            (b"collections", "OrderedDict") => Global::OrderedDict,
            (b"builtins" | b"__builtin__", "set" | "frozenset") => Global::Set,
            (module, name) if module.starts_with(b"torch") => match name.strip_suffix("Storage") {
                Some("Untyped") => Global::Storage(None),
                Some(class) => match storage_dtype(class) {
                    Some(dtype) => Global::Storage(Some(dtype)),
                    None => return Value::Other,
                },
                None => match dtype(name) {
                    Some(dtype) => Global::Dtype(dtype),
                    None => return Value::Other,
                },
            },
            _ => return Value::Other,
        };
        Value::Global(global)
    }

    /// `('storage', class, key, location, elements, view)`.
    fn persistent(&mut self) -> Result<()> {
        let id = self.pop()?;
        let id = self.pickle.list(id)?;
        let &[_, Value::Global(Global::Storage(dtype)), key, _, Value::Int(len), ref rest @ ..] = id else {
            // Complex, quantised and sparse tensors have storages of other classes.
            return self.push(Value::Other);
        };
        // Files from before PyTorch 0.4 can name a part of a storage: its key, first element and length.
        let offset = match rest.first().map(|&view| self.pickle.list(view)) {
            Some(Ok(&[_, Value::Int(offset), _])) => offset,
            _ => 0,
        };
        let key = self.pickle.name(key);
        let (Some(key), Ok(len), Ok(offset)) = (key, u64::try_from(len), u64::try_from(offset)) else {
            return Err(broken("its pickle describes a storage that cannot be"));
        };
        self.pickle.spend(2 * OBJECT + key.len())?;
        self.push_object(Object::Storage(Box::new(Storage { key, dtype, len, offset })))
    }

    fn reduce(&mut self, callable: Value, args: Value) -> Result<()> {
        let Value::Global(callable) = callable else { return self.push_object(Object::Instance) };
        match callable {
            Global::Tensor { typed } => self.tensor(args, typed),
            // Of a parameter the tensor is first, and of sets and lists of pairs there is nothing else.
            Global::Parameter => {
                let tensor = self.pickle.list(args)?.first().copied();
                self.push(tensor.unwrap_or(Value::Other))
            }
            Global::FromType => match *self.pickle.list(args)? {
                [Value::Global(Global::Tensor { typed }), _, args, ..] => self.tensor(args, typed),
                [Value::Global(Global::Parameter), _, args, ..] => {
                    let tensor = self.pickle.list(args)?.first().copied();
                    self.push(tensor.unwrap_or(Value::Other))
                }
                _ => self.push_object(Object::Instance),
            },
            Global::Set => match self.pickle.list(args)?.first() {
                Some(&items) => self.push(items),
                None => self.push_object(Object::List(Vec::new())),
            },
            Global::OrderedDict => {
                let pairs = self.pickle.list(args)?.first().copied();
                let pairs = pairs.map(|pairs| self.pickle.list(pairs)).transpose()?.unwrap_or_default();
                let pair = |&pair: &Value| match self.pickle.list(pair) {
                    Ok(&[key, value]) => Some((key, value)),
                    _ => None,
                };
                let (steps, pairs) = (pairs.len(), pairs.iter().filter_map(pair).collect());
                // Lists can be gone through again and again, which takes time.
                self.pickle.spend(steps * REFERENCE)?;
                self.push_object(Object::Dict(Vec::new()))?;
                self.extend(pairs)
            }
            Global::Storage(_) | Global::Dtype(_) => self.push_object(Object::Instance),
        }
    }

    /// `(storage, offset, shape, strides, ..)`, and the element type as the seventh.
    fn tensor(&mut self, args: Value, typed: bool) -> Result<()> {
        let odd = || broken("its pickle describes a tensor that cannot be");
        let args = self.pickle.list(args)?;
        let (&[storage, Value::Int(offset), shape, strides, ..], own) = (args, args.get(6)) else {
            return Err(odd());
        };
        let Some(Object::Storage(storage)) = self.pickle.object(storage) else {
            return self.push(Value::Other);
        };
        let dtype = match own {
            Some(&Value::Global(Global::Dtype(dtype))) if typed => Some(dtype),
            _ => storage.dtype.filter(|_| !typed),
        };
        let Some(dtype) = dtype else { return self.push(Value::Other) };
        let sizes = |value| -> Option<Vec<usize>> {
            let sizes = self.pickle.list(value).ok()?.iter().map(|&size| match size {
                Value::Int(size) => usize::try_from(size).ok(),
                _ => None,
            });
            sizes.collect()
        };
        let (shape, strides) = (sizes(shape).ok_or_else(odd)?, sizes(strides).ok_or_else(odd)?);
        let offset = u64::try_from(offset).ok().and_then(|offset| offset.checked_add(storage.offset));
        let (element, storage) = (element_bytes(dtype), (**storage).clone());
        let (offset, extent) = offset.zip(extent(&shape, &strides)).ok_or_else(odd)?;
        let (first, bytes) = offset.checked_mul(element).zip(extent.checked_mul(element)).ok_or_else(odd)?;
        let elements: u64 = shape.iter().map(|&size| size as u64).product();
        // Views can repeat their storage. A file that has only so much would take more memory than is in it.
        let repeats = elements > extent && elements.saturating_mul(element) > MEMORY as u64;
        if first.checked_add(bytes).is_none_or(|end| end > storage.bytes()) || repeats {
            let claims = format!("its pickle claims {elements} elements of a tensor");
            return Err(broken(format!("{claims}, whose storage has {} bytes", storage.bytes())));
        }
        self.pickle
            .spend(8 * OBJECT + storage.key.len() + (shape.len() + strides.len()) * size_of::<usize>())?;
        let entry = TensorEntry { storage, dtype, offset: first, shape, strides };
        self.push_object(Object::Tensor(Box::new(entry)))
    }

    /// Gives an object its attributes: a module's are its state dictionary, a dictionary's are more entries.
    fn build(&mut self) -> Result<()> {
        let state = self.pop()?;
        let Some(Object::Dict(state)) = self.pickle.object(state) else { return Ok(()) };
        let mut steps = state.len();
        let entries = match TABLES.map(|table| self.entry(state, table)) {
            [Some(Object::Dict(parameters)), Some(Object::Dict(buffers)), Some(Object::Dict(modules))] => {
                let passing = match self.entry(state, "_non_persistent_buffers_set") {
                    Some(Object::List(names)) => names.iter().map(|&name| self.pickle.name(name)).collect(),
                    _ => Vec::new(),
                };
                steps = steps.saturating_add(passing.len().saturating_mul(buffers.len()));
                let stays = |(key, _): &&(Value, Value)| {
                    passing.is_empty() || !passing.contains(&self.pickle.name(*key))
                };
                let buffers = buffers.iter().filter(stays);
                parameters.iter().chain(buffers).chain(modules).copied().collect()
            }
            _ if matches!(self.pickle.object(self.top()?), Some(Object::Dict(_))) => state.clone(),
            // A class of the user's: its attributes are passed over.
            _ => return self.pickle.spend(steps.saturating_mul(REFERENCE)),
        };
        self.pickle.spend(steps.saturating_mul(REFERENCE))?;
        self.extend(entries)
    }
}

/// The tables that every `torch.nn.Module` has.
const TABLES: [&str; 3] = ["_parameters", "_buffers", "_modules"];

/// Elements from the first to the last of a view, with both.
fn extent(shape: &[usize], strides: &[usize]) -> Option<u64> {
    // Products of sizes are computed with elsewhere, too.
    let elements = shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size))?;
    elements.checked_mul(size_of::<f64>())?;
    if shape.len() != strides.len() {
        return None;
    }
    if elements == 0 {
        return Some(0);
    }
    let steps =
        shape.iter().zip(strides).map(|(&size, &stride)| ((size - 1) as u64).checked_mul(stride as u64));
    steps.into_iter().try_fold(1_u64, |extent, step| extent.checked_add(step?))
}

fn storage_dtype(class: &str) -> Option<Dtype> {
    Some(match class {
        "Double" => Dtype::F64,
        "Float" => Dtype::F32,
        "Half" => Dtype::F16,
        "BFloat16" => Dtype::BF16,
        "ComplexFloat" => Dtype::C64,
        "Long" => Dtype::I64,
        "Int" => Dtype::I32,
        "Short" => Dtype::I16,
        "Char" => Dtype::I8,
        "Byte" => Dtype::U8,
        "Bool" => Dtype::BOOL,
        _ => return None,
    })
}

/// Of `torch.float32` and the like.
fn dtype(name: &str) -> Option<Dtype> {
    Some(match name {
        "float64" => Dtype::F64,
        "float32" => Dtype::F32,
        "float16" => Dtype::F16,
        "bfloat16" => Dtype::BF16,
        "complex64" => Dtype::C64,
        "float8_e4m3fn" => Dtype::F8_E4M3,
        "float8_e5m2" => Dtype::F8_E5M2,
        "int64" => Dtype::I64,
        "int32" => Dtype::I32,
        "int16" => Dtype::I16,
        "int8" => Dtype::I8,
        "uint64" => Dtype::U64,
        "uint32" => Dtype::U32,
        "uint16" => Dtype::U16,
        "uint8" => Dtype::U8,
        "bool" => Dtype::BOOL,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_broken(pickle: &[u8], reason: &str) {
        let error = String::from(Pickle::read(pickle).map(drop).expect_err("a pickle that must be refused"));
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn a_pickle_is_read_to_its_end() {
        // {"a": (1, 2)} at protocol 2, with a string remembered and fetched.
        let pickle = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01K\x01K\x02\x86h\x01Nu.rest";
        assert_eq!(Pickle::read(pickle).map(|pickle| pickle.len), Ok(pickle.len() - 4));
        let texts = Pickle::read(b"](X\x01\0\0\0aU\x02bbK\x07e.").ok().and_then(|pickle| pickle.texts());
        assert_eq!(texts, Some(["a", "bb", "7"].map(str::to_owned).to_vec()));
    }

    #[test]
    fn numbers_are_pythons() {
        for (bytes, number) in
            [(&b"\x8a\x01\xff."[..], -1), (b"\x8a\x02\xff\x00.", 255), (b"J\xfe\xff\xff\xff.", -2)]
        {
            assert_eq!(Pickle::read(bytes).map(|pickle| pickle.root), Ok(Value::Int(number)));
        }
        assert_eq!(
            Pickle::read(b"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x01.").map(|p| p.root),
            Ok(Value::Other)
        );
        assert_eq!(Pickle::read(b"L-12L\n.").map(|pickle| pickle.root), Ok(Value::Int(-12)));
    }

    #[test]
    fn objects_are_limited_and_sharing_is_free() {
        is_broken(&b"N".repeat(STACK + 1), "on its stack");
        is_broken(&b"(".repeat(STACK + 1), "marks");
        is_broken(&b"]0".repeat(MEMORY / OBJECT + 1), "64 MB");
        is_broken(b"Nr\xff\xff\xff\xff.", "64 MB");
        // Each repetition doubles what a copy would take; nothing is copied, but there are 2^60 ways to the end.
        let doublings = [b"]q\x00".as_slice(), &b"h\x00h\x00\x86q\x00".repeat(60), b"."].concat();
        let mut pickle = Pickle::read(&doublings).expect("a small graph");
        assert!(pickle.tensors(|_, _| ()).is_err_and(|error| error != PickleError::EndsEarly));
        // A list in itself.
        let mut pickle = Pickle::read(b"]q\x00h\x00a.").expect("a cycle");
        assert_eq!(pickle.tensors(|_, _| ()), Ok(()));
    }

    #[test]
    fn broken_pickles_are_errors() {
        for pickle in [&b"t"[..], b"\x86.", b"h\x07.", b"0", b"\xfe.", b"N(.", b"K\x01K\x02\x93.", b"NQ."] {
            assert!(matches!(Pickle::read(pickle), Err(PickleError::Broken(_))), "{pickle:?}");
        }
        for pickle in [&b""[..], b"X\xff\xff\xff\xffab", b"cos\n", b"r\x01", b"\x8e\0\0\0\0\0\0\0\x80."] {
            assert!(matches!(Pickle::read(pickle), Err(PickleError::EndsEarly)), "{pickle:?}");
        }
    }
}
