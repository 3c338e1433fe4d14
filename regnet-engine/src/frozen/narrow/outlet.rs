//! Where the sums of narrow products go: to a map of f32, to one of narrow numbers, or to both.

use pulp::NullaryFnOnce;

use crate::frozen::isa::Vectors;

use super::isa::{Floats, Narrow};
use super::numbers::Code;
use crate::frozen::map::Map;
use crate::frozen::store::{Activation, Place};
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

    /// One of them: their images have the same pixels.
    fn map(&self) -> &Map {
        let narrow = self.narrow.as_ref().map(|(spot, _)| spot);
        &narrow.or(self.wide.as_ref()).expect("results go somewhere").map
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
        let images = Images { first, each: self.map().pixels(), before: 0 };
        self.sink(work, [block, blocks], lanes, images, |spot| spot.pixels(block, first, count))
    }

    /// For a row's pixels from `column` on, of a block.
    pub fn row<'a>(
        &'a self,
        work: &Work<'a>,
        block: usize,
        [image, row, column]: [usize; 3],
        lanes: usize,
    ) -> Sink<'a> {
        let images = Images { first: 0, each: usize::MAX, before: image };
        self.sink(work, [block, 1], lanes, images, |spot| spot.row(block, image, row, column))
    }

    #[inline(always)]
    fn sink<'a>(
        &'a self,
        work: &Work<'a>,
        [block, blocks]: [usize; 2],
        lanes: usize,
        images: Images,
        place: impl Fn(&'a Spot) -> Place<'a>,
    ) -> Sink<'a> {
        let weights = work.weights;
        let channels = |start: usize| &weights[start + block * lanes..][..blocks * lanes];
        Sink {
            work: *work,
            images,
            scale: channels(self.scale),
            bias: channels(self.bias),
            shortcut: self.shortcut.as_ref().map(&place),
            relu: self.activation == Activation::Relu,
            wide: self.wide.as_ref().map(&place),
            narrow: self.narrow.as_ref().map(|(spot, code)| (place(spot), *code)),
        }
    }
}

/// Which images of the group a tile's pixels are of: as if of images of `each` pixels, from pixel `first` of image `before`
/// on.
#[derive(Clone, Copy)]
struct Images {
    first: usize,
    each: usize,
    before: usize,
}

impl Images {
    fn of(self, pixel: usize) -> usize {
        self.before + (self.first + pixel) / self.each
    }
}

/// What becomes of a tile's sums.
#[derive(Clone, Copy)]
pub(in crate::frozen) struct Sink<'a> {
    work: Work<'a>,
    images: Images,
    /// A value for each channel of the tile, as of the biases.
    scale: &'a [f32],
    bias: &'a [f32],
    shortcut: Option<Place<'a>>,
    relu: bool,
    wide: Option<Place<'a>>,
    narrow: Option<(Place<'a>, Code)>,
}

/// The sums of a block's pixels, none of which lies across two cache lines.
#[repr(align(64))]
pub(in crate::frozen) struct Sums<N: Narrow, const PIXELS: usize>(pub [N::Sums; PIXELS]);

impl Sink<'_> {
    /// Stores the sums of a block's pixels.
    ///
    /// Out of line, from memory: what has to be decided would keep the sums of a kernel from its registers.
    #[inline(always)]
    pub fn put<N: Narrow, const PIXELS: usize>(&self, narrow: N, block: usize, sums: &Sums<N, PIXELS>) {
        narrow.outlined(Put { sink: self, narrow, block, sums });
    }
}

/// See [`Sink::put`].
struct Put<'a, N: Narrow, const PIXELS: usize> {
    sink: &'a Sink<'a>,
    narrow: N,
    block: usize,
    sums: &'a Sums<N, PIXELS>,
}

impl<N: Narrow, const PIXELS: usize> NullaryFnOnce for Put<'_, N, PIXELS> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { sink, narrow, block, sums } = self;
        let simd = narrow.simd();
        let zero = simd.splat_f32s(0.0);
        let [scale, bias] = [sink.scale, sink.bias].map(|values| N::Simd::as_simd_f32s(values).0[block]);
        let mut values = [zero; PIXELS];
        for pixel in 0..PIXELS {
            values[pixel] = simd.add_f32s(narrow.floats(sums.0[pixel], scale), bias);
        }
        if let Some(place) = sink.shortcut {
            values = self.with_shortcut(values, place);
        }
        if sink.relu {
            for pixel in 0..PIXELS {
                values[pixel] = simd.relu_f32s(values[pixel]);
            }
        }
        if let Some(place) = sink.wide {
            self.write(values, place);
        }
        if let Some((place, code)) = sink.narrow {
            self.encode(values, place, code);
        }
    }
}

/// Each in two forms: for pixels that follow one another, and for others.
impl<N: Narrow, const PIXELS: usize> Put<'_, N, PIXELS> {
    #[inline(always)]
    fn with_shortcut(&self, mut values: [Floats<N>; PIXELS], place: Place<'_>) -> [Floats<N>; PIXELS] {
        let (simd, lanes, memory) = (self.narrow.simd(), N::Simd::F32_LANES, self.sink.work.memory);
        let at = |pixel| place.at(self.block, pixel, lanes);
        if place.positions.is_none() {
            let others = N::Simd::as_simd_f32s(memory.read(at(0)..at(0) + PIXELS * lanes)).0;
            let others = others.first_chunk::<PIXELS>().expect("as many as were asked for");
            for pixel in 0..PIXELS {
                values[pixel] = simd.add_f32s(values[pixel], others[pixel]);
            }
        } else {
            for pixel in 0..PIXELS {
                let other = N::Simd::as_simd_f32s(memory.read(at(pixel)..at(pixel) + lanes)).0[0];
                values[pixel] = simd.add_f32s(values[pixel], other);
            }
        }
        values
    }

    #[inline(always)]
    fn write(&self, values: [Floats<N>; PIXELS], place: Place<'_>) {
        let (lanes, memory) = (N::Simd::F32_LANES, self.sink.work.memory);
        let at = |pixel| place.at(self.block, pixel, lanes);
        if place.positions.is_none() {
            let out = N::Simd::as_mut_simd_f32s(memory.write(at(0)..at(0) + PIXELS * lanes)).0;
            *out.first_chunk_mut::<PIXELS>().expect("as many as were asked for") = values;
        } else {
            for pixel in 0..PIXELS {
                let out = memory.write(at(pixel)..at(pixel) + lanes);
                N::Simd::as_mut_simd_f32s(out).0[0] = values[pixel];
            }
        }
    }

    /// Notes the images of pixels with a value that is not finite.
    #[cold]
    #[inline(never)]
    fn lose(&self, values: &[Floats<N>; PIXELS]) {
        for (pixel, &value) in values.iter().enumerate() {
            if !self.narrow.simd().all_finite_f32s(std::iter::once(value)) {
                self.sink.work.lose(self.sink.images.of(pixel));
            }
        }
    }

    #[inline(always)]
    fn encode(&self, values: [Floats<N>; PIXELS], place: Place<'_>, code: Code) {
        let (narrow, memory) = (self.narrow, self.sink.work.memory);
        if !N::KEEPS_NON_FINITE && !narrow.simd().all_finite_f32s(values.iter().copied()) {
            self.lose(&values);
        }
        let at = |pixel| place.at(self.block, pixel, N::WORDS);
        if place.positions.is_none() {
            let out = N::pixels_mut(memory.write(at(0)..at(0) + PIXELS * N::WORDS));
            let out = out.first_chunk_mut::<PIXELS>().expect("as many as were asked for");
            for pixel in 0..PIXELS {
                out[pixel] = narrow.encode(values[pixel], code);
            }
        } else {
            for pixel in 0..PIXELS {
                let out = memory.write(at(pixel)..at(pixel) + N::WORDS);
                N::pixels_mut(out)[0] = narrow.encode(values[pixel], code);
            }
        }
    }
}
