//! Checkpoints that `torch.save` wrote.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{io, ops::Range};

use rawzip::{
    CompressionMethod, Crc32, FileReader, RECOMMENDED_BUFFER_SIZE, ZipArchive, ZipArchiveEntryWayfinder,
    ZipLocator,
};
use regnet_space::text::printable;

use super::file::{Contents, Elements, FileTensor};
use super::pickle::{Pickle, PickleError, Storage, TensorEntry, element_bytes};
use super::source::Source;
use super::{TABLE_LIMIT, TENSORS_LIMIT};

pub(super) const WHAT: &str = "a PyTorch checkpoint";

/// How the zip archives begin that PyTorch 1.6 and later write.
const ZIP: &[u8] = b"PK\x03\x04";
/// How the files before that begin: a pickle of PyTorch's magic number.
const LEGACY: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

pub(super) fn is_one(start: &[u8]) -> bool {
    start.starts_with(ZIP) || start.starts_with(LEGACY)
}

type Tensors = BTreeMap<String, FileTensor>;

/// The tensors in a checkpoint that begins with `start`, by the keys that lead to them.
pub(super) fn contents(source: &Source, start: &[u8]) -> Result<Contents, String> {
    let tensors = if start.starts_with(ZIP) { zipped(source) } else { legacy(source) }?;
    if tensors.is_empty() {
        return Err("it holds no tensors".to_owned());
    }
    Ok(Contents { tensors, description: None })
}

/// An entry of a zip archive, or a storage of an older file, which has no checksum.
#[derive(Debug)]
pub(super) struct Entry {
    name: String,
    range: Range<u64>,
    crc32: Option<u32>,
    /// Whether its bytes were compared with the checksum.
    checked: AtomicBool,
}

impl Entry {
    /// The bytes of `range`, once all of the entry's were compared with its checksum.
    pub(super) fn read(&self, source: &Source, range: Range<u64>) -> io::Result<Vec<u8>> {
        let bytes = source.read(range.clone())?;
        let Some(expected) = self.crc32.filter(|_| !self.checked.load(Ordering::Relaxed)) else {
            return Ok(bytes);
        };
        let found = if range == self.range { rawzip::crc32(&bytes) } else { self.checksum(source)? };
        if found != expected {
            let name = printable(&self.name);
            let text =
                format!("the checksum of its entry {name} is wrong: the file is damaged, fetch it again");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        self.checked.store(true, Ordering::Relaxed);
        Ok(bytes)
    }

    fn checksum(&self, source: &Source) -> io::Result<u32> {
        const PIECE: u64 = 1 << 16;
        let mut sum = Crc32::new();
        let mut at = self.range.start;
        while at < self.range.end {
            let end = (at + PIECE).min(self.range.end);
            sum.update(&source.read(at..end)?);
            at = end;
        }
        Ok(sum.checksum())
    }
}

fn zipped(source: &Source) -> Result<Tensors, String> {
    let archive = Archive::open(source)?;
    if let Some(order) = archive.entries.get(&format!("{}byteorder", archive.root)).copied()
        && archive.entry("byteorder", order)?.whole(source)? == b"big"
    {
        return Err(BIG_ENDIAN.to_owned());
    }
    let pickle = archive.find("data.pkl")?;
    if pickle.range.end - pickle.range.start > TABLE_LIMIT {
        return Err(format!("its pickle is longer than {} MB", TABLE_LIMIT / 1_000_000));
    }
    let bytes = pickle.whole(source)?;
    let mut pickle = Pickle::read(&bytes)?;
    let mut storages = HashMap::new();
    collect(&mut pickle, |storage| {
        if let Some(entry) = storages.get(&storage.key) {
            return Ok(Arc::clone(entry));
        }
        let entry = Arc::new(archive.find(&format!("data/{}", storage.key))?);
        storages.insert(storage.key.clone(), Arc::clone(&entry));
        Ok(entry)
    })
}

const BIG_ENDIAN: &str = "it was written on a big-endian machine: load it there and save it as safetensors";

impl Entry {
    fn whole(&self, source: &Source) -> Result<Vec<u8>, String> {
        self.read(source, self.range.clone()).map_err(|error| error.to_string())
    }
}

/// A zip archive's entries.
struct Archive<'a> {
    zip: ZipArchive<&'a FileReader>,
    /// What is before the names of all entries.
    root: String,
    entries: HashMap<String, Found>,
}

#[derive(Clone, Copy)]
struct Found {
    wayfinder: ZipArchiveEntryWayfinder,
    crc32: u32,
    stored: bool,
}

impl<'a> Archive<'a> {
    fn open(source: &'a Source) -> Result<Self, String> {
        let broken = |error: rawzip::Error| format!("its archive is broken: {error}");
        let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
        let located = ZipLocator::new().locate_in_reader(source.reader(), &mut buffer, source.len());
        let zip = located.map_err(|(_, error)| broken(error))?;
        let mut entries = HashMap::new();
        let mut records = zip.entries(&mut buffer);
        while let Some(record) = records.next_entry().map_err(broken)? {
            let name = String::from_utf8_lossy(record.file_path().as_ref()).into_owned();
            let stored = record.compression_method() == CompressionMethod::STORE
                && record.compressed_size_hint() == record.uncompressed_size_hint();
            let found = Found { wayfinder: record.wayfinder(), crc32: record.crc32(), stored };
            if entries.len() as u64 == TENSORS_LIMIT {
                return Err(format!("its archive has more than {TENSORS_LIMIT} entries"));
            }
            if entries.insert(name.clone(), found).is_some() {
                return Err(format!("its archive has two entries called {}", printable(&name)));
            }
        }
        let roots = entries.keys().filter_map(|name| name.strip_suffix("data.pkl"));
        let root = roots.filter(|root| root.is_empty() || root.ends_with('/')).min_by_key(|root| root.len());
        let Some(root) = root.map(str::to_owned) else { return Err(other_archive(&entries).to_owned()) };
        if entries.contains_key(&format!("{root}constants.pkl")) {
            return Err(TORCH_SCRIPT.to_owned());
        }
        Ok(Self { zip, root, entries })
    }

    fn find(&self, name: &str) -> Result<Entry, String> {
        let found = self.entries.get(&format!("{}{name}", self.root));
        self.entry(name, *found.ok_or_else(|| format!("its archive lacks the entry {}", printable(name)))?)
    }

    fn entry(&self, name: &str, Found { wayfinder, crc32, stored }: Found) -> Result<Entry, String> {
        if !stored {
            return Err(
                "its archive is compressed, which PyTorch's are not: unpack it and pack it with `zip -0`"
                    .into(),
            );
        }
        let entry = self.zip.get_entry(wayfinder);
        let (start, end) =
            entry.map_err(|error| format!("its archive is broken: {error}"))?.compressed_data_range();
        // `torch.save` without checksums writes zeros.
        let crc32 = Some(crc32).filter(|&crc32| crc32 != 0);
        Ok(Entry { name: name.to_owned(), range: start..end, crc32, checked: AtomicBool::new(false) })
    }
}

const TORCH_SCRIPT: &str = "it is a TorchScript archive, which holds code: in Python, load it with torch.jit.load and save \
                            its state dict with torch.save(model.state_dict(), ..)";

/// What an archive is that no `torch.save` wrote.
fn other_archive(entries: &HashMap<String, Found>) -> &'static str {
    if entries.contains_key("model.weights.h5") {
        "it is a Keras model: convert it to PyTorch or safetensors first"
    } else {
        "it is a zip archive without PyTorch's data.pkl: if a checkpoint is in it, unpack it"
    }
}

/// Magic number, protocol, the machine it was written on, the object, the keys of the storages that follow; then of each
/// storage the number of its elements and their bytes.
fn legacy(source: &Source) -> Result<Tensors, String> {
    let mut at = 0;
    let mut big_endian = false;
    for _ in 0..3 {
        at += pickled(source, at, |pickle| {
            big_endian |= pickle.big_endian;
            Ok(pickle.len as u64)
        })?;
    }
    if big_endian {
        return Err(BIG_ENDIAN.to_owned());
    }
    let mut lens = HashMap::new();
    let object = at;
    at += pickled(source, at, |pickle| {
        lens =
            pickle.storages().map(|storage| (storage.key.clone(), (storage.len, storage.bytes()))).collect();
        Ok(pickle.len as u64)
    })?;
    let mut keys = Vec::new();
    at += pickled(source, at, |pickle| {
        keys = pickle.texts().ok_or("its list of storages is something else")?;
        Ok(pickle.len as u64)
    })?;
    let mut storages = HashMap::new();
    for key in keys {
        let name = printable(&key);
        let &(len, bytes) =
            lens.get(&key).ok_or_else(|| format!("its storage {name} is not in its pickle"))?;
        let count = source.read(at..at + 8).map_err(|error| error.to_string())?;
        let start = at + 8;
        at = start
            .checked_add(bytes)
            .filter(|&end| end <= source.len())
            .ok_or("it ends within its tensors")?;
        if count != len.to_le_bytes() {
            return Err(format!("its storage {name} should have {len} elements and has another number"));
        }
        let checked = AtomicBool::new(true);
        storages.insert(key.clone(), Arc::new(Entry { name: key, range: start..at, crc32: None, checked }));
    }
    let mut tensors = Tensors::new();
    pickled(source, object, |pickle| {
        tensors = collect(pickle, |storage| {
            let entry = storages.get(&storage.key).cloned();
            entry.ok_or_else(|| format!("its storage {} is not in the file", printable(&storage.key)))
        })?;
        Ok(0)
    })?;
    Ok(tensors)
}

/// What `read` makes of the pickle that begins at `start`, how long it may be.
fn pickled(
    source: &Source,
    start: u64,
    mut read: impl FnMut(&mut Pickle<'_>) -> Result<u64, String>,
) -> Result<u64, String> {
    let left = source.len().saturating_sub(start);
    let mut length = 1 << 20;
    loop {
        let bytes = source.read(start..start + left.min(length)).map_err(|error| error.to_string())?;
        match Pickle::read(&bytes) {
            Err(PickleError::EndsEarly) if length < left.min(TABLE_LIMIT) => length *= 8,
            other => return read(&mut other?),
        }
    }
}

/// The tensors of a pickle, with the entries that `find` has for their storages.
fn collect(
    pickle: &mut Pickle<'_>,
    mut find: impl FnMut(&Storage) -> Result<Arc<Entry>, String>,
) -> Result<Tensors, String> {
    let mut tensors = Tensors::new();
    let mut failed = None;
    pickle.tensors(|name, tensor| {
        match find(&tensor.storage).and_then(|entry| file_tensor(tensor, entry)) {
            Ok(tensor) => drop(tensors.insert(name.to_owned(), tensor)),
            Err(reason) => drop(failed.get_or_insert(format!("of its tensor {}, {reason}", printable(name)))),
        }
    })?;
    match failed {
        Some(reason) => Err(reason),
        None => Ok(tensors),
    }
}

fn file_tensor(tensor: &TensorEntry, entry: Arc<Entry>) -> Result<FileTensor, String> {
    let TensorEntry { storage, dtype, offset, shape, strides } = tensor;
    let bytes = entry.range.end - entry.range.start;
    if storage.bytes() > bytes {
        return Err(format!("the storage should have {} bytes and has {bytes}", storage.bytes()));
    }
    let element = element_bytes(*dtype);
    let last = shape
        .iter()
        .zip(strides)
        .map(|(&size, &stride)| (size.saturating_sub(1) * stride) as u64)
        .sum::<u64>();
    let extent = if shape.contains(&0) { 0 } else { (last + 1) * element };
    let start = entry.range.start + offset;
    let contiguous = is_contiguous(shape, strides);
    let elements = Elements {
        range: start..start + extent,
        strides: (!contiguous).then(|| strides.clone()),
        entry: Some(entry),
    };
    Ok(FileTensor { dtype: *dtype, shape: shape.clone(), elements })
}

/// Whether elements follow one another row by row; the stride of a dimension of one never matters.
fn is_contiguous(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1;
    shape.iter().zip(strides).rev().all(|(&size, &stride)| {
        let fits = size == 1 || stride == expected;
        expected *= size;
        fits
    })
}
