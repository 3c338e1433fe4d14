//! The CPU: every kernel is `regnet-engine`'s, on slices of dfdx's tensors.

use dfdx::prelude::*;
use regnet_engine::{
    Real, batch_norm, conv2d, cross_entropy, fuse, global_avg_pool, linear, max_pool, regulator, relu,
    squeeze_excite,
};

use super::storage::{elements, filled};
use super::*;

/// Concrete element types, so that the kernels are compiled in this crate and not once more in each program
/// that declares a network.
macro_rules! cpu_backend {
    ($E:ty, { $($own:tt)* }) => {
        impl Backend<$E> for Cpu {
            $($own)*

            type Argmax = Vec<u32>;
            type Regulation = regulator::Saved<Buffer<$E, Self>>;
            type Scores = Vec<($E, usize)>;
            type SgdTable = ();

            fn shape_error(&self) -> CpuError {
                CpuError::WrongNumElements
            }

            fn conv2d(
                &self,
                sizes: &Conv2dSizes,
                x: &Flat<$E, Self>,
                w: &Flat<$E, Self>,
            ) -> Result<Flat<$E, Self>, CpuError> {
                filled(self, sizes.output_len(), |y| {
                    conv2d::forward(sizes, elements(x), elements(w), None, y)
                })
            }

            fn conv2d_backward(
                &self,
                sizes: &Conv2dSizes,
                Conv2dInputs { x, w }: Conv2dInputs<'_, $E, Self>,
                dy: &Buffer<$E, Self>,
                Conv2dGradients { dx, dw }: Conv2dGradients<'_, Buffer<$E, Self>>,
            ) -> Result<(), CpuError> {
                conv2d::backward_input(sizes, elements(w), dy, dx);
                conv2d::backward_weight(sizes, elements(x), dy, dw);
                Ok(())
            }

            fn batch_statistics(
                &self,
                sizes: &BatchNormSizes,
                x: &Flat<$E, Self>,
            ) -> Result<Statistics<$E, Self>, CpuError> {
                let batch_norm::Statistics { mean, variance, inv_std } =
                    batch_norm::statistics(sizes, elements(x));
                Ok(Statistics {
                    mean: from_vec(self, mean)?,
                    variance: from_vec(self, variance)?,
                    inv_std: from_vec(self, inv_std)?,
                })
            }

            fn follow_statistics(
                &self,
                [mean, variance]: [&Flat<$E, Self>; 2],
                batch: &Statistics<$E, Self>,
                shares: Shares,
            ) -> Result<[Flat<$E, Self>; 2], CpuError> {
                let of_batch = (elements(&batch.mean), elements(&batch.variance));
                let finite: Vec<bool> =
                    of_batch.0.iter().zip(of_batch.1).map(|(m, v)| m.is_finite() && v.is_finite()).collect();
                let follow = |running: &Flat<$E, Self>, batch: &[$E], share: f64| {
                    let (keep, share) = (shares.keep as $E, share as $E);
                    let numbers = elements(running).iter().zip(batch).zip(&finite);
                    let next = |((&running, &batch), &finite): ((&$E, &$E), &bool)| {
                        if finite { running * keep + batch * share } else { running }
                    };
                    from_vec(self, numbers.map(next).collect())
                };
                Ok([follow(mean, of_batch.0, shares.mean)?, follow(variance, of_batch.1, shares.variance)?])
            }

            fn batch_norm(
                &self,
                sizes: &BatchNormSizes,
                inputs: &BatchNormInputs<$E, Self>,
            ) -> Result<Flat<$E, Self>, CpuError> {
                let args = batch_norm::Apply {
                    statistics: &statistics(&inputs.statistics),
                    gamma: elements(&inputs.gamma),
                    beta: elements(&inputs.beta),
                    residual: inputs.residual.as_ref().map(elements),
                    activation: inputs.activation,
                    x: elements(&inputs.x),
                };
                filled(self, sizes.len(), |y| batch_norm::apply(sizes, args, y))
            }

            fn batch_norm_backward(
                &self,
                sizes: &BatchNormSizes,
                inputs: &BatchNormInputs<$E, Self>,
                y: &Flat<$E, Self>,
                dy: &Buffer<$E, Self>,
                gradients: BatchNormGradients<'_, Buffer<$E, Self>>,
            ) -> Result<(), CpuError> {
                let args = batch_norm::Backward {
                    statistics: &statistics(&inputs.statistics),
                    gamma: elements(&inputs.gamma),
                    activation: inputs.activation,
                    x: elements(&inputs.x),
                    y: elements(y),
                    dy,
                    training: inputs.of_batch,
                };
                let gradients = batch_norm::Gradients {
                    dx: gradients.dx,
                    dresidual: gradients.dresidual.map(|g| g.as_mut_slice()),
                    dgamma: gradients.dgamma,
                    dbeta: gradients.dbeta,
                };
                batch_norm::backward(sizes, args, gradients);
                Ok(())
            }

            fn relu(&self, x: &Flat<$E, Self>) -> Result<Flat<$E, Self>, CpuError> {
                filled(self, x.shape().0, |y| relu::forward(elements(x), y))
            }

            fn relu_backward(
                &self,
                y: &Flat<$E, Self>,
                dy: &Buffer<$E, Self>,
                dx: &mut Buffer<$E, Self>,
            ) -> Result<(), CpuError> {
                relu::backward(elements(y), dy, dx);
                Ok(())
            }

            fn max_pool(
                &self,
                sizes: &MaxPoolSizes,
                x: &Flat<$E, Self>,
            ) -> Result<(Flat<$E, Self>, Vec<u32>), CpuError> {
                let mut argmax = vec![0; sizes.output_len()];
                let y = filled(self, sizes.output_len(), |y| {
                    max_pool::forward(sizes, elements(x), y, &mut argmax)
                })?;
                Ok((y, argmax))
            }

            fn max_pool_backward(
                &self,
                sizes: &MaxPoolSizes,
                argmax: &Vec<u32>,
                dy: &Buffer<$E, Self>,
                dx: &mut Buffer<$E, Self>,
            ) -> Result<(), CpuError> {
                max_pool::backward(sizes, argmax, dy, dx);
                Ok(())
            }

            fn global_avg_pool(
                &self,
                sizes: &GlobalAvgPoolSizes,
                x: &Flat<$E, Self>,
            ) -> Result<Flat<$E, Self>, CpuError> {
                filled(self, sizes.output_len(), |y| global_avg_pool::forward(sizes, elements(x), y))
            }

            fn global_avg_pool_backward(
                &self,
                sizes: &GlobalAvgPoolSizes,
                dy: &Buffer<$E, Self>,
                dx: &mut Buffer<$E, Self>,
            ) -> Result<(), CpuError> {
                global_avg_pool::backward(sizes, dy, dx);
                Ok(())
            }

            fn linear(
                &self,
                sizes: &LinearSizes,
                x: &Flat<$E, Self>,
                w: &Flat<$E, Self>,
                bias: &Flat<$E, Self>,
            ) -> Result<Flat<$E, Self>, CpuError> {
                filled(self, sizes.output_len(), |y| {
                    linear::forward(sizes, elements(x), elements(w), Some(elements(bias)), y);
                })
            }

            fn linear_backward(
                &self,
                sizes: &LinearSizes,
                x: &Flat<$E, Self>,
                w: &Flat<$E, Self>,
                dy: &Buffer<$E, Self>,
                LinearGradients { dx, dw, dbias }: LinearGradients<'_, Buffer<$E, Self>>,
            ) -> Result<(), CpuError> {
                linear::backward_input(sizes, elements(w), dy, dx);
                linear::backward_weight(sizes, elements(x), dy, dw);
                linear::backward_bias(sizes, dy, dbias);
                Ok(())
            }

            fn squeeze_excite(
                &self,
                sizes: &SqueezeExciteSizes,
                weights: &ExciteWeights<$E, Self>,
                x: &Flat<$E, Self>,
            ) -> Result<(Flat<$E, Self>, Excitation<$E, Self>), CpuError> {
                let mut saved = None;
                let y = filled(self, sizes.len(), |y| {
                    saved = Some(squeeze_excite::forward(sizes, parameters(weights), elements(x), y));
                })?;
                let saved = saved.expect("`filled` calls its closure once");
                let excitation = Excitation {
                    pooled: from_vec(self, saved.pooled)?,
                    hidden: from_vec(self, saved.hidden)?,
                    gate: from_vec(self, saved.gate)?,
                };
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
            ) -> Result<(), CpuError> {
                let saved = squeeze_excite::Saved {
                    pooled: elements(&excitation.pooled).to_vec(),
                    hidden: elements(&excitation.hidden).to_vec(),
                    gate: elements(&excitation.gate).to_vec(),
                };
                let gradients = squeeze_excite::Gradients { dx, dw1, db1, dw2, db2 };
                squeeze_excite::backward(sizes, parameters(weights), &saved, elements(x), dy, gradients);
                Ok(())
            }

            fn regulate(
                &self,
                sizes: &RegulatorSizes,
                weights: &RegulatorWeights<Flat<$E, Self>>,
                x: &Flat<$E, Self>,
                state: Option<&Flat<$E, Self>>,
            ) -> Result<(Flat<$E, Self>, Self::Regulation), CpuError> {
                let weights = weights.each_ref().map(elements);
                let inputs = regulator::Inputs { x: elements(x), state: state.map(elements) };
                let lens = sizes.saved_lens(state.is_some());
                let mut saved = regulator::Saved {
                    gates: Storage::<$E>::try_alloc_len(self, lens.gates)?,
                    reset: Storage::<$E>::try_alloc_len(self, lens.reset)?,
                };
                let next = filled(self, sizes.state_len(), |next| {
                    regulator::forward(sizes, &weights, inputs, buffers(&mut saved), next);
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
            ) -> Result<(), CpuError> {
                let inputs = regulator::Inputs { x: elements(x), state: state.map(elements) };
                let into = regulator::Gradients {
                    dx,
                    dstate: dstate.map(|dstate| &mut dstate[..]),
                    dweights: dweights.map(|dw| &mut dw[..]),
                };
                let weights = weights.each_ref().map(elements);
                let saved = buffers(&mut regulation);
                regulator::backward(sizes, &weights, inputs, saved, (elements(next), dnext), into);
                Ok(())
            }

            fn fuse(
                &self,
                sizes: &FuseSizes,
                x: &Flat<$E, Self>,
                state: &Flat<$E, Self>,
                w: &Flat<$E, Self>,
            ) -> Result<Flat<$E, Self>, CpuError> {
                filled(self, sizes.len(), |y| {
                    fuse::forward(sizes, elements(x), elements(state), elements(w), y)
                })
            }

            fn fuse_backward(
                &self,
                sizes: &FuseSizes,
                FuseInputs { x, state, w }: FuseInputs<'_, $E, Self>,
                dy: &Buffer<$E, Self>,
                FuseGradients { dx, dstate, dw }: FuseGradients<'_, Buffer<$E, Self>>,
            ) -> Result<(), CpuError> {
                let into = fuse::Gradients { dx, dstate, dw };
                fuse::backward(sizes, elements(x), elements(state), elements(w), dy, into);
                Ok(())
            }

            fn cross_entropy(
                &self,
                sizes: &CrossEntropySizes,
                logits: &Flat<$E, Self>,
                labels: &Labels<Self>,
            ) -> Result<Flat<$E, Self>, CpuError> {
                let labels = elements(labels);
                if labels.len() != sizes.batch || labels.iter().any(|&label| label >= sizes.classes) {
                    return Err(CpuError::WrongNumElements);
                }
                from_vec(self, vec![cross_entropy::forward(sizes, elements(logits), labels)])
            }

            fn cross_entropy_backward(
                &self,
                sizes: &CrossEntropySizes,
                logits: &Flat<$E, Self>,
                labels: &Labels<Self>,
                dloss: &Buffer<$E, Self>,
                dlogits: &mut Buffer<$E, Self>,
            ) -> Result<(), CpuError> {
                cross_entropy::backward(sizes, elements(logits), elements(labels), dloss[0], dlogits);
                Ok(())
            }

            fn scores(&self, steps: usize) -> Result<Self::Scores, CpuError> {
                Ok(vec![(0.0, 0); steps])
            }

            fn put_score(
                &self,
                sizes: &CrossEntropySizes,
                Scored { logits, labels, loss }: Scored<'_, $E, Self>,
                step: usize,
                into: &mut Self::Scores,
            ) -> Result<(), CpuError> {
                let correct = cross_entropy::correct(sizes, elements(logits), elements(labels));
                into[step] = (elements(loss)[0], correct);
                Ok(())
            }

            fn read_scores(&self, scores: &Self::Scores, steps: usize) -> Result<Vec<($E, usize)>, CpuError> {
                Ok(scores[..steps].to_vec())
            }

            fn write_buffer(&self, buffer: &mut Buffer<$E, Self>, values: Vec<$E>) -> Result<(), CpuError> {
                if buffer.len() != values.len() {
                    return Err(CpuError::WrongNumElements);
                }
                buffer.copy_from_slice(&values);
                Ok(())
            }

            fn is_finite(&self, buffer: &Buffer<$E, Self>) -> Result<bool, CpuError> {
                // Without a branch for each number, so that vectors of them are looked at.
                let finite =
                    |numbers: &[$E]| numbers.iter().fold(true, |all, number| all & number.is_finite());
                Ok(buffer.chunks(4096).all(finite))
            }
        }
    };
}

cpu_backend!(f32, {
    fn train_whole<M: TensorCollection<f32, Self>>(
        &self,
        model: &mut M,
        plans: &mut TrainingPlans,
        x: Map<f32, Self, OwnedTape<f32, Self>>,
    ) -> Result<Outcome<f32, Self>, CpuError> {
        crate::training::run(model, plans, x)
    }
});
cpu_backend!(f64, {});

fn from_vec<E: Real + Dtype>(dev: &Cpu, elements: Vec<E>) -> Result<Flat<E, Cpu>, CpuError>
where
    Cpu: Device<E>,
{
    let len = elements.len();
    dev.try_tensor_from_vec(elements, (len,))
}

fn buffers<E: Real + Dtype>(saved: &mut regulator::Saved<Buffer<E, Cpu>>) -> regulator::Saved<&mut [E]>
where
    Cpu: Storage<E, Vec: std::ops::DerefMut<Target = Vec<E>>>,
{
    regulator::Saved { gates: &mut saved.gates, reset: &mut saved.reset }
}

fn statistics<E: Real + Dtype>(s: &Statistics<E, Cpu>) -> batch_norm::Statistics<E>
where
    Cpu: Device<E>,
{
    batch_norm::Statistics {
        mean: elements(&s.mean).to_vec(),
        variance: elements(&s.variance).to_vec(),
        inv_std: elements(&s.inv_std).to_vec(),
    }
}

fn parameters<E: Real + Dtype>(w: &ExciteWeights<E, Cpu>) -> squeeze_excite::Parameters<'_, E>
where
    Cpu: Device<E>,
{
    squeeze_excite::Parameters {
        w1: elements(&w.w1),
        b1: elements(&w.b1),
        w2: elements(&w.w2),
        b2: elements(&w.b2),
    }
}
