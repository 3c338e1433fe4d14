//! Grouped two-dimensional convolution with "same" padding.

mod correlation;
pub mod depthwise;
pub(crate) mod fast;
mod grid;
pub mod reference;
mod rows;
mod tasks;
mod transpose;
mod weight_gradient;
mod winograd;

use std::ops::Range;

use pulp::Simd;

use self::depthwise::Depthwise;
use crate::planes::{Planes, Terms, sum_of};
use crate::{Real, check};

/// What a forward pass does to its result.
#[derive(Clone, Copy, Debug)]
pub enum Store<'a, T> {
    /// Overwrite it; each channel's sums start from its bias.
    Overwrite(Option<&'a [T]>),
    /// Add to it.
    Add,
}

/// What a forward pass reads.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a, T> {
    /// Channels of the tensor, the first of which are the input.
    pub of: usize,
    /// The tensor.
    pub x: &'a [T],
    /// The weight.
    pub w: &'a [T],
}

/// An input's gradient with what it is made of.
#[derive(Debug)]
pub struct InputGradient<'a, T> {
    /// Channels of the tensor, the first of which are the input; the others' gradient is left alone.
    pub of: usize,
    /// The weight.
    pub w: &'a [T],
    /// The gradient, to add to.
    pub dx: &'a mut [T],
}

/// A weight's gradient with what it is made of.
#[derive(Debug)]
pub struct WeightGradient<'a, T> {
    /// Channels of the tensor, the first of which are the input.
    pub of: usize,
    /// The tensor.
    pub x: &'a [T],
    /// The gradient, to add to.
    pub dw: &'a mut [T],
}

/// The sizes of one convolution: an odd square kernel, padded by `kernel / 2` on all sides.
///
/// Input `[batch, in_channels, height, width]`, weight `[out_channels, group_width, kernel, kernel]`, output
/// `[batch, out_channels, ceil(height / stride), ceil(width / stride)]`. With `g` groups, output channel `o`
/// reads the `group_width` input channels of group `o * g / out_channels`. The weight is not flipped
/// (cross-correlation, as in every deep-learning library).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// Images.
    pub batch: usize,
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Input channels of a group; `in_channels` for a dense convolution.
    pub group_width: usize,
    /// Rows and columns of the kernel.
    pub kernel: usize,
    /// Step between output pixels, in input pixels.
    pub stride: usize,
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
}

impl Conv2d {
    /// Rows of the output.
    pub fn out_height(&self) -> usize {
        self.height.div_ceil(self.stride)
    }

    /// Columns of the output.
    pub fn out_width(&self) -> usize {
        self.width.div_ceil(self.stride)
    }

    /// Pixels of one input channel.
    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Pixels of one output channel.
    pub fn out_pixels(&self) -> usize {
        self.out_height() * self.out_width()
    }

    /// Rows (and columns) of zeros around the input.
    pub fn padding(&self) -> usize {
        self.kernel / 2
    }

    /// Groups that do not see each other's channels.
    pub fn groups(&self) -> usize {
        self.in_channels / self.group_width
    }

    /// Output channels of a group.
    pub fn group_outputs(&self) -> usize {
        self.out_channels / self.groups()
    }

    /// Elements of the input.
    pub fn input_len(&self) -> usize {
        self.batch * self.in_channels * self.pixels()
    }

    /// Elements of a tensor of `of` channels, the first of which are the input.
    fn tensor_len(&self, of: usize) -> usize {
        assert!(of >= self.in_channels, "{of} channels do not hold the input's: {self:?}");
        self.batch * of * self.pixels()
    }

    /// Elements of the output.
    pub fn output_len(&self) -> usize {
        self.batch * self.out_channels * self.out_pixels()
    }

    /// Elements of the weight.
    pub fn weight_len(&self) -> usize {
        self.out_channels * self.group_width * self.kernel * self.kernel
    }

    /// Multiply-adds of [`forward`], and of each backward pass, counting those on padding.
    pub fn multiply_adds(&self) -> usize {
        self.output_len() * self.group_width * self.kernel * self.kernel
    }

    /// The same as a [`depthwise`] convolution, if it is one.
    fn depthwise(&self) -> Option<Depthwise> {
        let Conv2d { batch, in_channels: channels, stride, height, width, .. } = *self;
        let fits = self.group_width == 1 && self.out_channels == channels && self.kernel == 3;
        fits.then_some(Depthwise { batch, channels, gates: 1, stride, height, width })
    }

    /// Panics unless the sizes fit together.
    #[track_caller]
    fn check(&self) {
        assert!(self.kernel % 2 == 1, "an even kernel has no \"same\" padding: {self:?}");
        assert!(self.stride > 0, "the stride is 0: {self:?}");
        assert!(
            self.group_width > 0
                && self.in_channels.is_multiple_of(self.group_width)
                && self.in_channels > 0
                && self.out_channels.is_multiple_of(self.groups()),
            "the channels do not divide into groups: {self:?}"
        );
    }
}

/// Overwrites `y` with the convolution of `x` by `w`, plus `bias` (one number an output channel).
pub fn forward<T: Real>(op: &Conv2d, x: &[T], w: &[T], bias: Option<&[T]>, y: &mut [T]) {
    op.check();
    check::length("x", x, op.input_len());
    check::length("w", w, op.weight_len());
    if let Some(bias) = bias {
        check::length("bias", bias, op.out_channels);
    }
    check::length("y", y, op.output_len());
    T::conv2d_forward(op, &[Input { of: op.in_channels, x, w }], Store::Overwrite(bias), y);
}

/// Adds the convolution of `x` by `w` to `y`.
pub fn forward_add<T: Real>(op: &Conv2d, x: &[T], w: &[T], y: &mut [T]) {
    forward_of(op, &[Input { of: op.in_channels, x, w }], Store::Add, y);
}

/// Adds the gradient with respect to the input to `dx`.
pub fn backward_input<T: Real>(op: &Conv2d, w: &[T], dy: &[T], dx: &mut [T]) {
    backward_input_of(op, dy, vec![InputGradient { of: op.in_channels, w, dx }]);
}

/// Adds the gradient with respect to the weight to `dw`.
pub fn backward_weight<T: Real>(op: &Conv2d, x: &[T], dy: &[T], dw: &mut [T]) {
    backward_weight_of(op, dy, vec![WeightGradient { of: op.in_channels, x, dw }]);
}

/// Writes or adds the sum of the convolutions of some inputs, of which each has its own weight: the convolution of
/// channels that lie in several tensors, without copying them into one.
pub(crate) fn forward_of<T: Real>(op: &Conv2d, inputs: &[Input<'_, T>], store: Store<'_, T>, y: &mut [T]) {
    op.check();
    for input in inputs {
        check::length("x", input.x, op.tensor_len(input.of));
        check::length("w", input.w, op.weight_len());
    }
    check::length("y", y, op.output_len());
    T::conv2d_forward(op, inputs, store, y);
}

/// Adds the gradients with respect to the inputs of [`forward_of`].
pub(crate) fn backward_input_of<T: Real>(op: &Conv2d, dy: &[T], inputs: Vec<InputGradient<'_, T>>) {
    op.check();
    check::length("dy", dy, op.output_len());
    for input in &inputs {
        check::length("w", input.w, op.weight_len());
        check::length("dx", input.dx, op.tensor_len(input.of));
    }
    T::conv2d_backward_input(op, dy, inputs);
}

/// Adds the gradients with respect to the weights of [`forward_of`].
pub(crate) fn backward_weight_of<T: Real>(op: &Conv2d, dy: &[T], inputs: Vec<WeightGradient<'_, T>>) {
    op.check();
    check::length("dy", dy, op.output_len());
    for input in &inputs {
        check::length("x", input.x, op.tensor_len(input.of));
        check::length("dw", input.dw, op.weight_len());
    }
    T::conv2d_backward_weight(op, dy, inputs);
}

/// Sums of the elements themselves.
struct Plain<'a, T>(&'a [T]);

impl<T: Real> Terms<1> for Plain<'_, T> {
    #[inline(always)]
    fn add<S: Simd>(&self, simd: S, _: usize, pixels: Range<usize>, sums: &mut [f64; 1]) {
        sum_of(simd, sums, [&self.0[pixels]], |values| values);
    }
}

/// Adds the gradient with respect to the bias to `db`.
pub fn backward_bias<T: Real>(op: &Conv2d, dy: &[T], db: &mut [T]) {
    check::length("dy", dy, op.output_len());
    check::length("db", db, op.out_channels);
    let planes = Planes { batch: op.batch, channels: op.out_channels, pixels: op.out_pixels() };
    for (db, [sum]) in db.iter_mut().zip(planes.channel_sums(Plain(dy))) {
        *db += T::of(sum);
    }
}

#[cfg(test)]
mod tests;
