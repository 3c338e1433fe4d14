//! Where the sums of narrow products go: to a map of f32, to one of narrow numbers, or to both.

use pulp::Simd;

use super::isa::{Floats, Narrow};
use super::numbers::Code;
use crate::frozen::map::Map;
use crate::frozen::shared::Shared;
use crate::frozen::store::{Activation, Place, Store};
use crate::frozen::work::Work;

/// A map, and where its pixels lie.
#[derive(Debug)]
pub(in crate::frozen) struct Spot {
    pub map: Map,
    positions: Option<Box<[u32]>>,
}

impl Spot {
    pub fn new(map: Map) -> Self {
        Self { positions: map.positions(), map }
    }

    /// `count` pixels from `first` on, of all images, from `block` on.
    fn pixels(&self, block: usize, first: usize, count: usize) -> Place<'_> {
        Place::pixels(&self.map, self.positions.as_deref(), block, first, count)
    }

    /// Pixels of a row from `column` on.
    fn row(&self, block: usize, image: usize, row: usize, column: usize) -> Place<'_> {
        Place::row(&self.map, block, image, row, column)
    }
}

/// Where a step's results go, and what becomes of them before.
#[derive(Debug)]
pub(in crate::frozen) struct Outlet {
    /// Where the biases lie.
    pub bias: usize,
    /// Where the factors of the sums lie, a value for each channel.
    pub scale: usize,
    /// What is added before the activation, in f32.
    pub shortcut: Option<Spot>,
    /// None or ReLU.
    pub activation: Activation,
    /// The map of f32.
    pub wide: Option<Spot>,
    /// The map of narrow numbers, and their code.
    pub narrow: Option<(Spot, Code)>,
}

impl Outlet {
    /// Every map there is.
    pub fn maps(&mut self) -> impl Iterator<Item = &mut Map> {
        let narrow = self.narrow.iter_mut().map(|(spot, _)| spot);
        narrow.chain(&mut self.wide).chain(&mut self.shortcut).map(|spot| &mut spot.map)
    }

    /// The maps that are read or written, for counting bytes.
    pub fn traffic(&self) -> impl Iterator<Item = &Map> {
        let narrow = self.narrow.iter().map(|(spot, _)| spot);
        narrow.chain(&self.wide).chain(&self.shortcut).map(|spot| &spot.map)
    }

    pub fn clear_border(&self, work: &Work<'_>) {
        let narrow = self.narrow.iter().map(|(spot, _)| spot);
        narrow.chain(&self.wide).for_each(|spot| work.clear_border(&spot.map));
    }

    /// For `count` pixels from `first` on and `blocks` blocks from `block` on.
    pub fn pixels<'a>(
        &'a self,
        work: &Work<'a>,
        [block, blocks]: [usize; 2],
        first: usize,
        count: usize,
        lanes: usize,
    ) -> Sink<'a> {
        self.sink(work, [block, blocks], lanes, |spot| spot.pixels(block, first, count))
    }

    /// For a row's pixels from `column` on, of a block.
    pub fn row<'a>(
        &'a self,
        work: &Work<'a>,
        block: usize,
        [image, row, column]: [usize; 3],
        lanes: usize,
    ) -> Sink<'a> {
        self.sink(work, [block, 1], lanes, |spot| spot.row(block, image, row, column))
    }

    #[inline(always)]
    fn sink<'a>(
        &'a self,
        work: &Work<'a>,
        [block, blocks]: [usize; 2],
        lanes: usize,
        place: impl Fn(&'a Spot) -> Place<'a>,
    ) -> Sink<'a> {
        let weights = work.weights;
        let channels = |start: usize| &weights[start + block * lanes..][..blocks * lanes];
        let wide = self.wide.as_ref().map(&place);
        Sink {
            store: Store {
                memory: work.memory,
                bias: channels(self.bias),
                out: wide.unwrap_or(Place { start: 0, block_stride: 0, positions: None }),
                shortcut: self.shortcut.as_ref().map(&place),
                activation: self.activation,
            },
            wide: wide.is_some(),
            narrow: self.narrow.as_ref().map(|(spot, code)| (place(spot), *code)),
            scale: channels(self.scale),
        }
    }
}

/// What becomes of a tile's sums.
#[derive(Clone, Copy)]
pub(in crate::frozen) struct Sink<'a> {
    /// What becomes of them in f32; `out` is used if `wide` says so.
    store: Store<'a>,
    wide: bool,
    narrow: Option<(Place<'a>, Code)>,
    scale: &'a [f32],
}

impl Sink<'_> {
    /// Stores the sums of `[pixel][block]`.
    #[inline(always)]
    pub fn put<N: Narrow, const PIXELS: usize, const BLOCKS: usize>(
        self,
        narrow: N,
        sums: [[N::Sums; BLOCKS]; PIXELS],
    ) {
        let simd = narrow.simd();
        let scale = N::Simd::as_simd_f32s(self.scale).0;
        let scale = scale.first_chunk::<BLOCKS>().expect("a factor for each channel");
        let mut floats = [[simd.splat_f32s(0.0); BLOCKS]; PIXELS];
        for pixel in 0..PIXELS {
            for block in 0..BLOCKS {
                floats[pixel][block] = narrow.floats(sums[pixel][block], scale[block]);
            }
        }
        let floats = self.store.finished(simd, floats);
        if self.wide {
            self.store.write(simd, floats);
        }
        if let Some((place, code)) = self.narrow {
            self.encode(narrow, floats, place, code);
        }
    }

    #[inline(always)]
    fn encode<N: Narrow, const PIXELS: usize, const BLOCKS: usize>(
        self,
        narrow: N,
        floats: [[Floats<N>; BLOCKS]; PIXELS],
        place: Place<'_>,
        code: Code,
    ) {
        for block in 0..BLOCKS {
            if place.positions.is_none() {
                let at = place.at(block, 0, N::WORDS);
                let out = N::pixels_mut(self.store.memory.write(at..at + PIXELS * N::WORDS));
                let out = out.first_chunk_mut::<PIXELS>().expect("as many as were asked for");
                for pixel in 0..PIXELS {
                    out[pixel] = narrow.encode(floats[pixel][block], code);
                }
            } else {
                let mut codes = [N::Pixel::default(); PIXELS];
                for pixel in 0..PIXELS {
                    codes[pixel] = narrow.encode(floats[pixel][block], code);
                }
                scatter::<N>(self.store.memory, place, block, &codes);
            }
        }
    }
}

/// Writes pixels that do not follow one another. Out of line: the checks and addresses would drive the sums out of the
/// registers.
#[inline(never)]
fn scatter<N: Narrow>(memory: &Shared<'_>, to: Place<'_>, block: usize, codes: &[N::Pixel]) {
    for (pixel, &code) in codes.iter().enumerate() {
        let at = to.at(block, pixel, N::WORDS);
        N::pixels_mut(memory.write(at..at + N::WORDS))[0] = code;
    }
}
