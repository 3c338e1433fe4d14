//! Where in a file its state dictionary is.
//!
//! Training programs save a network's tensors under keys, and wrap the network in others, each of which puts a word before
//! the names. What lies below a path of such words is the state dictionary if the first convolution of a network is there;
//! whatever else the file holds is passed over.

use std::collections::BTreeMap;

use regnet_space::{Layout, Naming};

use super::STEM;
use super::file::FileTensor;

/// What a word before names tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// The moving average of the weights.
    Average,
    /// pycls's own key, whose networks take blue, green and red.
    Pycls,
    /// A key that a program saves weights under, or a network in another.
    Wrapper,
}

/// All words, from the one that is preferred where several are in a file.
const WORDS: [(&str, Word); 15] = [
    ("state_dict_ema", Word::Average),
    ("model_ema", Word::Average),
    ("ema", Word::Average),
    ("ema_model", Word::Average),
    ("model_state", Word::Pycls),
    ("state_dict", Word::Wrapper),
    ("model_state_dict", Word::Wrapper),
    ("model", Word::Wrapper),
    ("net", Word::Wrapper),
    ("network", Word::Wrapper),
    ("weights", Word::Wrapper),
    ("module", Word::Wrapper),
    ("_orig_mod", Word::Wrapper),
    ("timm_model", Word::Wrapper),
    ("backbone", Word::Wrapper),
];

/// What was found.
#[derive(Debug)]
pub(super) struct StateDict {
    /// By their names without what is before all of them.
    pub(super) tensors: BTreeMap<String, FileTensor>,
    /// What is before all names in the file, ending with a dot; empty where nothing is.
    pub(super) path: String,
    /// Whether these are the moving average of other weights in the file.
    pub(super) is_average: bool,
    /// Whether the file is pycls's own.
    pub(super) is_pycls: bool,
}

/// The state dictionary in a file's tensors; with `average`, the moving average of the weights where there is one.
pub(super) fn find(mut tensors: BTreeMap<String, FileTensor>, average: bool) -> StateDict {
    tensors.retain(|name, _| !name.ends_with("num_batches_tracked"));
    let best = paths(&tensors).into_iter().min_by_key(|path| preference(path, average));
    let path = best.unwrap_or_else(|| usual(&tensors));
    let words = || words(&path).flatten();
    let is_average = words().any(|word| WORDS[word].1 == Word::Average);
    let is_pycls = words().any(|word| WORDS[word].1 == Word::Pycls);
    if !path.is_empty() {
        let below = tensors
            .into_iter()
            .filter_map(|(name, tensor)| Some((name.strip_prefix(&path)?.to_owned(), tensor)));
        tensors = below.collect();
    }
    StateDict { tensors, path, is_average, is_pycls }
}

/// The paths of known words below which a first convolution is.
fn paths(tensors: &BTreeMap<String, FileTensor>) -> Vec<String> {
    let stems =
        Layout::ALL.into_iter().flat_map(|layout| Naming::ALL.map(|naming| naming.name(layout, STEM)));
    let mut stems: Vec<String> = stems.flatten().collect();
    stems.sort();
    stems.dedup();
    let paths =
        tensors.keys().flat_map(|name| stems.iter().filter_map(|stem| name.strip_suffix(stem.as_str())));
    let known =
        |path: &&str| path.is_empty() || path.ends_with('.') && words(path).all(|word| word.is_some());
    paths.filter(known).map(str::to_owned).collect()
}

/// The words of a path as places in the table; `None` for those that are not in it.
fn words(path: &str) -> impl Iterator<Item = Option<usize>> {
    let words = path.split_terminator('.');
    words.map(|word| WORDS.iter().position(|(known, _)| *known == word))
}

/// The smallest is preferred: the moving average if it is wanted and else not, then the order of the table.
fn preference(path: &str, average: bool) -> (bool, Vec<usize>) {
    let places: Vec<usize> = words(path).flatten().collect();
    let is_average = places.iter().any(|&place| WORDS[place].1 == Word::Average);
    (is_average != average, places)
}

/// Without a first convolution: what is below the first word that there is, or everything.
fn usual(tensors: &BTreeMap<String, FileTensor>) -> String {
    let path = |word: &str| format!("{word}.");
    let mut paths = WORDS.iter().map(|(word, _)| path(word));
    paths.find(|path| tensors.keys().any(|name| name.starts_with(path))).unwrap_or_default()
}
