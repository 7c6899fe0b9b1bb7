//! Steps on a GPU: what the trainer asks of [`Learner`], and what of it comes back for checkpoints and samples.

use super::batches::Batch;
use super::loss::{Loss, Objective, min_snr_weight};
use super::moments;
use super::run_config::RunConfig;
use super::trainer::TrainError;
use crate::diffusion::{noising_factors, target_factors};
use crate::schedule::PredictionType;
use crate::unet::UNet;
use crate::unet::gpu::learner::{Learned, Learner, Lesson, Memory, Numbers, Rates};
use crate::unet::layers::parameter;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::ModuleOptimizer;
use burn::tensor::Tensor;
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
        // The average is a module of its own: its numbers belong to the same parameters by their order.
        let trained = gather(unet);
        let ids = trained.iter().map(|(id, _)| *id);
        let averages = ids.zip(gather(ema).into_iter().map(|(_, values)| values));
        learner.remember(&Memory {
            averages: averages.collect(),
            moments: moments::read(optimizer)?,
            weights: trained.into_iter().collect(),
        });
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
        let weights = batch.timesteps.iter().map(|&t| match objective.loss {
            Loss::MinSnr => min_snr_weight(objective.prediction_type, schedule.snr(t)) as f32,
            Loss::Simple | Loss::Hybrid => 1.0,
        });
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
            weights: &weights.collect::<Vec<_>>(),
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
        let ids: Vec<_> = gather(&unet).into_iter().map(|(id, _)| id).collect();
        let in_order = |numbers: &Numbers| -> Vec<Option<Vec<f32>>> {
            ids.iter().map(|id| numbers.get(id).cloned()).collect()
        };
        let ema = ema.map(&mut Put(in_order(&memory.averages).into_iter()));
        let unet = unet.map(&mut Put(in_order(&memory.weights).into_iter()));
        let optimizer = moments::write(optimizer, &unet, &memory.moments, time)?;
        Ok((unet, ema, optimizer))
    }
}

/// Gathers numbers by parameter, in the order of the modules.
#[derive(Default)]
struct Gather(Vec<(burn::module::ParamId, Vec<f32>)>);

impl ModuleVisitor for Gather {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let values = param.val().into_data().iter::<f32>().collect();
        self.0.push((param.id, values));
    }
}

fn gather(unet: &UNet) -> Vec<(burn::module::ParamId, Vec<f32>)> {
    let mut gather = Gather::default();
    unet.visit(&mut gather);
    gather.0
}

/// Replaces a module's numbers, in their order; `None` leaves them.
struct Put(std::vec::IntoIter<Option<Vec<f32>>>);

impl ModuleMapper for Put {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(Some(values)) = self.0.next() else {
            return param;
        };
        let (id, tensor) = (param.id, param.val());
        let mut fresh = parameter(values, tensor.dims(), &tensor.device());
        fresh.id = id;
        fresh
    }
}
