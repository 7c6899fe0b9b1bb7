//! Steps of gradient descent, on a device of burn's or on a GPU: what they change, and what becomes known of them.

use super::batches::{self, Batch};
use super::checkpoint::{self, Progress};
use super::ema;
use super::gradients::{self, NoSlope, Slope, Way};
use super::learning_rate;
use super::loss::Objective;
use super::on_gpu::{OnGpu, odd};
use super::pace::Pace;
use super::run_config::RunConfig;
use super::trainer::{Computer, FirstWeights, StepReport, TrainError, TrainOptions};
use super::update::Update;
use crate::schedule::Schedule;
use crate::unet::gpu::learner::{Learned, Rates};
use crate::unet::{UNet, layers};
use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::tensor::Device;
use std::time::Instant;

/// Where steps are taken.
enum Descent {
    Cpu(Update),
    Gpu(Box<OnGpu>),
}

/// Everything that a step changes.
pub(super) struct Trainer {
    pub(super) config: RunConfig,
    pub(super) unet: UNet,
    pub(super) ema: UNet,
    pub(super) optimizer: ModuleOptimizer,
    pub(super) objective: Objective,
    device: Device,
    pub(super) progress: Progress,
    /// Takes the steps; what it changes besides the weights comes back for checkpoints and samples.
    descent: Descent,
    /// How fast those on a GPU are.
    pace: Pace,
    /// What the last step that is not known yet used.
    last: Option<StepReport>,
}

impl Trainer {
    /// Fresh, resumed or initialised weights on the autodiff `device`.
    pub(super) fn new(
        options: &TrainOptions,
        config: RunConfig,
        computer: &Computer,
    ) -> Result<Self, TrainError> {
        let device = &match computer {
            Computer::Burn(device) => device.clone(),
            Computer::Gpu(_) => Device::flex().autodiff(),
        };
        let plain = device.clone().inner();
        layers::seed_init(config.seed);
        let unet = UNet::new(&config.unet, device)?;
        let optimizer = config.optimizer();
        let objective = Objective {
            loss: config.loss,
            prediction_type: config.scheduler.prediction_type,
            schedule: Schedule::new(&config.scheduler)?,
        };
        let mut progress = Progress {
            step: 0,
            elapsed_s: 0.0,
        };
        let (unet, ema, optimizer) = match &options.first_weights {
            FirstWeights::Fresh => {
                let ema = unet.valid();
                (unet, ema, optimizer)
            }
            FirstWeights::Model(folder) => {
                let unet = unet.load_safetensors(&folder.weights, device)?;
                let ema = unet.valid();
                (unet, ema, optimizer)
            }
            FirstWeights::Resume => {
                let checkpoint = checkpoint::latest(&options.run)?;
                progress = checkpoint::read_progress(&checkpoint)?;
                let ema =
                    checkpoint::load_ema(&checkpoint, UNet::new(&config.unet, &plain)?, &plain)?;
                let (unet, optimizer) = checkpoint::load(&checkpoint, unet, optimizer)?;
                (unet, ema, optimizer)
            }
        };
        let descent = match computer {
            Computer::Burn(_) => Descent::Cpu(Update::new(&unet, &ema, &optimizer).map_err(odd)?),
            Computer::Gpu(gpu) => {
                let gpu = OnGpu::new(&config, &unet, &ema, &optimizer, gpu.client)?;
                Descent::Gpu(Box::new(gpu))
            }
        };
        Ok(Self {
            config,
            unet,
            ema,
            optimizer,
            objective,
            device: device.clone(),
            progress,
            descent,
            pace: Pace::from(Instant::now()),
            last: None,
        })
    }

    /// The numbers of the step that follows.
    fn rates(&self) -> Rates {
        let RunConfig {
            learning_rate,
            warmup,
            lr_decay,
            end,
            weight_decay,
            max_grad_norm,
            ema_decay,
            ..
        } = self.config;
        let time = self.progress.step + 1;
        Rates {
            learning_rate: learning_rate::rate(learning_rate, warmup, lr_decay, end, self.progress),
            weight_decay,
            max_grad_norm,
            time,
            ema_decay: ema::decay_at(time, ema_decay),
        }
    }

    /// One step, and what is known by then: of this one, or, on a GPU that is still at it, of the one before.
    ///
    /// # Errors
    /// As [`step_here`](Self::step_here).
    pub(super) fn step(mut self, batch: Batch) -> Result<(Self, Option<StepReport>), TrainError> {
        let rates = self.rates();
        let gpu = match &mut self.descent {
            Descent::Cpu(_) => {
                let (trainer, report) = self.step_here(batch, &rates)?;
                return Ok((trainer, Some(report)));
            }
            Descent::Gpu(gpu) => gpu,
        };
        let seed = batches::seed_of(self.config.seed, self.progress.step);
        let learned = gpu.step(&batch, &self.objective, rates, seed)?;
        self.progress.step = rates.time;
        let report = self.report(learned)?;
        self.last = Some(StepReport {
            step: rates.time,
            epoch: 0.0,
            loss: 0.0,
            learning_rate: rates.learning_rate,
            grad_norm: 0.0,
            images_per_s: 0.0,
            elapsed_s: self.progress.elapsed_s,
        });
        Ok((self, report))
    }

    /// What the last step has come to, where that was not known before, and everything that it changed.
    pub(super) fn settle(mut self) -> Result<(Self, Option<StepReport>), TrainError> {
        let learned = match &mut self.descent {
            Descent::Cpu(_) => None,
            Descent::Gpu(gpu) => gpu.finish()?,
        };
        let report = self.report(learned)?;
        let time = self.progress.step;
        let parts = (self.unet, self.ema, self.optimizer);
        let (unet, ema, optimizer) = match &self.descent {
            Descent::Cpu(update) => update.bring(parts, time).map_err(odd)?,
            Descent::Gpu(gpu) => gpu.bring(parts, time)?,
        };
        let trainer = Self {
            unet,
            ema,
            optimizer,
            ..self
        };
        Ok((trainer, report))
    }

    /// The report of the last step, once the GPU has said what came of it.
    fn report(&mut self, learned: Option<Learned>) -> Result<Option<StepReport>, TrainError> {
        let (Some(learned), Some(report)) = (learned, self.last.take()) else {
            return Ok(None);
        };
        let (loss, grad_norm) = (f64::from(learned.loss), f64::from(learned.grad_norm));
        if let Some((what, value)) = gradients::not_finite(loss, grad_norm) {
            let step = report.step;
            return Err(TrainError::Diverged { step, what, value });
        }
        let seconds = self.pace.step(Instant::now()).as_secs_f64();
        Ok(Some(StepReport {
            loss,
            grad_norm,
            images_per_s: self.config.batch_size as f64 / seconds,
            ..report
        }))
    }

    /// One step of gradient descent (Algorithm 1, lines 2 to 5).
    ///
    /// # Errors
    /// The loss or the norm of the gradients is not finite: what that would make of the weights is never kept.
    fn step_here(mut self, batch: Batch, rates: &Rates) -> Result<(Self, StepReport), TrainError> {
        let start = Instant::now();
        let n = batch.timesteps.len();
        let way = Way {
            max_norm: rates.max_grad_norm,
            seed: batches::seed_of(self.config.seed, self.progress.step),
            pieces: self.config.accumulate,
        };
        let slope = gradients::of_batch(&self.unet, &self.objective, &batch, way, &self.device);
        let Slope {
            loss,
            grads,
            grad_norm,
        } = slope.map_err(|error| match error {
            NoSlope::Schedule(error) => TrainError::Schedule(error),
            NoSlope::NotFinite(what, value) => {
                let step = self.progress.step + 1;
                TrainError::Diverged { step, what, value }
            }
        })?;

        if let Descent::Cpu(update) = &mut self.descent {
            self.unet = update.step(self.unet, grads, rates);
        }
        self.progress.step = rates.time;

        let seconds = start.elapsed().as_secs_f64();
        let report = StepReport {
            step: rates.time,
            epoch: 0.0,
            loss,
            learning_rate: rates.learning_rate,
            grad_norm,
            images_per_s: n as f64 / seconds,
            elapsed_s: self.progress.elapsed_s,
        };
        Ok((self, report))
    }
}
