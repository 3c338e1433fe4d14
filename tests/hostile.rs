//! Files made to harm: none may panic, take memory out of proportion, or have anything executed.
//!
//! One test, since everything that this process allocates is counted.
#![allow(clippy::unwrap_used, unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use dfdx::prelude::*;
use regnet::train::Card;
use regnet::weights::{Head, WeightFile};
use regnet::{Built, regnet};

type Net = regnet!(< d=5, w0=8, wa=6, wm=1.6, g=4, se=true >, stem = simple(8), classes = 7);

/// The system's allocator, and how many bytes it has given out.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: both methods pass their arguments on to the system's allocator unchanged and return what it returns; the
// provided `realloc` and `alloc_zeroed` are built of the two.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::SeqCst) + layout.size();
        PEAK.fetch_max(live, Ordering::SeqCst);
        // SAFETY: the caller's promises about `layout` are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::SeqCst);
        // SAFETY: `pointer` came from `alloc` above with this `layout`, and so from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// What reading any small file may take: tables of names, and the objects of a checkpoint's pickle.
const BASE: usize = 1 << 20;
/// What any file may take at most.
const MOST: usize = 200_000_000;
/// What files are called that are made to take more.
const BOMB: &str = "bomb.pth";

/// Numbers that are the same in every run (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

/// What a reader is tried on, and what was done to the file.
struct Trial {
    bytes: Vec<u8>,
    what: String,
    name: &'static str,
}

impl Trial {
    /// What reading it may take; small files, changed in places, take little.
    fn bound(&self) -> usize {
        2 * self.bytes.len() + if self.name == BOMB || self.bytes.len() > BASE { MOST } else { BASE }
    }
}

fn fixture(name: &str) -> Vec<u8> {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference");
    fs::read(reference.join("checkpoints").join(name))
        .or_else(|_| fs::read(reference.join("wrapped").join(name)))
        .unwrap()
}

/// A zip archive whose entries claim no checksums, so that what was done to them is not found by those.
fn without_checksums(mut bytes: Vec<u8>) -> Vec<u8> {
    let headers: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(b"PK\x01\x02")).collect();
    headers.into_iter().for_each(|header| bytes[header + 16..header + 20].fill(0));
    bytes
}

/// A few bytes, or a number of a few bytes, overwritten somewhere in `range`.
fn overwritten(
    name: &'static str,
    bytes: &[u8],
    range: std::ops::Range<usize>,
    random: &mut Random,
) -> Trial {
    let mut bytes = bytes.to_vec();
    let at = range.start + random.below(range.len());
    let number: u64 = [0, 1, 1 << 60, u64::MAX, 1 << 31, u64::MAX / 8][random.below(6)];
    let width = [1, 2, 4, 8][random.below(4)].min(bytes.len() - at);
    bytes[at..at + width].copy_from_slice(&number.to_le_bytes()[..width]);
    Trial { bytes, what: format!("{width} bytes of {number} at {at}"), name }
}

fn truncated(name: &'static str, bytes: &[u8], random: &mut Random) -> Trial {
    let length = random.below(bytes.len());
    Trial { bytes: bytes[..length].to_vec(), what: format!("cut to {length}"), name }
}

/// A safetensors file with another header, whose length is right or as given.
fn with_header(header: &str, length: Option<u64>, data: &[u8], what: &str) -> Trial {
    let prefix = length.unwrap_or(header.len() as u64).to_le_bytes();
    let bytes = [&prefix[..], header.as_bytes(), data].concat();
    Trial { bytes, what: what.to_owned(), name: "timm.safetensors" }
}

fn safetensors(random: &mut Random) -> Vec<Trial> {
    let bytes = fixture("timm.safetensors");
    let length = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    let (header, data) = (std::str::from_utf8(&bytes[8..8 + length]).unwrap(), &bytes[8 + length..]);
    let mut trials = Vec::new();
    for claim in
        [0, 1, 7, length as u64 - 1, length as u64 + 1, 1 << 20, 1 << 32, 1 << 60, u64::MAX - 8, u64::MAX]
    {
        trials.push(with_header(header, Some(claim), data, &format!("a header of {claim}")));
    }
    for (from, to) in [
        ("\"F32\"", "\"F64\""),
        ("\"F32\"", "\"F8_E4M3\""),
        ("\"F32\"", "\"F4\""),
        ("\"F32\"", "\"Q7\""),
        ("\"F32\"", "7"),
        ("[8,3,3,3]", "[1152921504606846976]"),
        ("[8,3,3,3]", "[18446744073709551615,18446744073709551615]"),
        ("[8,3,3,3]", "[-8,3,3,3]"),
        ("[8,3,3,3]", "[8,3,3,3e0]"),
        ("[8,3,3,3]", "[]"),
        ("[8,3,3,3]", "[8,3,0,3]"),
        ("\"data_offsets\":[", "\"data_offsets\":[0,"),
        ("\"data_offsets\":[", "\"data_offsets\":[1152921504606846976,"),
        ("\"data_offsets\":[0,", "\"data_offsets\":[4,"),
        ("\"data_offsets\":[0,", "\"data_offsets\":[18446744073709551615,"),
        ("stem.conv.weight", "stem.conv.weigh"),
        ("stem.conv.weight", "stem.bn.bias"),
        ("\"format\":\"pt\"", "\"format\":{\"a\":[[[[]]]]}"),
        ("}", "]"),
        ("{", "{{"),
    ] {
        trials.push(with_header(&header.replacen(from, to, 1), None, data, &format!("{from} as {to}")));
        trials.push(with_header(&header.replace(from, to), None, data, &format!("every {from} as {to}")));
    }
    // Eight tensors whose sizes add up to more than a usize holds.
    let most = 1_u64 << 61;
    let tensors = (0..8).map(|i| {
        format!(
            "\"t{i}\":{{\"dtype\":\"U8\",\"shape\":[{most}],\"data_offsets\":[{},{}]}}",
            i * most,
            (i + 1).min(7) * most
        )
    });
    let chain = format!("{{{}}}", tensors.collect::<Vec<_>>().join(","));
    trials.push(with_header(&chain, None, data, "a chain of huge tensors"));
    let empty =
        (0..40_000).map(|i| format!("\"{i}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}"));
    let empty = format!("{{{}}}", empty.collect::<Vec<_>>().join(","));
    trials.push(with_header(&empty, None, &[], "many empty tensors"));
    trials.push(with_header(&"[".repeat(100_000), None, data, "deep nesting"));
    trials.extend((0..25).map(|_| overwritten("timm.safetensors", &bytes, 0..8 + length, random)));
    trials.extend((0..5).map(|_| truncated("timm.safetensors", &bytes, random)));
    trials
}

/// Where a pickle begins that runs a command when Python reads it, of `length` bytes.
fn import(length: usize, victim: &Path) -> Vec<u8> {
    let mut pickle = format!("\x02cos\nsystem\n(X\x00\x00\x00\x00touch {}tR", victim.display()).into_bytes();
    pickle.insert(0, 0x80);
    let at = pickle.iter().position(|&byte| byte == b'X').unwrap() + 1;
    let words = (pickle.len() - 2 - at - 4) as u8;
    pickle[at] = words;
    pickle.resize(length - 1, b'0');
    pickle.push(b'.');
    pickle
}

fn checkpoints(name: &'static str, random: &mut Random, victim: &Path) -> Vec<Trial> {
    let bytes = without_checksums(fixture(name));
    let mut trials = Vec::new();
    let pickle =
        bytes.windows(3).position(|window| window == b"\x80\x02}" || window == b"\x80\x02c").unwrap();
    let mut poisoned = |what: &str, at: usize, with: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at..at + with.len()].copy_from_slice(with);
        trials.push(Trial { bytes, what: what.to_owned(), name });
    };
    poisoned("a command", pickle, &import(400, victim));
    poisoned("memory for 2^32 bytes", pickle, b"\x80\x02X\xff\xff\xff\xff");
    poisoned("memory for 2^60 bytes", pickle, b"\x80\x04\x8e\0\0\0\0\0\0\0\x10");
    poisoned("doublings", pickle, &[&b"\x80\x02]q\0"[..], &b"h\0h\0\x86q\0".repeat(40), b"."].concat());
    poisoned("nesting", pickle, &[&b"\x80\x02"[..], &b"]".repeat(2000), &b"a".repeat(1999), b"."].concat());
    poisoned("nothing", pickle, &[b'N'; 3000]);
    for op in [b'i', b'o', b'c', b'R', b'b', 0x81, 0x82, 0x92, 0x93, b'P', b'Q', b'u', b'.', 0xff] {
        poisoned(&format!("instruction {op:#x}"), pickle + 3 + random.below(2000), &[op]);
    }
    // The numbers of elements and dimensions that the pickle claims.
    for marker in [&b"cpu"[..], b"Storage"] {
        let at = bytes.windows(marker.len()).position(|window| window == marker).unwrap() + marker.len();
        for number in [0xff_u8, 0x4d, 0x8a] {
            poisoned("a claim", at + 2 + random.below(4), &[number; 6]);
        }
    }
    // Two entries of one name; data that begins elsewhere, or is longer than the file.
    if let Some(entry) = bytes.windows(4).rposition(|window| window == b"PK\x01\x02") {
        for (field, number) in [(20, u32::MAX), (24, u32::MAX), (20, 0), (42, 0), (42, u32::MAX), (42, 64)] {
            poisoned(&format!("{number} at {field} of an entry"), entry + field, &number.to_le_bytes());
        }
        let name = bytes[entry..].windows(5).position(|window| window == b"/data" || window == b".data");
        poisoned("two entries of a name", entry + name.unwrap_or(46), b"/data/0");
    }
    let end = bytes.len();
    let ranges = [pickle..(pickle + 4000).min(end), 0..64, end - 120..end, end.saturating_sub(6000)..end];
    trials.extend((0..24).map(|i| overwritten(name, &bytes, ranges[i % 4].clone(), random)));
    trials.extend((0..4).map(|_| truncated(name, &bytes, random)));
    trials
}

/// A checkpoint of before PyTorch 1.6 whose object is this pickle.
fn legacy(object: &[u8]) -> Vec<u8> {
    let before = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.";
    [&before[..], object, b"].", &[0; 64]].concat()
}

/// Pickles of megabytes that would take a multiple of that, or for ever.
fn bombs() -> Vec<Trial> {
    let many = |what: &[u8], count: usize| what.repeat(count);
    let tensor = b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x01tQK\0)))tR";
    let long_key = [&b"X\xe0\x93\x04\0"[..], &[b'k'; 300_000]].concat();
    // Dictionaries of which each holds the one before under two keys.
    let doubled = |key: &[u8], levels: usize| {
        let mut pickle = [tensor, &b"q\0"[..]].concat();
        for _ in 0..levels {
            pickle.extend([b"}(", key, b"h\0U\x01bh\0uq\0"].concat());
        }
        pickle
    };
    let state = [b"}q\x01(", many(b"K\x01]", 200_000).as_slice(), b"u0"].concat();
    let pickles: [(&str, Vec<u8>); 22] = [
        ("nothing", many(b"N", 4_000_000)),
        ("marks", many(b"(", 4_000_000)),
        ("lists", many(b"]", 4_000_000)),
        ("lists that are thrown away", many(b"]0", 4_000_000)),
        ("dictionaries", many(b"}0", 4_000_000)),
        ("lists of one", many(b"](K\x01e0", 600_000)),
        ("lists of lists", many(b"](]]e0", 600_000)),
        ("dictionaries of one", many(b"}(K\x01]u0", 600_000)),
        ("tuples", many(b"K\x01\x85", 1_300_000)),
        ("a tuple", [b"(".as_slice(), &many(b"K\x01", 2_000_000), b"t"].concat()),
        ("objects", many(b"cos\nsystem\n)R0", 300_000)),
        ("a memo", [b"N".as_slice(), &many(b"\x94", 8_000_000)].concat()),
        ("a memo with gaps", b"Nr\xff\xff\xff\x7f".to_vec()),
        ("a nest", many(b"}U\x01k", 1_000_000)),
        ("a closed nest", [many(b"}U\x01k", 100_000), tensor.to_vec(), many(b"s", 100_000)].concat()),
        ("tensors", many(&[tensor.as_slice(), b"0"].concat(), 40_000)),
        ("doublings", doubled(b"U\x01a", 60)),
        ("doublings under long keys", doubled(&long_key, 20)),
        ("long keys", [b"}(".as_slice(), &many(&[long_key.as_slice(), tensor].concat(), 10), b"u"].concat()),
        ("attributes again and again", [state.as_slice(), &many(b"}h\x01b0", 400_000)].concat()),
        (
            "pairs again and again",
            [
                b"](",
                many(b"K\x01", 200_000).as_slice(),
                b"eq\x010",
                &many(b"ccollections\nOrderedDict\nh\x01\x85R0", 60_000),
            ]
            .concat(),
        ),
        ("a list in itself", [b"]q\0(h\0".as_slice(), tensor, b"h\0e"].concat()),
    ];
    let trial = |(what, pickle): (&str, Vec<u8>)| {
        let object = [b"\x80\x02".as_slice(), &pickle, b"."].concat();
        Trial { bytes: legacy(&object), what: what.to_owned(), name: BOMB }
    };
    pickles.into_iter().map(trial).collect()
}

/// Headers of megabytes.
fn headers() -> Vec<Trial> {
    let joined = |count: usize, entry: fn(usize) -> String| {
        format!("{{{}}}", (0..count).map(entry).collect::<Vec<_>>().join(","))
    };
    let empty = |i: usize| format!("\"{i}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}");
    let metadata = joined(700_000, |i| format!("\"{i}\":\"\""));
    let ones = vec!["1"; 2_000_000].join(",");
    let name = "n".repeat(3_000_000);
    [
        ("300,000 tensors", joined(300_000, empty)),
        ("200,000 tensors", joined(200_000, empty)),
        ("much metadata", format!("{{\"__metadata__\":{metadata}}}")),
        (
            "many dimensions",
            format!("{{\"a\":{{\"dtype\":\"U8\",\"shape\":[{ones}],\"data_offsets\":[0,0]}}}}"),
        ),
        ("a long type", format!("{{\"a\":{{\"dtype\":\"{name}\",\"shape\":[0],\"data_offsets\":[0,0]}}}}")),
        ("a long name", format!("{{\"{name}\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}}}")),
        ("a tensor twice", format!("{{{0},{0}}}", empty(0))),
    ]
    .into_iter()
    .map(|(what, header)| with_header(&header, None, &[], what))
    .collect()
}

/// What is no file of weights.
fn others() -> Vec<Trial> {
    let files: [&[u8]; 9] = [
        b"",
        b"<!DOCTYPE html><html><head><title>404</title></head></html>",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d4d\nsize 12345\n",
        b"\x89HDF\r\n\x1a\n\0\0\0\0",
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
        b"{\"metadata\": {}, \"weight_map\": {}}",
        b"\x08\x08\x12\x07pytorch",
        b"PK\x03\x04",
        b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    ];
    let trial = |bytes: &[u8]| Trial {
        bytes: bytes.to_vec(),
        what: String::from_utf8_lossy(bytes).into_owned(),
        name: "other.pth",
    };
    files.map(trial).into()
}

fn cards(random: &mut Random) -> Vec<Trial> {
    let card = r#"{"network":{"input_channels":3,"stem":"cifar","stem_width":8,"block":"bottleneck","stages":[
        {"depth":1,"width":8,"stride":1,"bottleneck":1.0,"group_width":8}],"se":null,"classes":2},
        "data":"builtin","input":[3,32,32],"classes":["a","b"],"mean":[0.5,0.5,0.5],"std":[0.2,0.2,0.2],"recipe":{}}"#;
    let mut trials = Vec::new();
    for (from, to) in [
        ("\"depth\":1", "\"depth\":18446744073709551615"),
        ("\"width\":8", "\"width\":1152921504606846976"),
        ("\"classes\":2", "\"classes\":1e300"),
        ("\"se\":null", "\"se\":-1"),
        ("[3,32,32]", "[3,1152921504606846976,32]"),
        ("\"stages\":[", "\"stages\":[[[[[["),
        ("[\"a\",\"b\"]", "{}"),
        ("0.5", "1e999"),
    ] {
        trials.push(Trial {
            bytes: card.replace(from, to).into_bytes(),
            what: format!("{from} as {to}"),
            name: "model.json",
        });
    }
    trials.extend((0..12).map(|_| overwritten("model.json", card.as_bytes(), 0..card.len() - 8, random)));
    trials
}

/// Opens a file and loads what it can; whether it was loaded.
fn read(path: &Path, net: &mut Built<Net, f32, Cpu>) -> bool {
    if path.extension().is_some_and(|extension| extension == "json") {
        return Card::read(path).is_ok();
    }
    let Ok(file) = WeightFile::open(path) else { return false };
    file.fits();
    // Few of the tables that are large have elements.
    for name in file.tensors().keys().take(500) {
        let _ = file.values::<f32>(name);
    }
    file.load_into(net, Head::Replace).is_ok()
}

#[test]
fn hostile_files_are_refused_cheaply() {
    let dir = tempfile::tempdir().unwrap();
    let victim: PathBuf = dir.path().join("executed");
    let mut random = Random(7);
    let mut trials = safetensors(&mut random);
    for name in [
        "torchvision.pth",
        "torchvision_legacy.pth",
        "pycls.pyth",
        "ema.pth.tar",
        "whole_model.pth",
        "lightning.ckpt",
    ] {
        trials.extend(checkpoints(name, &mut random, &victim));
    }
    trials.extend(cards(&mut random));
    trials.extend([bombs(), headers(), others()].into_iter().flatten());
    assert!(trials.len() >= 400, "{}", trials.len());

    let mut net = Cpu::default().build_module::<Net, f32>();
    let (mut loaded, mut worst) = (0, 0);
    for trial in &trials {
        let Trial { bytes, what, name } = trial;
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        let before = LIVE.load(Ordering::SeqCst);
        PEAK.store(before, Ordering::SeqCst);
        loaded += usize::from(read(&path, &mut net));
        let peak = PEAK.load(Ordering::SeqCst) - before;
        worst = worst.max(peak.saturating_sub(2 * bytes.len()));
        assert!(peak <= trial.bound(), "{name}, {what}: {peak} bytes for a file of {}", bytes.len());
        assert!(!victim.exists(), "{name}, {what}: executed");
    }
    println!("{} files, {loaded} of them harmless; at most {worst} bytes over twice the file", trials.len());
    // Some changes hit elements or padding; most do not.
    assert!(loaded < trials.len() / 2, "{loaded} of {} were loaded", trials.len());
}
