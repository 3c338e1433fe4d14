//! Which input channels the blocks of a grouped convolution read.

/// Which input channels each block of output channels reads.
#[derive(Debug)]
pub(crate) struct Sources {
    group_width: usize,
    pub(crate) blocks: Vec<Source>,
}

/// What one block reads, and where its weights begin.
#[derive(Debug)]
pub(crate) struct Source {
    pub weights: usize,
    pub lanes: Lanes,
}

#[derive(Debug)]
pub(crate) enum Lanes {
    /// All lanes read the same channels: of some input blocks, lanes from the first up to the second.
    Same(Vec<(usize, usize, usize)>),
    /// Lanes read the channels of several groups.
    Mixed(Vec<Mixture>),
}

/// Channels for each lane, one after another, from one or two blocks.
#[derive(Debug)]
pub(crate) struct Mixture {
    pub blocks: [usize; 2],
    /// How many channels each lane reads.
    pub channels: usize,
    /// For each of those, a lane's channel in the first block; from the number of lanes on, in the second.
    pub orders: Vec<u32>,
}

impl Sources {
    /// What blocks of `lanes` channels read of `channels` in groups of `group_width`.
    pub fn new(channels: usize, group_width: usize, lanes: usize) -> Self {
        let mut weights = 0;
        let block = |block: usize| {
            let here: Vec<usize> = (block * lanes..channels.min((block + 1) * lanes)).collect();
            let lanes = Lanes::new(&here, group_width, lanes);
            let source = Source { weights, lanes };
            weights += 9 * source.lanes.channels();
            source
        };
        Self { group_width, blocks: (0..channels.div_ceil(lanes)).map(block).collect() }
    }

    /// Channels of a group.
    pub fn group_width(&self) -> usize {
        self.group_width
    }

    /// Values of the weights once they are packed.
    pub fn packed_len(&self, lanes: usize) -> usize {
        self.blocks.iter().map(|source| 9 * source.lanes.channels() * lanes).sum()
    }

    /// Which vector of the packed weights holds, in its lane, the first weight that an output channel has for channel
    /// `within` of its group; those of the other taps follow.
    pub fn position(&self, channel: usize, within: usize, lanes: usize) -> usize {
        let Source { weights, lanes: sources } = &self.blocks[channel / lanes];
        let read = match sources {
            Lanes::Mixed(_) => within,
            Lanes::Same(runs) => {
                let (block, lane, _) = runs[0];
                channel / self.group_width * self.group_width + within - (block * lanes + lane)
            }
        };
        weights + 9 * read
    }

    /// Weights `[channel][group width][3][3]` in the order `[block][source channel][tap][lane]`.
    pub fn pack(&self, weights: &[f32], channels: usize, group_width: usize, lanes: usize) -> Vec<f32> {
        let mut packed = Vec::with_capacity(self.packed_len(lanes));
        for (block, source) in self.blocks.iter().enumerate() {
            for read in 0..source.lanes.channels() {
                for tap in 0..9 {
                    packed.extend((0..lanes).map(|lane| {
                        let channel = block * lanes + lane;
                        let within = source.lanes.within(read, channel, group_width, lanes);
                        let index = |within| (channel * group_width + within) * 9 + tap;
                        within.filter(|_| channel < channels).map_or(0.0, |within| weights[index(within)])
                    }));
                }
            }
        }
        packed
    }
}

impl Lanes {
    /// What the output channels `here` read.
    fn new(here: &[usize], group_width: usize, lanes: usize) -> Self {
        let begin = |channel: usize| channel / group_width * group_width;
        let (first, last) = (begin(here[0]), begin(here[here.len() - 1]));
        let mixtures: Option<Vec<_>> = (0..group_width)
            .map(|within| {
                let channels: Vec<usize> = here.iter().map(|&channel| begin(channel) + within).collect();
                Mixture::new(&channels, lanes)
            })
            .collect();
        match mixtures.map(merged) {
            Some(mixtures) if first != last => Self::Mixed(mixtures),
            // All channels of all groups, of which a lane has weights for its own.
            _ => Self::Same(runs(first, last + group_width, lanes)),
        }
    }

    /// Input channels, or mixtures of them, that are read.
    fn channels(&self) -> usize {
        match self {
            Self::Same(runs) => runs.iter().map(|(_, from, to)| to - from).sum(),
            Self::Mixed(mixtures) => mixtures.iter().map(|mixture| mixture.channels).sum(),
        }
    }

    /// Which channel of its group an output channel reads as number `read`, if any.
    fn within(&self, read: usize, channel: usize, group_width: usize, lanes: usize) -> Option<usize> {
        match self {
            Self::Mixed(_) => Some(read),
            Self::Same(runs) => {
                let (block, lane, _) = runs[0];
                let source = block * lanes + lane + read;
                (source / group_width == channel / group_width).then_some(source % group_width)
            }
        }
    }
}

/// Channels `from..to`, block by block.
fn runs(from: usize, to: usize, lanes: usize) -> Vec<(usize, usize, usize)> {
    let blocks = from / lanes..to.div_ceil(lanes);
    blocks
        .map(|block| {
            let start = block * lanes;
            (block, from.saturating_sub(start), lanes.min(to - start))
        })
        .collect()
}

impl Mixture {
    /// A channel for each lane, if they come from two blocks at most.
    fn new(channels: &[usize], lanes: usize) -> Option<Self> {
        let first = channels[0] / lanes;
        let last = channels[channels.len() - 1] / lanes;
        let order = channels.iter().map(|channel| match channel / lanes {
            block if block == first => Some((channel % lanes) as u32),
            block if block == last => Some((lanes + channel % lanes) as u32),
            _ => None,
        });
        let mut orders: Vec<u32> = order.collect::<Option<_>>()?;
        orders.resize(lanes, 0);
        Some(Self { blocks: [first, last], channels: 1, orders })
    }
}

/// Neighbours of the same blocks brought together.
fn merged(mixtures: Vec<Mixture>) -> Vec<Mixture> {
    let mut merged: Vec<Mixture> = Vec::new();
    for mut mixture in mixtures {
        match merged.last_mut() {
            Some(last) if last.blocks == mixture.blocks => {
                last.channels += mixture.channels;
                last.orders.append(&mut mixture.orders);
            }
            _ => merged.push(mixture),
        }
    }
    merged
}
