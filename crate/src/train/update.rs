//! A step of AdamW (Loshchilov & Hutter 2019, Algorithm 2) and of the weights' average, in one pass over all numbers.
//!
//! burn's optimiser computes the same, and to the bit: with a pass, fresh memory and one core for each operation.

use super::gradients::floats;
use super::moments::Odd;
use super::numbers;
use crate::unet::UNet;
use crate::unet::gpu::learner::{Memory, Rates};
use crate::unet::layers::parameter;
use burn::module::{Module, ModuleMapper, Param};
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::Tensor;
use rayon::prelude::*;

/// AdamW's decay of the two moments.
const BETAS: [f32; 2] = [0.9, 0.999];
/// What is added to the root of the second moment.
const EPSILON: f32 = 1e-8;
/// Numbers that a core takes at a time.
const PIECE: usize = 1 << 14;

/// Averages and moments of the weights of a run; the weights themselves stay in the network.
#[derive(Debug)]
pub(super) struct Update(Memory);

impl Update {
    /// What the average and the optimiser have.
    ///
    /// # Errors
    /// The optimiser is not burn's AdamW.
    pub(super) fn new(unet: &UNet, ema: &UNet, optimizer: &ModuleOptimizer) -> Result<Self, Odd> {
        let memory = numbers::of(unet, ema, optimizer)?;
        Ok(Self(Memory {
            weights: Default::default(),
            ..memory
        }))
    }

    /// The network after a step along `grads`.
    pub(super) fn step(&mut self, unet: UNet, grads: GradientsParams, rates: &Rates) -> UNet {
        unet.map(&mut Descend {
            memory: &mut self.0,
            grads,
            factors: Factors::of(rates),
        })
    }

    /// The average and the optimiser after `time` steps, beside the network that they belong to.
    ///
    /// # Errors
    /// burn does not take the moments.
    pub(super) fn bring(
        &self,
        parts: (UNet, UNet, ModuleOptimizer),
        time: u64,
    ) -> Result<(UNet, UNet, ModuleOptimizer), Odd> {
        numbers::put(&self.0, parts, time)
    }
}

/// What is the same for all numbers of a step.
#[derive(Debug, Clone, Copy)]
struct Factors {
    /// What weight decay leaves of a weight.
    kept: f32,
    learning_rate: f32,
    /// 1 - beta^t of the two moments, which begin at zero.
    corrections: [f32; 2],
    /// The decay of the average, and what is added of the weight.
    average: [f32; 2],
}

impl Factors {
    fn of(rates: &Rates) -> Self {
        let time = i32::try_from(rates.time).unwrap_or(i32::MAX);
        let decayed = rates.learning_rate * f64::from(rates.weight_decay as f32);
        Self {
            kept: (1.0 - decayed) as f32,
            learning_rate: rates.learning_rate as f32,
            corrections: BETAS.map(|beta| 1.0 - beta.powi(time)),
            average: [rates.ema_decay as f32, (1.0 - rates.ema_decay) as f32],
        }
    }
}

/// Moves parameters one after the other.
struct Descend<'a> {
    memory: &'a mut Memory,
    grads: GradientsParams,
    factors: Factors,
}

impl ModuleMapper for Descend<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, _) = param.consume();
        let (shape, device) = (tensor.dims(), tensor.device());
        let mut weights = floats(tensor.inner());
        let Self {
            memory,
            grads,
            factors,
        } = self;
        if let Some(grad) = grads.remove::<D>(id) {
            let grad = floats(grad);
            let [first, second] = &mut memory.moments;
            let [first, second] = [first, second].map(|moments| {
                let moments = moments.entry(id).or_default();
                moments.resize(grad.len(), 0.0);
                moments
            });
            descend(&mut weights, [first, second], &grad, *factors);
        }
        if let Some(averages) = memory.averages.get_mut(&id) {
            blend(averages, &weights, factors.average);
        }
        let mut moved = parameter(weights, shape, &device);
        moved.id = id;
        moved
    }
}

/// w = (1 - lr decay) w - lr m^ / (sqrt(v^) + 1e-8) for each weight.
fn descend(weights: &mut [f32], moments: [&mut Vec<f32>; 2], grad: &[f32], factors: Factors) {
    let Factors {
        kept,
        learning_rate,
        corrections,
        ..
    } = factors;
    let [first, second] = moments;
    let added = BETAS.map(|beta| 1.0 - beta);
    (
        weights.par_chunks_mut(PIECE),
        first.par_chunks_mut(PIECE),
        second.par_chunks_mut(PIECE),
        grad.par_chunks(PIECE),
    )
        .into_par_iter()
        .for_each(|(weights, first, second, grad)| {
            let moments = first.iter_mut().zip(second);
            for ((weight, (m, v)), g) in weights.iter_mut().zip(moments).zip(grad) {
                *m = *m * BETAS[0] + g * added[0];
                *v = *v * BETAS[1] + g * g * added[1];
                let delta = (*m / corrections[0]) / ((*v / corrections[1]).sqrt() + EPSILON);
                *weight = *weight * kept - delta * learning_rate;
            }
        });
}

/// average = decay average + (1 - decay) weight for each weight.
fn blend(averages: &mut [f32], weights: &[f32], [kept, added]: [f32; 2]) {
    averages
        .par_iter_mut()
        .with_min_len(PIECE)
        .zip(weights)
        .for_each(|(average, weight)| *average = *average * kept + weight * added);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::ema;
    use crate::train::gradients::clip_by_global_norm;
    use crate::train::numbers::gather;
    use crate::unet::{DownBlockType, UNetConfig, UpBlockType};
    use burn::optim::AdamWConfig;
    use burn::tensor::Device;

    const DECAY: f64 = 0.9;

    fn rates(time: u64) -> Rates {
        Rates {
            learning_rate: 1e-3 * time as f64,
            weight_decay: 0.02,
            max_grad_norm: 0.5,
            time,
            ema_decay: DECAY,
        }
    }

    /// Gradients of a network, other ones at each step.
    fn grads(unet: &UNet, time: u64, device: &Device) -> GradientsParams {
        let [h, w] = unet.config().sample_size;
        let values = (0..2 * h * w).map(|i| ((i as u64 * 7 + time) as f32).sin());
        let x_t = burn::tensor::TensorData::new(values.collect::<Vec<_>>(), [2, 1, h, w]);
        let output = unet.forward(Tensor::<4>::from_data(x_t, device), &[3.0, 700.0], None);
        let grads = GradientsParams::from_grads(output.powi_scalar(2).sum().backward(), unet);
        clip_by_global_norm(unet, grads, rates(time).max_grad_norm).0
    }

    fn values(unet: &UNet) -> Vec<Vec<f32>> {
        gather(unet).into_iter().map(|(_, values)| values).collect()
    }

    #[test]
    fn a_step_is_that_of_burns_adamw_to_the_bit_also_after_a_checkpoint() {
        let device = Device::flex().autodiff();
        let config = UNetConfig {
            sample_size: [8; 2],
            in_channels: 1,
            out_channels: 1,
            block_out_channels: vec![8, 96],
            down_block_types: vec![DownBlockType::DownBlock2D; 2],
            up_block_types: vec![UpBlockType::UpBlock2D; 2],
            layers_per_block: 1,
            norm_num_groups: Some(4),
            ..UNetConfig::default()
        };
        let mut burns = UNet::without_zeros(&config, &device).expect("a network");
        let mut average = burns.valid();
        let adamw = || {
            AdamWConfig::new()
                .with_epsilon(1e-8)
                .with_weight_decay(0.02)
        };
        let mut optimizer = adamw().init();

        let mut ours = burns.clone();
        let mut update = Update::new(&ours, &average, &optimizer).expect("an optimiser");
        for time in 1..=4 {
            let taken = grads(&burns, time, &device);
            burns = optimizer.step(rates(time).learning_rate, burns, taken);
            average = ema::update(average, &burns, DECAY);

            let taken = grads(&ours, time, &device);
            ours = update.step(ours, taken, &rates(time));
            assert!(values(&ours) == values(&burns), "weights after step {time}");
            if time == 2 {
                let parts = (ours, average.clone(), adamw().init());
                let (unet, ema, kept) = update.bring(parts, time).expect("an optimiser");
                update = Update::new(&unet, &ema, &kept).expect("an optimiser");
                ours = unet;
            }
        }
        let parts = (ours, average.clone(), adamw().init());
        let (_, ema, kept) = update.bring(parts, 4).expect("an optimiser");
        assert!(values(&ema) == values(&average), "averages");
        let moments = |optimizer| super::super::moments::read(optimizer).expect("moments");
        assert!(moments(&kept) == moments(&optimizer), "moments");
    }
}
