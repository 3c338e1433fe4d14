//! Images as the first convolution sees them: the values of its windows as channels, so that it is a 1x1 convolution.

use std::ops::Range;

use regnet_space::graph::{Conv, Shape};

use super::tensor::BlockedTensor;

/// The windows of images `[image][channel][row][column]`, padded with zeros.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patches {
    pub image: Shape,
    pub kernel: usize,
    pub stride: usize,
    /// The shape of all windows, a pixel each. It lies nowhere.
    pub tensor: BlockedTensor,
}

impl Patches {
    pub fn new(image: Shape, conv: &Conv, images: usize, lanes: usize) -> Self {
        let Conv { kernel, stride, input, .. } = *conv;
        let (height, width) = (image.h.div_ceil(stride), image.w.div_ceil(stride));
        let channels = input * kernel * kernel;
        let tensor = BlockedTensor { buffer: usize::MAX, channels, images, height, width, lanes };
        Self { image, kernel, stride, tensor }
    }

    /// Puts windows `pixels` into `to`, `[block][pixel][lane]`, blocks `block_stride` floats apart.
    pub fn load(&self, images: &[f32], pixels: Range<usize>, to: &mut [f32], block_stride: usize) {
        let (width, lanes) = (self.tensor.width, self.tensor.lanes);
        to.fill(0.0);
        for row in pixels.start / width..pixels.end.div_ceil(width) {
            let columns = pixels.start.max(row * width)..pixels.end.min((row + 1) * width);
            let before = columns.start - pixels.start;
            let columns = columns.start - row * width..columns.end - row * width;
            for tap in 0..self.tensor.channels {
                let start = tap / lanes * block_stride + before * lanes + tap % lanes;
                self.load_row(images, row, columns.clone(), tap, &mut to[start..]);
            }
        }
    }

    /// Puts what a tap sees from some windows of a row into `to`, a window each `lanes` floats.
    fn load_row(&self, images: &[f32], row: usize, columns: Range<usize>, tap: usize, to: &mut [f32]) {
        let Shape { c: channels, h: height, w: width } = self.image;
        let (kernel, stride) = (self.kernel, self.stride);
        let (image, y) = (row / self.tensor.height, row % self.tensor.height);
        let (channel, tap) = (tap / (kernel * kernel), tap % (kernel * kernel));
        // Above and to the left of the image, these would be negative.
        let y = (y * stride + tap / kernel).checked_sub(kernel / 2).filter(|&y| y < height);
        let Some(y) = y else { return };
        let from = &images[((image * channels + channel) * height + y) * width..][..width];
        let shift = tap % kernel;
        for (column, to) in columns.zip(to.iter_mut().step_by(self.tensor.lanes)) {
            let x = (column * stride + shift).wrapping_sub(kernel / 2);
            if let Some(&value) = from.get(x) {
                *to = value;
            }
        }
    }
}
