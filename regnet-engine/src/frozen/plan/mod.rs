//! What is computed when, and where in the arena it lies.

mod layers;
mod narrow;

use std::collections::HashMap;

use super::isa::Isa;
use super::lower::{Layer, LayerOp};
use super::map::Map;
use super::memory::{Buffer, LINE, place};
use super::narrow::Choice;
use super::pack::Packed;
use super::simple::Compact;
use super::step::{Export, Kind, Step};
use super::way::Method;
use narrow::Needs;

/// The steps of a network for groups of images.
///
/// The first part runs image by image, while activations are large and weights are small; the second takes all images of
/// the group at once, so that its weights, which are many, are read once for all of them.
#[derive(Debug)]
pub(super) struct Plan {
    pub early: Vec<Step>,
    /// Copies an image's activations from the first part's end to the second's beginning.
    pub gather: Option<[Map; 2]>,
    pub late: Vec<Step>,
    /// Images of a group.
    pub images: usize,
    /// Floats of the arena.
    pub arena: usize,
    /// Floats that every thread needs besides.
    pub scratch: usize,
}

/// What a plan is made from.
pub(super) struct Source<'a> {
    pub layers: &'a [Layer],
    pub packed: &'a Packed,
    /// How the layers are computed that are convolutions.
    pub methods: &'a [Option<Method>],
    /// The layers that are computed in narrow numbers.
    pub choice: Option<&'a Choice>,
    /// For each layer, whether anything needs it.
    pub used: &'a [bool],
    pub isa: Isa,
    /// The layers that are handed out: the logits, then features.
    pub results: &'a [usize],
}

impl Plan {
    /// A plan for groups of `images` images, of which the layers from `late` on are computed together.
    pub fn new(source: &Source<'_>, images: usize, late: usize) -> Self {
        let late = if images > 1 { late } else { source.layers.len() };
        let mut planning = Planning::new(source, late);
        let (mut gather, mut early) = (None, None);
        for (index, layer) in source.layers.iter().enumerate() {
            if !source.used[index] {
                continue;
            }
            if index == late {
                early = Some(std::mem::take(&mut planning.steps));
                planning.first_step = early.as_ref().map_or(0, Vec::len);
                planning.images = images;
                gather = Some(planning.gather());
            }
            planning.layer(index, layer);
            for (result, _) in source.results.iter().enumerate().filter(|&(_, &value)| value == index) {
                let map = planning.read(index);
                planning.push(index, Kind::Export(Export { map, result }));
            }
        }
        let (early, late) = match early {
            Some(early) => (early, planning.steps),
            None => (planning.steps, Vec::new()),
        };
        let scratch = planning.scratch.next_multiple_of(LINE);
        let mut plan = Self { early, gather, late, images, arena: 0, scratch };
        let (offsets, arena) = place(&planning.buffers);
        plan.settle(&offsets);
        plan.arena = arena;
        plan
    }

    /// Floats of so many arenas and of what so many threads need besides, one after another.
    pub fn floats(&self, arenas: usize, threads: usize) -> usize {
        arenas * self.arena + threads * self.scratch
    }

    /// Puts offsets where the maps have numbers of buffers.
    fn settle(&mut self, offsets: &[usize]) {
        for step in self.early.iter_mut().chain(&mut self.late) {
            step.maps().into_iter().for_each(|map| map.offset = offsets[map.offset]);
            if let Some(room) = step.room() {
                *room = offsets[*room];
            }
        }
        self.gather.iter_mut().flatten().for_each(|map| map.offset = offsets[map.offset]);
    }
}

/// A plan in the making. The offsets of its maps are numbers of buffers.
struct Planning<'a> {
    source: &'a Source<'a>,
    steps: Vec<Step>,
    /// Steps before the first of `steps`.
    first_step: usize,
    buffers: Vec<Buffer>,
    /// Floats that a thread's own memory must have.
    scratch: usize,
    /// Where the values lie.
    maps: Vec<Option<Map>>,
    /// Copies without a border, by value and stride.
    compact: HashMap<(usize, usize), Map>,
    /// Values in narrow numbers, by value, stride and border.
    narrow: HashMap<(usize, [usize; 2]), Map>,
    needs: Needs,
    /// The border each value needs.
    borders: Vec<usize>,
    /// How many times each value is still going to be read.
    reads: Vec<usize>,
    /// Images of a group, in the part that is being planned.
    images: usize,
}

impl<'a> Planning<'a> {
    fn new(source: &'a Source<'a>, late: usize) -> Self {
        let count = source.layers.len();
        let (mut borders, mut reads) = (vec![0; count], vec![0; count]);
        for (layer, _) in source.layers.iter().zip(source.used).filter(|(_, used)| **used) {
            layer.reads().into_iter().for_each(|value| reads[value] += 1);
            if let LayerOp::Conv(conv) = &layer.op {
                for &input in &conv.inputs {
                    borders[input] = borders[input].max(conv.conv.kernel / 2);
                }
            }
        }
        // What is changed in place has the border that is needed afterwards.
        for (index, layer) in source.layers.iter().enumerate().rev() {
            if let LayerOp::Scale { input, .. } | LayerOp::Add { inputs: [input, _], .. } = layer.op {
                borders[input] = borders[input].max(borders[index]);
            }
        }
        source.results.iter().for_each(|&value| reads[value] += 1);
        Self {
            source,
            steps: Vec::new(),
            first_step: 0,
            buffers: Vec::new(),
            scratch: 0,
            maps: vec![None; count],
            compact: HashMap::new(),
            narrow: HashMap::new(),
            needs: Needs::new(source, &borders, late),
            borders,
            reads,
            images: 1,
        }
    }

    fn push(&mut self, layer: usize, kind: Kind) {
        let mut step = Step { layer, kind };
        let now = self.first_step + self.steps.len();
        for map in step.maps() {
            self.buffers[map.offset].extend(now);
        }
        if let Some(room) = step.room() {
            self.buffers[*room].extend(now);
        }
        self.steps.push(step);
    }

    fn buffer(&mut self, len: usize) -> usize {
        self.buffers.push(Buffer::new(len));
        self.buffers.len() - 1
    }

    /// A new map for a layer's value.
    fn new_map(&mut self, index: usize, border: usize) -> Map {
        let shape = self.source.layers[index].shape;
        let mut map = Map {
            offset: 0,
            channels: shape.c,
            height: shape.h,
            width: shape.w,
            border,
            images: self.images,
            lanes: self.source.isa.lanes(),
        };
        map.offset = self.buffer(map.len());
        map
    }

    /// The map a layer writes.
    fn write(&mut self, index: usize) -> Map {
        let map = self.new_map(index, self.borders[index]);
        self.maps[index] = Some(map);
        map
    }

    /// Where a value lies, which is read once more.
    fn read(&mut self, value: usize) -> Map {
        self.reads[value] -= 1;
        self.maps[value].expect("values are computed before they are read")
    }

    /// A value's map if this is the last time that it is read and a result of `like` may take its place.
    fn replace(&mut self, value: usize, border: usize) -> Option<Map> {
        let map = self.maps[value]?;
        (self.reads[value] == 0 && map.border == border).then_some(map)
    }

    /// A value's map without a border, of every `stride`th pixel.
    fn flat(&mut self, layer: usize, value: usize, stride: usize) -> Map {
        let map = self.read(value);
        if map.border == 0 && stride == 1 {
            return map;
        }
        if let Some(&map) = self.compact.get(&(value, stride)) {
            return map;
        }
        let mut out =
            Map { height: map.height.div_ceil(stride), width: map.width.div_ceil(stride), border: 0, ..map };
        out.offset = self.buffer(out.len());
        self.push(layer, Kind::Compact(Compact { input: map, out, stride }));
        self.compact.insert((value, stride), out);
        out
    }

    /// Makes room for the group's images in the one value that is still to be read.
    fn gather(&mut self) -> [Map; 2] {
        let live: Vec<usize> = (0..self.maps.len())
            .filter(|&value| self.maps[value].is_some() && self.reads[value] > 0)
            .collect();
        let [value] = live[..] else { unreachable!("the parts of a plan meet at one value") };
        let from = self.maps[value].expect("it is computed");
        let to = self.write(value);
        self.compact.clear();
        self.narrow.clear();
        self.buffers[from.offset].extend(self.first_step);
        // It is filled while the first part runs, image by image.
        self.buffers[to.offset].extend(0);
        self.buffers[to.offset].extend(self.first_step);
        [from, to]
    }
}

/// Which layers are needed for the results.
pub(super) fn used(layers: &[Layer], results: &[usize]) -> Vec<bool> {
    let mut used = vec![false; layers.len()];
    results.iter().for_each(|&value| used[value] = true);
    for index in (0..layers.len()).rev().filter(|&index| index > 0) {
        if used[index] {
            layers[index].reads().into_iter().for_each(|value| used[value] = true);
        }
    }
    used
}

/// The layer from which on a group's images are computed together: the first whose map is small, and before which there
/// is one value only that is still needed.
pub(super) fn late(layers: &[Layer], used: &[bool]) -> usize {
    let mut last_read: Vec<usize> = vec![0; layers.len()];
    for (index, layer) in layers.iter().enumerate().filter(|&(index, _)| used[index]) {
        layer.reads().into_iter().for_each(|value| last_read[value] = index);
    }
    // The images are not one of them: they are painted in the first part.
    let needed = |index: usize| {
        let values = (0..index).filter(|&value| last_read[value] >= index);
        values.fold(0, |count, value| count + if value == 0 { 2 } else { 1 })
    };
    let small = |layer: &Layer| layer.shape.h * layer.shape.w <= SMALL;
    (1..layers.len())
        .find(|&index| used[index] && small(&layers[index]) && needed(index) == 1)
        .unwrap_or(layers.len())
}

/// Pixels of a map that is small.
const SMALL: usize = 14 * 14;
