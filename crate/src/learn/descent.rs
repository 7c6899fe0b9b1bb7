//! One step of gradient descent: the weights, their average, and AdamW; what differs between devices, and the CPU's.

use crate::pipeline::Pipeline;
use crate::schedule::ScheduleError;
use crate::train::batches::Batch;
use crate::train::ema;
use crate::train::gradients::{self, NoSlope, Slope, Way};
use crate::train::loss::Objective;
use crate::unet::UNet;
use burn::module::Module;
use burn::optim::{AdamWConfig, ModuleOptimizer};
use burn::tensor::Device;
use thiserror::Error;

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
    /// Steps taken, this one included.
    pub time: u64,
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
    /// The device failed; what it has learned is lost.
    Device(DeviceFailed),
}

/// A device does not answer, or cannot do what it is asked.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct DeviceFailed(pub(super) String);

/// All that steps change. A clone is the state at that moment, and costs little.
#[derive(Clone)]
pub struct State {
    pub(super) unet: UNet,
    pub(super) average: UNet,
    pub(super) optimizer: ModuleOptimizer,
}

impl State {
    /// Before the first step.
    pub(super) fn fresh(unet: UNet) -> Self {
        Self {
            average: unet.valid(),
            unet,
            optimizer: adamw(),
        }
    }
}

/// What computes a step: the one thing that differs between devices.
#[allow(async_fn_in_trait, reason = "the page's futures stay on their thread")]
pub trait Descent {
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

    /// What the steps have come to.
    ///
    /// # Errors
    /// The device failed.
    async fn state(&self) -> Result<State, DeviceFailed>;

    /// Continues from `state`, which has taken `time` steps.
    fn resume(&mut self, state: State, time: u64);

    /// Has the network of `pipeline` evaluated where the steps are taken.
    ///
    /// # Errors
    /// The device does not compute it.
    fn take_over(&self, pipeline: &mut Pipeline) -> Result<(), DeviceFailed>;
}

/// Gradients by burn's autodiff, with the kernels of `unet::cpu`.
pub struct OnCpu {
    state: State,
    device: Device,
}

impl OnCpu {
    /// Begins with `state`, whose network lies on the autodiff `device`.
    pub(super) fn new(state: State, device: &Device) -> Self {
        Self {
            state,
            device: device.clone(),
        }
    }

    /// The network.
    pub(super) fn unet(&self) -> &UNet {
        &self.state.unet
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
        let State {
            unet,
            average,
            optimizer,
        } = &mut self.state;
        let slope = gradients::of_batch(unet, objective, batch, way, device);
        let Slope {
            loss,
            grads,
            grad_norm,
        } = slope.map_err(|error| match error {
            NoSlope::Schedule(error) => NotTaken::Schedule(error),
            NoSlope::NotFinite(what, value) => NotTaken::NotFinite(what, value),
        })?;
        *unet = optimizer.step(how.learning_rate, unet.clone(), grads);
        *average = ema::update(average.clone(), unet, how.decay);
        Ok(Taken { loss, grad_norm })
    }

    async fn state(&self) -> Result<State, DeviceFailed> {
        Ok(self.state.clone())
    }

    fn resume(&mut self, state: State, _: u64) {
        self.state = state;
    }

    fn take_over(&self, _: &mut Pipeline) -> Result<(), DeviceFailed> {
        Ok(())
    }
}
