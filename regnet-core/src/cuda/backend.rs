//! The operations on dfdx's tensors.

use dfdx::prelude::*;
use dfdx::tensor::CudaError;
use regnet_engine::regulator::Saved;

use super::queue::Queue;
use super::stream::DeviceMemory;
use super::tensor::{Fresh, elements, filled, open, read, stream, write};
use super::view::{View, ViewMut};
use super::{ops, sgd};
use crate::backend::*;
use crate::tensors::Flat;

/// Concrete element types, so that the operations are compiled in this crate and not once more in each program that declares
/// a network.
macro_rules! cuda_backend {
    ($E:ty) => {
        impl Backend<$E> for Cuda {
            type Argmax = DeviceMemory<u32>;
            type Regulation = Saved<DeviceMemory<$E>>;
            type Scores = Fresh<$E>;
            type SgdTable = sgd::SgdTable;

            fn shape_error(&self) -> CudaError {
                CudaError::Cpu(CpuError::WrongNumElements)
            }

            fn conv2d(
                &self,
                sizes: &Conv2dSizes,
                x: &Flat<$E, Self>,
                w: &Flat<$E, Self>,
            ) -> Result<Flat<$E, Self>, CudaError> {
                let (queue, op) = (stream(x)?, (*sizes).into());
                filled(self, sizes.output_len(), |y| {
                    ops::conv2d::forward(&*queue, &op, elements(x), elements(w), y, false)
                })
            }

            fn conv2d_backward(
                &self,
                sizes: &Conv2dSizes,
                Conv2dInputs { x, w }: Conv2dInputs<'_, $E, Self>,
                dy: &Buffer<$E, Self>,
                Conv2dGradients { dx, dw }: Conv2dGradients<'_, Buffer<$E, Self>>,
            ) -> Result<(), CudaError> {
                let (queue, op) = (stream(x)?, (*sizes).into());
                ops::conv2d::backward_input(&*queue, &op, elements(w), read(dy), write(dx))?;
                ops::conv2d::backward_weight(&*queue, &op, elements(x), read(dy), write(dw))
            }

            fn batch_statistics(
                &self,
                sizes: &BatchNormSizes,
                x: &Flat<$E, Self>,
            ) -> Result<Statistics<$E, Self>, CudaError> {
                let queue = stream(x)?;
                let fresh = || Fresh::new(self, sizes.channels);
                let (mut mean, mut variance, mut inv_std) = (fresh()?, fresh()?, fresh()?);
                let into = ops::batch_norm::Statistics {
                    mean: mean.write(),
                    variance: variance.write(),
                    inv_std: inv_std.write(),
                };
                ops::batch_norm::statistics(&*queue, sizes, elements(x), into)?;
                Ok(Statistics { mean: mean.done(), variance: variance.done(), inv_std: inv_std.done() })
            }

            fn follow_statistics(
                &self,
                running: [&Flat<$E, Self>; 2],
                batch: &Statistics<$E, Self>,
                shares: Shares,
            ) -> Result<[Flat<$E, Self>; 2], CudaError> {
                let (queue, channels) = (stream(&batch.mean)?, batch.mean.shape().0);
                let (mut mean, mut variance) = (Fresh::new(self, channels)?, Fresh::new(self, channels)?);
                let of_batch = [elements(&batch.mean), elements(&batch.variance)];
                let into = [mean.write(), variance.write()];
                ops::batch_norm::follow(&*queue, running.map(elements), of_batch, shares, into)?;
                Ok([mean.done(), variance.done()])
            }

            fn batch_norm(
                &self,
                sizes: &BatchNormSizes,
                inputs: &BatchNormInputs<$E, Self>,
            ) -> Result<Flat<$E, Self>, CudaError> {
                let queue = stream(&inputs.x)?;
                let residual = inputs.residual.as_ref().map(elements);
                filled(self, sizes.len(), |y| {
                    let beta = elements(&inputs.beta);
                    ops::batch_norm::apply(&*queue, sizes, normalised(inputs), beta, residual, y)
                })
            }

            fn batch_norm_backward(
                &self,
                sizes: &BatchNormSizes,
                inputs: &BatchNormInputs<$E, Self>,
                y: &Flat<$E, Self>,
                dy: &Buffer<$E, Self>,
                gradients: BatchNormGradients<'_, Buffer<$E, Self>>,
            ) -> Result<(), CudaError> {
                let queue = stream(y)?;
                let outputs =
                    ops::batch_norm::Outputs { y: elements(y), dy: read(dy), training: inputs.of_batch };
                let into = ops::batch_norm::Gradients {
                    dx: write(gradients.dx),
                    dresidual: gradients.dresidual.map(write),
                    dgamma: write(gradients.dgamma),
                    dbeta: write(gradients.dbeta),
                };
                ops::batch_norm::backward(&*queue, sizes, normalised(inputs), outputs, into)
            }

            fn relu(&self, x: &Flat<$E, Self>) -> Result<Flat<$E, Self>, CudaError> {
                let queue = stream(x)?;
                filled(self, x.shape().0, |y| ops::relu::forward(&*queue, elements(x), y))
            }

            fn relu_backward(
                &self,
                y: &Flat<$E, Self>,
                dy: &Buffer<$E, Self>,
                dx: &mut Buffer<$E, Self>,
            ) -> Result<(), CudaError> {
                ops::relu::backward(&*stream(y)?, elements(y), read(dy), write(dx))
            }

            fn max_pool(
                &self,
                sizes: &MaxPoolSizes,
                x: &Flat<$E, Self>,
            ) -> Result<(Flat<$E, Self>, Self::Argmax), CudaError> {
                let queue = stream(x)?;
                let mut argmax = queue.memory::<u32>(sizes.output_len())?;
                let y = filled(self, sizes.output_len(), |y| {
                    ops::max_pool::forward(&*queue, sizes, elements(x), y, queue.elements(&mut argmax))
                })?;
                Ok((y, argmax))
            }

            fn max_pool_backward(
                &self,
                sizes: &MaxPoolSizes,
                argmax: &Self::Argmax,
                dy: &Buffer<$E, Self>,
                dx: &mut Buffer<$E, Self>,
            ) -> Result<(), CudaError> {
                let queue = open(self)?;
                ops::max_pool::backward(&*queue, sizes, argmax.view(), read(dy), write(dx))
            }

            fn global_avg_pool(
                &self,
                sizes: &GlobalAvgPoolSizes,
                x: &Flat<$E, Self>,
            ) -> Result<Flat<$E, Self>, CudaError> {
                let queue = stream(x)?;
                filled(self, sizes.output_len(), |y| {
                    ops::global_avg_pool::forward(&*queue, sizes, elements(x), y)
                })
            }

            fn global_avg_pool_backward(
                &self,
                sizes: &GlobalAvgPoolSizes,
                dy: &Buffer<$E, Self>,
                dx: &mut Buffer<$E, Self>,
            ) -> Result<(), CudaError> {
                let queue = open(self)?;
                ops::global_avg_pool::backward(&*queue, sizes, read(dy), write(dx))
            }

            fn linear(
                &self,
                sizes: &LinearSizes,
                x: &Flat<$E, Self>,
                w: &Flat<$E, Self>,
                bias: &Flat<$E, Self>,
            ) -> Result<Flat<$E, Self>, CudaError> {
                let queue = stream(x)?;
                filled(self, sizes.output_len(), |y| {
                    ops::linear::forward(&*queue, sizes, elements(x), elements(w), elements(bias), y)
                })
            }

            fn linear_backward(
                &self,
                sizes: &LinearSizes,
                x: &Flat<$E, Self>,
                w: &Flat<$E, Self>,
                dy: &Buffer<$E, Self>,
                LinearGradients { dx, dw, dbias }: LinearGradients<'_, Buffer<$E, Self>>,
            ) -> Result<(), CudaError> {
                let queue = stream(x)?;
                let (dw, dbias) = (write(dw), write(dbias));
                ops::linear::backward_input(&*queue, sizes, elements(w), read(dy), write(dx))?;
                ops::linear::backward_parameters(&*queue, sizes, elements(x), read(dy), dw, dbias)
            }

            fn squeeze_excite(
                &self,
                sizes: &SqueezeExciteSizes,
                weights: &ExciteWeights<$E, Self>,
                x: &Flat<$E, Self>,
            ) -> Result<(Flat<$E, Self>, Excitation<$E, Self>), CudaError> {
                let queue = stream(x)?;
                let (planes, units) = (sizes.batch * sizes.channels, sizes.batch * sizes.hidden);
                let fresh = |len| Fresh::new(self, len);
                let (mut pooled, mut hidden, mut gate) = (fresh(planes)?, fresh(units)?, fresh(planes)?);
                let into = ops::squeeze_excite::Excitation {
                    pooled: pooled.write(),
                    hidden: hidden.write(),
                    gate: gate.write(),
                };
                let y = filled(self, sizes.len(), |y| {
                    let weights = excite_weights(weights);
                    ops::squeeze_excite::forward(&*queue, sizes, &weights, elements(x), y, into)
                })?;
                let excitation =
                    Excitation { pooled: pooled.done(), hidden: hidden.done(), gate: gate.done() };
                Ok((y, excitation))
            }

            fn squeeze_excite_backward(
                &self,
                sizes: &SqueezeExciteSizes,
                weights: &ExciteWeights<$E, Self>,
                excitation: &Excitation<$E, Self>,
                x: &Flat<$E, Self>,
                dy: &Buffer<$E, Self>,
                ExciteGradients { dx, dw1, db1, dw2, db2 }: ExciteGradients<'_, Buffer<$E, Self>>,
            ) -> Result<(), CudaError> {
                let queue = stream(x)?;
                let saved = ops::squeeze_excite::Excitation {
                    pooled: elements(&excitation.pooled),
                    hidden: elements(&excitation.hidden),
                    gate: elements(&excitation.gate),
                };
                let dweights = ops::squeeze_excite::Weights {
                    w1: write(dw1),
                    b1: write(db1),
                    w2: write(dw2),
                    b2: write(db2),
                };
                let (of, into) = ((elements(x), read(dy)), (write(dx), dweights));
                ops::squeeze_excite::backward(&*queue, sizes, &excite_weights(weights), &saved, of, into)
            }

            fn regulate(
                &self,
                sizes: &RegulatorSizes,
                weights: &RegulatorWeights<Flat<$E, Self>>,
                x: &Flat<$E, Self>,
                state: Option<&Flat<$E, Self>>,
            ) -> Result<(Flat<$E, Self>, Self::Regulation), CudaError> {
                let queue = stream(x)?;
                let weights = weights.each_ref().map(elements);
                let inputs = ops::regulator::Inputs { x: elements(x), state: state.map(elements) };
                let lens = sizes.saved_lens(state.is_some());
                let mut saved = Saved { gates: queue.memory(lens.gates)?, reset: queue.memory(lens.reset)? };
                let next = filled(self, sizes.state_len(), |next| {
                    ops::regulator::forward(
                        &*queue,
                        sizes,
                        &weights,
                        inputs,
                        views(&*queue, &mut saved),
                        next,
                    )
                })?;
                Ok((next, saved))
            }

            fn regulate_backward(
                &self,
                sizes: &RegulatorSizes,
                RegulatorInputs { x, state, weights, next }: RegulatorInputs<'_, $E, Self>,
                mut regulation: Self::Regulation,
                dnext: &Buffer<$E, Self>,
                RegulatorGradients { dx, dstate, dweights }: RegulatorGradients<'_, Buffer<$E, Self>>,
            ) -> Result<(), CudaError> {
                let queue = stream(x)?;
                let inputs = ops::regulator::Inputs { x: elements(x), state: state.map(elements) };
                let weights = weights.each_ref().map(elements);
                let into = ops::regulator::Gradients {
                    dx: write(dx),
                    dstate: dstate.map(write),
                    dweights: dweights.map(write),
                };
                let (saved, of) = (views(&*queue, &mut regulation), (elements(next), read(dnext)));
                ops::regulator::backward(&*queue, sizes, &weights, inputs, saved, of, into)
            }

            fn fuse(
                &self,
                sizes: &FuseSizes,
                x: &Flat<$E, Self>,
                state: &Flat<$E, Self>,
                w: &Flat<$E, Self>,
            ) -> Result<Flat<$E, Self>, CudaError> {
                let queue = stream(x)?;
                let inputs = ops::fuse::Inputs { x: elements(x), state: elements(state), w: elements(w) };
                filled(self, sizes.len(), |y| ops::fuse::forward(&*queue, sizes, inputs, y))
            }

            fn fuse_backward(
                &self,
                sizes: &FuseSizes,
                FuseInputs { x, state, w }: FuseInputs<'_, $E, Self>,
                dy: &Buffer<$E, Self>,
                FuseGradients { dx, dstate, dw }: FuseGradients<'_, Buffer<$E, Self>>,
            ) -> Result<(), CudaError> {
                let queue = stream(x)?;
                let inputs = ops::fuse::Inputs { x: elements(x), state: elements(state), w: elements(w) };
                let into = ops::fuse::Gradients { dx: write(dx), dstate: write(dstate), dw: write(dw) };
                ops::fuse::backward(&*queue, sizes, inputs, read(dy), into)
            }

            fn cross_entropy(
                &self,
                sizes: &CrossEntropySizes,
                logits: &Flat<$E, Self>,
                labels: &Labels<Self>,
            ) -> Result<Flat<$E, Self>, CudaError> {
                if labels.shape().0 != sizes.batch {
                    return Err(Backend::<$E>::shape_error(self));
                }
                let queue = stream(logits)?;
                filled(self, 1, |loss| {
                    ops::cross_entropy::forward(&*queue, sizes, elements(logits), elements(labels), loss)
                })
            }

            fn cross_entropy_backward(
                &self,
                sizes: &CrossEntropySizes,
                logits: &Flat<$E, Self>,
                labels: &Labels<Self>,
                dloss: &Buffer<$E, Self>,
                dlogits: &mut Buffer<$E, Self>,
            ) -> Result<(), CudaError> {
                let queue = stream(logits)?;
                let (labels, dloss) = (elements(labels), read(dloss));
                ops::cross_entropy::backward(&*queue, sizes, elements(logits), labels, dloss, write(dlogits))
            }

            fn scores(&self, steps: usize) -> Result<Fresh<$E>, CudaError> {
                Fresh::new(self, 2 * steps)
            }

            fn put_score(
                &self,
                sizes: &CrossEntropySizes,
                Scored { logits, labels, loss }: Scored<'_, $E, Self>,
                step: usize,
                into: &mut Fresh<$E>,
            ) -> Result<(), CudaError> {
                let queue = stream(logits)?;
                let (logits, labels, loss) = (elements(logits), elements(labels), elements(loss));
                let mut scores = into.write();
                let score = scores.part(2 * step..2 * step + 2);
                ops::cross_entropy::score(&*queue, sizes, (logits, labels, loss), score)
            }

            fn read_scores(&self, scores: &Fresh<$E>, steps: usize) -> Result<Vec<($E, usize)>, CudaError> {
                let numbers = scores.numbers();
                // Batches are small enough for their numbers of images to be exact.
                Ok(numbers.chunks_exact(2).take(steps).map(|score| (score[0], score[1] as usize)).collect())
            }

            fn sgd<M: TensorCollection<$E, Self>>(
                &self,
                config: &SgdConfig,
                tensors: SgdTensors<'_, M, $E, Self>,
                table: &mut sgd::SgdTable,
            ) -> Result<bool, CudaError> {
                sgd::all(self, config, tensors, table)
            }

            fn round_products(&self, to: Products) -> Result<(), CudaError> {
                open(self)?.round_products(to);
                Ok(())
            }

            fn write_buffer(&self, buffer: &mut Buffer<$E, Self>, values: Vec<$E>) -> Result<(), CudaError> {
                if cudarc::driver::DeviceSlice::len(buffer) != values.len() {
                    return Err(Backend::<$E>::shape_error(self));
                }
                let device = buffer.device();
                Ok(device.htod_sync_copy_into(&values, &mut **buffer)?)
            }

            fn is_finite(&self, buffer: &Buffer<$E, Self>) -> Result<bool, CudaError> {
                let numbers = buffer.device().dtoh_sync_copy(&**buffer)?;
                Ok(numbers.iter().all(|number| number.is_finite()))
            }
        }
    };
}

cuda_backend!(f32);
cuda_backend!(f64);

fn normalised<E: Dtype>(inputs: &BatchNormInputs<E, Cuda>) -> ops::batch_norm::Inputs<'_, E>
where
    Cuda: Device<E>,
{
    ops::batch_norm::Inputs {
        x: elements(&inputs.x),
        mean: elements(&inputs.statistics.mean),
        inv_std: elements(&inputs.statistics.inv_std),
        gamma: elements(&inputs.gamma),
        activation: inputs.activation,
    }
}

fn excite_weights<E: Dtype>(weights: &ExciteWeights<E, Cuda>) -> ops::squeeze_excite::Weights<View<'_, E>> {
    let ExciteWeights { w1, b1, w2, b2 } = weights;
    ops::squeeze_excite::Weights { w1: elements(w1), b1: elements(b1), w2: elements(w2), b2: elements(b2) }
}

fn views<'a, E: Copy + 'static, Q: Queue>(
    queue: &Q,
    saved: &'a mut Saved<Q::Memory<E>>,
) -> Saved<ViewMut<'a, E>> {
    Saved { gates: queue.elements(&mut saved.gates), reset: queue.elements(&mut saved.reset) }
}
