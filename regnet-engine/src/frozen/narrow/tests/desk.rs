//! Steps on an arena of their own.

use std::sync::atomic::{AtomicBool, Ordering};

use super::reference::{Planes, Product};
use crate::frozen::isa::Isa;
use crate::frozen::map::Map;
use crate::frozen::narrow::{Code, Convert, Format, Kind, Outlet, Spot, Step};
use crate::frozen::shared::share;
use crate::frozen::store::Activation;
use crate::frozen::work::Work;

/// An arena and weights in the making.
pub struct Desk {
    format: Format,
    isa: Isa,
    memory: Vec<f32>,
    weights: Vec<f32>,
    images: usize,
    /// For each image, whether a step lost a NaN or an infinity.
    lost: Vec<AtomicBool>,
}

impl Desk {
    pub fn new(format: Format, isa: Isa, images: usize) -> Self {
        let lost = (0..images).map(|_| AtomicBool::new(false)).collect();
        Self { format, isa, memory: Vec::new(), weights: Vec::new(), images, lost }
    }

    /// A map of f32, or of words of so many numbers. Until it is written, it holds NaN.
    pub fn map(&mut self, [channels, height, width]: [usize; 3], border: usize, per_word: usize) -> Map {
        let mut map = Map {
            offset: self.memory.len(),
            channels: channels.div_ceil(per_word),
            height,
            width,
            border,
            images: self.images,
            lanes: self.isa.lanes() / per_word,
        };
        map.offset = self.memory.len();
        self.memory.resize(map.offset + map.len(), f32::NAN);
        map
    }

    /// A map of f32 with these values, zero beyond its channels.
    pub fn filled(&mut self, planes: &Planes) -> Map {
        let map = self.map(planes.shape, 0, 1);
        self.memory[map.range()].fill(0.0);
        planes.each(|image, channel, row, column, value| {
            self.memory[place(&map, image, channel, row, column)] = value;
        });
        map
    }

    /// A map of f32 as planes.
    fn planes(&self, map: &Map) -> Planes {
        let shape = [map.channels, map.height, map.width];
        Planes::new(self.images, shape, |image, channel, row, column| {
            self.memory[place(map, image, channel, row, column)]
        })
    }

    /// The numbers of a map of words, as bits, one after another.
    pub fn bits(&self, map: &Map, channels: usize) -> Vec<u32> {
        let (per_word, mut bits) = (self.format.per_word(), Vec::new());
        let mask = u32::MAX >> (32 - 32 / per_word);
        Planes::new(self.images, [channels, map.height, map.width], |image, channel, row, column| {
            let word = self.memory[place(map, image, channel / per_word, row, column)].to_bits();
            bits.push(word >> (channel % per_word * 32 / per_word) & mask);
            0.0
        });
        bits
    }

    pub fn lost(&self) -> Vec<bool> {
        self.lost.iter().map(|lost| lost.load(Ordering::Relaxed)).collect()
    }

    fn add(&mut self, values: &[f32]) -> usize {
        let place = self.weights.len();
        self.weights.extend(values);
        self.weights.resize(self.weights.len().next_multiple_of(self.isa.lanes()), 0.0);
        place
    }

    pub fn add_words(&mut self, words: &[u32]) -> usize {
        self.add(pulp::bytemuck::cast_slice(words))
    }

    /// Runs every thread's part of a step.
    pub fn run(&mut self, kind: Kind, threads: usize) -> Kind {
        let step = Step { format: self.format, kind };
        let memory = share(&mut self.memory);
        for thread in 0..threads {
            let work = Work {
                memory: &memory,
                scratch: &memory,
                weights: &self.weights,
                input: &[],
                results: &[],
                lost: &self.lost,
                first: 0,
                images: self.images,
                thread,
                threads,
            };
            step.run(self.isa, work);
        }
        step.kind
    }

    /// Brings planes to narrow numbers, with a border.
    pub fn narrow(&mut self, planes: &Planes, border: usize, code: Code) -> Map {
        let input = self.filled(planes);
        let out = self.map(planes.shape, border, self.format.per_word());
        self.run(Kind::Convert(Convert { input, stride: 1, gate: None, out, code }), 2);
        out
    }

    /// An outlet to both kinds of map, the narrow one with a border.
    pub fn outlet(&mut self, product: &Product, shape: [usize; 3]) -> Outlet {
        let shortcut = product.shortcut.as_ref().map(|planes| Spot::new(self.filled(planes)));
        Outlet {
            bias: self.add(&product.bias),
            scale: self.add(&product.scale),
            shortcut,
            activation: if product.relu { Activation::Relu } else { Activation::None },
            wide: Some(Spot::new(self.map(shape, 0, 1))),
            narrow: Some((Spot::new(self.map(shape, 1, self.format.per_word())), product.code)),
        }
    }

    /// Compares what an outlet wrote.
    pub fn check(&self, what: &str, outlet: &Outlet, product: &Product, expected: &Planes) {
        let (Some(wide), Some((narrow, _))) = (&outlet.wide, &outlet.narrow) else {
            unreachable!("it has both")
        };
        let found = self.planes(&wide.map);
        for (index, (found, expected)) in found.values.iter().zip(&expected.values).enumerate() {
            assert!(found == expected, "{what}: value {index} is {found}, expected {expected}");
        }
        let codes: Vec<u32> = expected.values.iter().map(|&value| product.encode(value)).collect();
        assert_eq!(self.bits(&narrow.map, expected.shape[0]), codes, "{what}: narrow");
        let border = self.memory[narrow.map.offset..][..narrow.map.row_stride()].iter();
        assert!(border.map(|value| value.to_bits()).all(|bits| bits == 0), "{what}: the border is not zero");
    }
}

/// Where a channel's (or a word's) pixel lies in the arena.
fn place(map: &Map, image: usize, channel: usize, row: usize, column: usize) -> usize {
    let (block, lane) = (channel / map.lanes, channel % map.lanes);
    map.offset + block * map.block_stride() + map.at(image, row, column) + lane
}
