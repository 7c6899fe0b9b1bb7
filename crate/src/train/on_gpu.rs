//! Steps on a GPU: what the trainer asks of [`Learner`], and what of it comes back for checkpoints and samples.

use super::batches::Batch;
use super::checkpoint::{CheckpointError, OPTIMIZER};
use super::gpu_memory;
use super::loss::{Loss, Objective};
use super::moments::Odd;
use super::run_config::RunConfig;
use super::trainer::TrainError;
use crate::diffusion::{noising_factors, target_factors};
use crate::schedule::PredictionType;
use crate::unet::UNet;
use crate::unet::gpu::learner::{Learned, Learner, Lesson, Rates};
use burn::optim::ModuleOptimizer;
use cubecl::client::Client;

/// The network of a run on a GPU.
#[derive(Debug)]
pub(super) struct OnGpu {
    learner: Learner,
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
        if config.loss == Loss::Hybrid {
            return Err(TrainError::Options(
                "--loss hybrid is not trained on a GPU yet; use --device cpu".into(),
            ));
        }
        if config.scheduler.prediction_type == PredictionType::Flow {
            return Err(TrainError::Options(
                "--prediction flow is not trained on a GPU yet; use --device cpu".into(),
            ));
        }
        let mut learner = Learner::new(unet, config.batch_size, client)?;
        learner.remember(&gpu_memory::to_device(unet, ema, optimizer).map_err(odd)?);
        Ok(Self { learner })
    }

    /// Takes one step; returns what the step before has come to.
    ///
    /// # Errors
    /// The device failed.
    pub(super) fn step(
        &mut self,
        batch: &Batch,
        objective: &Objective,
        rates: Rates,
    ) -> Result<Option<Learned>, TrainError> {
        let schedule = &objective.schedule;
        let alphas_cumprod = (batch.timesteps.iter()).map(|&t| schedule.alphas_cumprod[t]);
        let timesteps: Vec<f32> = batch.timesteps.iter().map(|&t| t as f32).collect();
        let singles = |factors: [f64; 2]| factors.map(|factor| factor as f32);
        let noising = |alpha| singles(noising_factors(alpha));
        let target = |alpha| singles(target_factors(objective.prediction_type, alpha));
        let lesson = Lesson {
            x_0: &batch.x_0,
            eps: &batch.eps,
            timesteps: &timesteps,
            labels: &batch.labels,
            noising: &alphas_cumprod.clone().map(noising).collect::<Vec<_>>(),
            target: &alphas_cumprod.map(target).collect::<Vec<_>>(),
            weights: &objective.weights(&batch.timesteps),
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
        unet: UNet,
        ema: UNet,
        optimizer: ModuleOptimizer,
        time: u64,
    ) -> Result<(UNet, UNet, ModuleOptimizer), TrainError> {
        let memory = self.learner.memory()?;
        gpu_memory::from_device(&memory, (unet, ema, optimizer), time).map_err(odd)
    }
}

fn odd(reason: Odd) -> TrainError {
    let (path, reason) = (OPTIMIZER.into(), reason.to_string());
    CheckpointError::Encode { path, reason }.into()
}
