//! Which input words the blocks of a grouped convolution of narrow numbers read.

use super::numbers::Format;

/// For each block of output channels, the words that its lanes read, one after another.
#[derive(Debug)]
pub(in crate::frozen) struct Sources {
    pub group_width: usize,
    pub blocks: Vec<Vec<Source>>,
}

/// A word for each lane, from one or two input blocks.
#[derive(Debug)]
pub(in crate::frozen) struct Source {
    pub blocks: [usize; 2],
    /// A lane's word in the first block; from the number of a block's words on, in the second. As bits, since it is
    /// loaded like weights.
    pub order: Box<[f32]>,
}

impl Sources {
    /// What blocks of `lanes` channels read of `channels` in groups of `group_width`. None where a group is no whole
    /// number of words, or a block reads more than two input blocks at once.
    pub fn new(format: Format, channels: usize, group_width: usize, lanes: usize) -> Option<Self> {
        let (words, block_words) = (group_width / format.per_word(), lanes / format.per_word());
        if !group_width.is_multiple_of(format.per_word()) {
            return None;
        }
        let block = |block: usize| -> Option<Vec<Source>> {
            let here = block * lanes..channels.min((block + 1) * lanes);
            let first = |channel: usize| channel / group_width * words;
            (0..words)
                .map(|word| {
                    let read: Vec<usize> = here.clone().map(|channel| first(channel) + word).collect();
                    Source::new(&read, block_words, lanes)
                })
                .collect()
        };
        let blocks = (0..channels.div_ceil(lanes)).map(block).collect::<Option<_>>()?;
        Some(Self { group_width, blocks })
    }

    /// Weights `[channel][group width][3][3]` in the order `[block][word][tap][lane]`.
    pub fn pack(&self, format: Format, weights: &[f32], lanes: usize) -> Vec<u32> {
        let (per_word, row) = (format.per_word(), self.group_width * 9);
        let channels = weights.len() / row;
        let mut packed = Vec::new();
        for block in 0..self.blocks.len() {
            for word in 0..self.group_width / per_word {
                for tap in 0..9 {
                    packed.extend((block * lanes..(block + 1) * lanes).map(|channel| {
                        if channel >= channels {
                            return 0;
                        }
                        let within = word * per_word..(word + 1) * per_word;
                        let numbers: Vec<f32> =
                            within.map(|within| weights[channel * row + within * 9 + tap]).collect();
                        format.word(&numbers)
                    }));
                }
            }
        }
        packed
    }
}

impl Source {
    /// A word for each lane, if they come from two blocks at most. Lanes beyond the channels read the first.
    fn new(words: &[usize], block_words: usize, lanes: usize) -> Option<Self> {
        let [first, last] = [words[0], words[words.len() - 1]].map(|word| word / block_words);
        let order = words.iter().map(|word| match word / block_words {
            block if block == first => Some(word % block_words),
            block if block == last => Some(block_words + word % block_words),
            _ => None,
        });
        let mut order: Vec<usize> = order.collect::<Option<_>>()?;
        order.resize(lanes, 0);
        let order = order.into_iter().map(|word| f32::from_bits(word as u32)).collect();
        Some(Self { blocks: [first, last], order })
    }
}
