//! What the kernels compute, in loops over planes.

use crate::frozen::narrow::numbers::bf16;
use crate::frozen::narrow::{Code, Format};

/// Activations `[image][channel][row][column]`.
pub struct Planes {
    pub shape: [usize; 3],
    pub values: Vec<f32>,
}

impl Planes {
    pub fn new(
        images: usize,
        shape: [usize; 3],
        mut value: impl FnMut(usize, usize, usize, usize) -> f32,
    ) -> Self {
        let [channels, height, width] = shape;
        let pixels = height * width;
        let values = (0..images * channels * pixels).map(|index| {
            let (plane, pixel) = (index / pixels, index % pixels);
            value(plane / channels, plane % channels, pixel / width, pixel % width)
        });
        Self { shape, values: values.collect() }
    }

    pub fn images(&self) -> usize {
        self.values.len() / self.shape.iter().product::<usize>()
    }

    pub fn at(&self, image: usize, channel: usize, row: usize, column: usize) -> f32 {
        let [channels, height, width] = self.shape;
        self.values[((image * channels + channel) * height + row) * width + column]
    }

    pub fn each(&self, mut see: impl FnMut(usize, usize, usize, usize, f32)) {
        Self::new(self.images(), self.shape, |image, channel, row, column| {
            see(image, channel, row, column, self.at(image, channel, row, column));
            0.0
        });
    }
}

/// A value's narrow number, as bits.
pub fn encode(format: Format, code: Code, value: f32) -> u32 {
    match format {
        Format::Bf16 => u32::from(bf16(value)),
        Format::Int8 => u32::from(code.encode(value)),
    }
}

/// A product and what follows it.
pub struct Product {
    pub format: Format,
    pub bias: Vec<f32>,
    pub scale: Vec<f32>,
    pub shortcut: Option<Planes>,
    pub relu: bool,
    /// Of the result.
    pub code: Code,
}

/// A sum in the making.
#[derive(Default)]
struct Sum {
    float: f32,
    whole: i32,
}

impl Product {
    pub fn encode(&self, value: f32) -> u32 {
        encode(self.format, self.code, value)
    }

    /// Adds the products of a word: of bf16 the upper one first, each sum rounded.
    fn add(&self, sum: &mut Sum, code: Code, numbers: &[(f32, f32)]) {
        match self.format {
            Format::Bf16 => {
                for &(x, weight) in numbers.iter().rev() {
                    let [x, weight] = [x, weight].map(|value| f32::from_bits(u32::from(bf16(value)) << 16));
                    sum.float += x * weight;
                }
            }
            Format::Int8 => {
                let products = numbers.iter().map(|&(x, weight)| i32::from(code.encode(x)) * weight as i32);
                sum.whole += products.sum::<i32>();
            }
        }
    }

    fn finish(&self, sum: &Sum, [image, channel, row, column]: [usize; 4]) -> f32 {
        let mut value = match self.format {
            Format::Bf16 => sum.float,
            Format::Int8 => sum.whole as f32 * self.scale[channel],
        };
        value += self.bias[channel];
        if let Some(shortcut) = &self.shortcut {
            value += shortcut.at(image, channel, row, column);
        }
        if self.relu && value < 0.0 { 0.0 } else { value }
    }

    /// A 1x1 convolution of operands: activations, weights `[output][input]` and code.
    pub fn of_pixels(
        &self,
        operands: &[(&Planes, &[f32], Code)],
        shape: [usize; 3],
        images: usize,
    ) -> Planes {
        Planes::new(images, shape, |image, output, row, column| {
            let mut sum = Sum::default();
            for &(planes, weights, code) in operands {
                let inputs = planes.shape[0];
                let pairs: Vec<(f32, f32)> = (0..inputs)
                    .map(|channel| {
                        (planes.at(image, channel, row, column), weights[output * inputs + channel])
                    })
                    .collect();
                pairs.chunks(self.format.per_word()).for_each(|word| self.add(&mut sum, code, word));
            }
            self.finish(&sum, [image, output, row, column])
        })
    }

    /// A 3x3 convolution of groups, with weights `[channel][group width][3][3]`.
    pub fn of_groups(
        &self,
        planes: &Planes,
        weights: &[f32],
        code: Code,
        [group_width, stride]: [usize; 2],
    ) -> Planes {
        let [channels, height, width] = planes.shape;
        let shape = [channels, height.div_ceil(stride), width.div_ceil(stride)];
        let inside = |row: usize, column: usize| (1..=height).contains(&row) && (1..=width).contains(&column);
        Planes::new(planes.images(), shape, |image, output, y, x| {
            let (mut sum, group) = (Sum::default(), output / group_width * group_width);
            for start in (0..group_width).step_by(self.format.per_word()) {
                // Column by column of the kernel, as the sums are rounded.
                for tap in [0, 3, 6, 1, 4, 7, 2, 5, 8] {
                    let (row, column) = (y * stride + tap / 3, x * stride + tap % 3);
                    let pair = |within: usize| {
                        let weight = weights[(output * group_width + within) * 9 + tap];
                        let value = if inside(row, column) {
                            planes.at(image, group + within, row - 1, column - 1)
                        } else {
                            0.0
                        };
                        (value, weight)
                    };
                    let word: Vec<_> = (start..start + self.format.per_word()).map(pair).collect();
                    self.add(&mut sum, code, &word);
                }
            }
            self.finish(&sum, [image, output, y, x])
        })
    }
}
