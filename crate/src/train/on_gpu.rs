//! Steps on a GPU: what the trainer asks of [`Learner`], and what of it comes back for checkpoints and samples.

use super::batches::Batch;
use super::checkpoint::{CheckpointError, OPTIMIZER};
use super::loss::{BOUND_WEIGHT, Loss, Objective};
use super::moments::Odd;
use super::numbers;
use super::run_config::RunConfig;
use super::trainer::TrainError;
use crate::diffusion::{error_factor, noising_factors, target_factors};
use crate::likelihood::{bound_variance, neighbours};
use crate::schedule::{ScheduleError, flow};
use crate::unet::gpu::learner::{Bound, Learned, Learner, Lesson, Rates};
use crate::unet::{UNet, dropout};
use burn::optim::ModuleOptimizer;
use cubecl::client::Client;
use std::f64::consts::LN_2;

/// The network of a run on a GPU.
#[derive(Debug)]
pub(super) struct OnGpu {
    learner: Learner,
    /// Whether the network drops numbers.
    drops: bool,
}

impl OnGpu {
    /// Takes the network, its average and the optimiser's moments to the device of `client`.
    ///
    /// # Errors
    /// What the device does not train.
    pub(super) fn new(
        config: &RunConfig,
        unet: &UNet,
        ema: &UNet,
        optimizer: &ModuleOptimizer,
        client: &'static Client,
    ) -> Result<Self, TrainError> {
        let mut learner = Learner::new(unet, config.batch_size / config.accumulate, client)?;
        learner.remember(&numbers::of(unet, ema, optimizer).map_err(odd)?);
        Ok(Self {
            learner,
            drops: config.unet.dropout > 0.0,
        })
    }

    /// Takes one step, with dropout from this seed; returns what the step before has come to.
    ///
    /// # Errors
    /// The device failed, or a timestep of the batch is not in the schedule.
    pub(super) fn step(
        &mut self,
        batch: &Batch,
        objective: &Objective,
        rates: Rates,
        seed: u64,
    ) -> Result<Option<Learned>, TrainError> {
        let schedule = &objective.schedule;
        let process = (objective.prediction_type, schedule.num_train_timesteps());
        // What the network is given for a unit of x_t, and at which times.
        let given = (batch.timesteps.iter()).map(|&t| flow::given(process, t as f32));
        let (units, timesteps): (Vec<_>, Vec<_>) = given.unzip();
        let alphas_cumprod = (batch.timesteps.iter()).map(|&t| schedule.alphas_cumprod[t]);
        let singles = |factors: [f64; 2]| factors.map(|factor| factor as f32);
        let noising = |(alpha, unit): (f64, &f64)| {
            singles(noising_factors(alpha).map(|factor| factor * unit))
        };
        let bounds = batch.timesteps.iter().map(|&t| bound(objective, t));
        let bounds: Vec<Bound> = match objective.loss {
            Loss::Hybrid => bounds.collect::<Result<_, _>>()?,
            Loss::Simple | Loss::MinSnr => Vec::new(),
        };
        let keys = match self.drops {
            true => dropout::keys(seed, batch.timesteps.len()),
            false => Vec::new(),
        };
        let target = |alpha| singles(target_factors(objective.prediction_type, alpha));
        let lesson = Lesson {
            x_0: &batch.x_0,
            eps: &batch.eps,
            timesteps: &timesteps,
            labels: &batch.labels,
            noising: &alphas_cumprod
                .clone()
                .zip(&units)
                .map(noising)
                .collect::<Vec<_>>(),
            target: &alphas_cumprod.map(target).collect::<Vec<_>>(),
            weights: &objective.weights(&batch.timesteps),
            bounds: &bounds,
            keys: &keys,
        };
        Ok(self.learner.step(lesson, rates)?)
    }

    /// What the last step has come to, unless it is known already.
    ///
    /// # Errors
    /// The device failed.
    pub(super) fn finish(&mut self) -> Result<Option<Learned>, TrainError> {
        Ok(self.learner.finish()?)
    }

    /// The network, its average and the optimiser as the device has them after `time` steps.
    ///
    /// # Errors
    /// The device failed.
    pub(super) fn bring(
        &self,
        parts: (UNet, UNet, ModuleOptimizer),
        time: u64,
    ) -> Result<(UNet, UNet, ModuleOptimizer), TrainError> {
        let memory = self.learner.memory()?;
        numbers::put(&memory, parts, time).map_err(odd)
    }
}

/// What burn's optimiser does not give or take.
pub(super) fn odd(reason: Odd) -> TrainError {
    let (path, reason) = (OPTIMIZER.into(), reason.to_string());
    CheckpointError::Encode { path, reason }.into()
}

/// 0.001 L_vlb for the timestep `t`, in the factors of which the device makes the terms of
/// [`bound_term`](super::bound::bound_term).
fn bound(objective: &Objective, t: usize) -> Result<Bound, ScheduleError> {
    let schedule = &objective.schedule;
    let step = neighbours(schedule, t)?;
    let smallest = bound_variance(schedule, t)?;
    let error = error_factor(objective.prediction_type, step.alpha_cumprod);
    // The mean of a step is linear in x_0-hat; that of the last one is x_0-hat itself.
    let (of_x_0, _) = step.posterior_mean_coefficients();
    let distance = match t {
        0 => error,
        _ => error * of_x_0 / step.posterior_variance().sqrt(),
    };
    Ok(Bound {
        // L_vlb has a term for each of the T timesteps; in bits.
        weight: (BOUND_WEIGHT * schedule.num_train_timesteps() as f64 / LN_2) as f32,
        range: (step.beta().ln() - smallest.ln()) as f32,
        distance: distance as f32,
        smallest: smallest.ln() as f32,
        is_first: t == 0,
    })
}

#[cfg(test)]
mod tests;
