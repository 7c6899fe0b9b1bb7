//! One step of gradient descent: the weights, their average, and AdamW, on the CPU.

use crate::schedule::ScheduleError;
use crate::train::batches::Batch;
use crate::train::ema;
use crate::train::gradients::{self, NoSlope, Slope, Way};
use crate::train::loss::Objective;
use crate::unet::UNet;
use burn::module::Module;
use burn::optim::{AdamWConfig, ModuleOptimizer};
use burn::tensor::Device;

/// How a step is taken.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// AdamW's step size.
    pub learning_rate: f64,
    /// Decay of the averaged weights.
    pub decay: f64,
    /// Bound on the norm of all gradients together.
    pub max_grad_norm: f64,
    /// Seed of what the network itself draws, which is dropout.
    pub seed: u64,
}

/// What a step found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Taken {
    /// The loss of the batch.
    pub loss: f64,
    /// Norm of all gradients before clipping.
    pub grad_norm: f64,
}

/// Why a step was not taken; the weights are as they were.
#[derive(Debug)]
pub enum NotTaken {
    /// A timestep of the batch is not in the schedule.
    Schedule(ScheduleError),
    /// The first quantity that is not finite, and its value.
    NotFinite(&'static str, f64),
}

/// What computes a step: the one thing that differs between devices. A clone is the state at that moment, and costs little.
#[allow(async_fn_in_trait, reason = "the page's futures stay on their thread")]
pub trait Descent: Clone {
    /// One step: gradients, clipping, AdamW, and the average.
    ///
    /// # Errors
    /// See [`NotTaken`].
    async fn step(
        &mut self,
        objective: &Objective,
        batch: &Batch,
        how: How,
    ) -> Result<Taken, NotTaken>;

    /// The weights that are trained.
    fn trained(&self) -> &UNet;

    /// Their average, on the CPU and without gradients.
    fn average(&self) -> UNet;
}

/// Gradients by burn's autodiff, with the kernels of `unet::cpu`.
#[derive(Clone)]
pub struct OnCpu {
    pub(super) unet: UNet,
    pub(super) average: UNet,
    pub(super) optimizer: ModuleOptimizer,
    device: Device,
}

impl OnCpu {
    /// Begins with `unet`, which lies on the autodiff `device`.
    pub(super) fn new(unet: UNet, device: &Device) -> Self {
        Self {
            average: unet.valid(),
            unet,
            optimizer: adamw(),
            device: device.clone(),
        }
    }
}

/// AdamW (Loshchilov & Hutter 2019) without weight decay: what a model knows shall not fade while it learns.
pub(super) fn adamw() -> ModuleOptimizer {
    AdamWConfig::new()
        .with_epsilon(1e-8)
        .with_weight_decay(0.0)
        .init()
}

impl Descent for OnCpu {
    async fn step(
        &mut self,
        objective: &Objective,
        batch: &Batch,
        how: How,
    ) -> Result<Taken, NotTaken> {
        let way = Way {
            max_norm: how.max_grad_norm,
            seed: how.seed,
            pieces: 1,
        };
        let device = &self.device;
        let Slope {
            loss,
            grads,
            grad_norm,
        } = gradients::of_batch(&self.unet, objective, batch, way, device).map_err(|error| {
            match error {
                NoSlope::Schedule(error) => NotTaken::Schedule(error),
                NoSlope::NotFinite(what, value) => NotTaken::NotFinite(what, value),
            }
        })?;
        self.unet = self
            .optimizer
            .step(how.learning_rate, self.unet.clone(), grads);
        self.average = ema::update(self.average.clone(), &self.unet, how.decay);
        Ok(Taken { loss, grad_norm })
    }

    fn trained(&self) -> &UNet {
        &self.unet
    }

    fn average(&self) -> UNet {
        self.average.clone()
    }
}
