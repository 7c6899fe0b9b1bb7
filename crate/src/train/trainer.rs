//! The training loop: Algorithm 1 of Ho et al. 2020.

use super::batches::{self, Batch, BatchPlan};
use super::checkpoint::{self, CheckpointError, State};
use super::ema;
use super::gradients::{self, NoSlope, Slope};
use super::learning_rate::{self, End};
use super::loss::Objective;
use super::on_gpu::OnGpu;
use super::run_config::RunConfig;
use crate::data::Dataset;
use crate::folder::{self, FolderError, ModelFolder};
use crate::pipeline::PipelineError;
use crate::schedule::{Schedule, ScheduleError};
use crate::unet::gpu::{
    DeviceError, Unsupported,
    learner::{Learned, Rates},
    native::Gpu,
};
use crate::unet::{UNet, UNetConfigError, WeightsError, layers};
use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;

/// Where a run's first weights come from.
#[derive(Debug, Clone, Default)]
pub enum FirstWeights {
    /// Random weights.
    #[default]
    Fresh,
    /// The run's own last checkpoint.
    Resume,
    /// The weights of a model folder.
    Model(Box<ModelFolder>),
}

/// How long, and what is done now and then.
#[derive(Debug, Clone)]
pub struct TrainOptions {
    /// The run folder.
    pub run: PathBuf,
    /// What is trained; when a run is resumed, [`RunConfig::read`] of its folder with what is to change.
    pub config: RunConfig,
    /// The images; their labels must be below the number of names.
    pub data: Arc<Dataset>,
    /// The first weights.
    pub first_weights: FirstWeights,
    /// The run ends after this step. Without it, and without `time`, it ends where its configuration says.
    pub steps: Option<u64>,
    /// Stop after this time, counted from now. Without `steps` that is also the run's end.
    pub time: Option<Duration>,
    /// Steps between checkpoints; one is written at the end in any case.
    pub checkpoint_every: u64,
    /// Steps between sample grids; 0 for none.
    pub sample_every: u64,
}

/// What one step reports.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Steps taken, this one included.
    pub step: u64,
    /// Passes over the data.
    pub epoch: f64,
    /// The loss of this batch.
    pub loss: f64,
    /// The learning rate.
    pub learning_rate: f64,
    /// Norm of all gradients before clipping.
    pub grad_norm: f64,
    /// Images a second, over this step.
    pub images_per_s: f64,
    /// Time since the start of the run, resumed parts included and pauses between them not, in seconds.
    pub elapsed_s: f64,
}

/// What the trainer tells whoever watches.
pub trait Watcher {
    /// The run starts in this state (0, or where it was resumed) and ends there, if that is known.
    fn started(&mut self, state: State, end: Option<End>);
    /// A step is done; `false` ends the run after a checkpoint.
    fn stepped(&mut self, report: &StepReport) -> bool;
    /// Time for a sample grid, drawn with the averaged weights.
    fn sample(&mut self, step: u64, unet: &UNet, config: &RunConfig);
    /// A checkpoint is on the disk.
    fn saved(&mut self, step: u64);
}

/// Why training cannot start or continue.
#[derive(Debug, Error)]
pub enum TrainError {
    /// A checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A file of the run.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// `run.json` is missing or broken.
    #[error("{}: cannot be read ({reason}). Give the folder that `walkback train --out` wrote", .path.display())]
    Run {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The network's configuration.
    #[error(transparent)]
    UNet(#[from] UNetConfigError),
    /// The schedule.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// The weights to start from.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The model to start from.
    #[error(transparent)]
    Model(#[from] PipelineError),
    /// Options that contradict each other or the data.
    #[error("{0}")]
    Options(String),
    /// A network that a GPU does not train.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// A GPU that failed.
    #[error("the GPU failed ({0}). Resume from the last checkpoint, or use --device cpu")]
    Gpu(#[from] DeviceError),
    /// The run folder already holds a run.
    #[error("{}: already holds a run. Continue it with --resume, or give another folder with --out", .0.display())]
    RunExists(PathBuf),
    /// Another process trains in this run folder.
    #[error("{}: another training is running in this folder. Wait for it, stop it, or give another folder with --out", .0.display())]
    Busy(PathBuf),
    /// The loss or the gradients are not finite; the weights are those of the step before.
    #[error(
        "{what} is {value} at step {step}: training has diverged. Resume from the last checkpoint with a lower --lr"
    )]
    Diverged {
        /// Where.
        step: u64,
        /// The first quantity of the step that is not finite.
        what: &'static str,
        /// Its value.
        value: f64,
    },
    /// The thread that prepares the batches ended.
    #[error("the batches ended early, which should not happen; resume from the last checkpoint")]
    BatchesEnded,
}

/// Everything that a step changes.
struct Trainer {
    config: RunConfig,
    unet: UNet,
    ema: UNet,
    optimizer: ModuleOptimizer,
    objective: Objective,
    device: Device,
    state: State,
    /// Takes over the steps; what it changes comes back for checkpoints and samples.
    gpu: Option<OnGpu>,
    /// When the step before was known.
    known: Instant,
    /// What the last step that is not known yet used.
    last: Option<StepReport>,
}

/// Where a run computes.
#[derive(Debug, Clone)]
pub enum Computer {
    /// A device of burn's.
    Burn(Device),
    /// A GPU, by the kernels of [`unet::gpu`](crate::unet::gpu).
    Gpu(Gpu),
}

impl Trainer {
    /// Fresh, resumed or initialised weights on the autodiff `device`.
    fn new(
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
        let mut state = State {
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
                state = checkpoint::read_state(&checkpoint)?;
                let ema =
                    checkpoint::load_ema(&checkpoint, UNet::new(&config.unet, &plain)?, &plain)?;
                let (unet, optimizer) = checkpoint::load(&checkpoint, unet, optimizer)?;
                (unet, ema, optimizer)
            }
        };
        let gpu = match computer {
            Computer::Burn(_) => None,
            Computer::Gpu(gpu) => Some(OnGpu::new(&config, &unet, &ema, &optimizer, gpu.client)?),
        };
        Ok(Self {
            config,
            unet,
            ema,
            optimizer,
            objective,
            device: device.clone(),
            state,
            gpu,
            known: Instant::now(),
            last: None,
        })
    }

    /// The learning rate of the step that follows.
    fn learning_rate(&self) -> f64 {
        let RunConfig {
            learning_rate,
            warmup,
            lr_decay,
            end,
            ..
        } = self.config;
        learning_rate::rate(learning_rate, warmup, lr_decay, end, self.state)
    }

    /// One step, and what is known by then: of this one, or, on a GPU that is still at it, of the one before.
    ///
    /// # Errors
    /// As [`step_here`](Self::step_here).
    fn step(mut self, batch: Batch) -> Result<(Self, Option<StepReport>), TrainError> {
        if self.gpu.is_some() {
            let learning_rate = self.learning_rate();
            let step = self.state.step + 1;
            let rates = Rates {
                learning_rate,
                weight_decay: self.config.weight_decay,
                max_grad_norm: self.config.max_grad_norm,
                time: step,
                ema_decay: ema::decay_at(step, self.config.ema_decay),
            };
            let gpu = self.gpu.as_mut();
            let learned = gpu.map(|gpu| gpu.step(&batch, &self.objective, rates));
            let learned = learned.transpose()?.flatten();
            self.state.step = step;
            let report = self.report(learned)?;
            self.last = Some(StepReport {
                step,
                epoch: 0.0,
                loss: 0.0,
                learning_rate,
                grad_norm: 0.0,
                images_per_s: 0.0,
                elapsed_s: self.state.elapsed_s,
            });
            return Ok((self, report));
        }
        let (trainer, report) = self.step_here(batch)?;
        Ok((trainer, Some(report)))
    }

    /// What the last step has come to, where that was not known before, and everything that it changed.
    fn settle(mut self) -> Result<(Self, Option<StepReport>), TrainError> {
        let Some(mut gpu) = self.gpu.take() else {
            return Ok((self, None));
        };
        let learned = gpu.finish()?;
        let report = self.report(learned)?;
        let time = self.state.step;
        let (unet, ema, optimizer) = gpu.bring(self.unet, self.ema, self.optimizer, time)?;
        let trainer = Self {
            unet,
            ema,
            optimizer,
            gpu: Some(gpu),
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
        finite(report.step, loss, grad_norm)?;
        let seconds = self.known.elapsed().as_secs_f64();
        self.known = Instant::now();
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
    fn step_here(mut self, batch: Batch) -> Result<(Self, StepReport), TrainError> {
        let start = Instant::now();
        // Dropout draws from the device's generator. A step's draws follow from the seed and the step alone.
        self.device
            .seed(batches::seed_of(self.config.seed, self.state.step));
        let n = batch.timesteps.len();
        let slope = gradients::of_batch(
            &self.unet,
            &self.objective,
            &batch,
            self.config.max_grad_norm,
            &self.device,
        );
        let Slope {
            loss,
            grads,
            grad_norm,
        } = slope.map_err(|error| match error {
            NoSlope::Schedule(error) => TrainError::Schedule(error),
            NoSlope::NotFinite(what, value) => {
                let step = self.state.step + 1;
                TrainError::Diverged { step, what, value }
            }
        })?;

        let learning_rate = self.learning_rate();
        self.state.step += 1;
        let step = self.state.step;
        self.unet = self.optimizer.step(learning_rate, self.unet, grads);
        let decay = ema::decay_at(step, self.config.ema_decay);
        self.ema = ema::update(self.ema, &self.unet, decay);

        let seconds = start.elapsed().as_secs_f64();
        let report = StepReport {
            step,
            epoch: 0.0,
            loss,
            learning_rate,
            grad_norm,
            images_per_s: n as f64 / seconds,
            elapsed_s: self.state.elapsed_s,
        };
        Ok((self, report))
    }
}

/// Whether what a step has come to can be built on.
fn finite(step: u64, loss: f64, grad_norm: f64) -> Result<(), TrainError> {
    let values = [("the loss", loss), ("the norm of the gradients", grad_norm)];
    match values.into_iter().find(|(_, value)| !value.is_finite()) {
        Some((what, value)) => Err(TrainError::Diverged { step, what, value }),
        None => Ok(()),
    }
}

/// [`train_on`] an autodiff device of burn's.
///
/// # Errors
/// See [`TrainError`].
pub fn train(
    options: &TrainOptions,
    device: &Device,
    watcher: &mut dyn Watcher,
) -> Result<(), TrainError> {
    train_on(options, &Computer::Burn(device.clone()), watcher)
}

/// Trains until the steps or the time are up, or the watcher says stop, and leaves a checkpoint behind.
///
/// # Errors
/// See [`TrainError`]; a checkpoint written before stays as it is.
pub fn train_on(
    options: &TrainOptions,
    computer: &Computer,
    watcher: &mut dyn Watcher,
) -> Result<(), TrainError> {
    let run = &options.run;
    // A run without a checkpoint has nothing to lose: it failed, or was killed, before its first. One with a checkpoint has,
    // also where its run.json is gone.
    let resumed = matches!(options.first_weights, FirstWeights::Resume);
    let check_free = || match checkpoint::latest(run) {
        Ok(_) if !resumed => Err(TrainError::RunExists(run.clone())),
        _ => Ok(()),
    };
    check_free()?;
    options.config.check(&options.data)?;
    let config = &options.config;
    fs::create_dir_all(run).map_err(|source| FolderError::Write {
        path: run.clone(),
        source,
    })?;
    let _lock = lock(run)?;
    checkpoint::put_back(run)?;
    // Only under the lock does the answer last: another training may have ended between the two.
    check_free()?;

    let mut trainer = Trainer::new(options, config.clone(), computer)?;
    let resumed_at_s = trainer.state.elapsed_s;
    trainer.config.end = match (options.steps, options.time) {
        (Some(last), _) => Some(End::Steps(last)),
        (None, Some(time)) => Some(End::Seconds(resumed_at_s + time.as_secs_f64())),
        (None, None) => config.end,
    };
    let end = trainer.config.end;
    // Only now does everything stand that a run needs: one that cannot start leaves no trace in the way of the next.
    let json = serde_json::to_vec_pretty(&trainer.config)
        .map_err(|e| TrainError::Options(e.to_string()))?;
    folder::write_file(&run.join("run.json"), &json)?;
    let plan = BatchPlan {
        data: options.data.clone(),
        schedule: trainer.objective.schedule.clone(),
        prediction_type: config.scheduler.prediction_type,
        batch_size: config.batch_size,
        null_label: config.labels.null,
        label_dropout: config.label_dropout,
        seed: config.seed,
    };
    let batches = plan.start(trainer.state.step);
    let started = Instant::now();
    watcher.started(trainer.state, end);
    let mut saved = resumed.then_some(trainer.state.step);
    loop {
        trainer.state.elapsed_s = resumed_at_s + started.elapsed().as_secs_f64();
        let ended = end.is_some_and(|end| end.reached(trainer.state));
        let out_of_time = options.time.is_some_and(|time| started.elapsed() >= time);
        if ended || out_of_time {
            break;
        }
        let batch = batches.recv().map_err(|_| TrainError::BatchesEnded)?;
        let (next, report) = trainer.step(batch)?;
        trainer = next;
        trainer.state.elapsed_s = resumed_at_s + started.elapsed().as_secs_f64();
        let mut go_on = true;
        let mut tell = |report: Option<StepReport>, elapsed_s: f64| {
            if let Some(mut report) = report {
                report.elapsed_s = elapsed_s;
                let images = report.step * config.batch_size as u64;
                report.epoch = images as f64 / options.data.len() as f64;
                go_on &= watcher.stepped(&report);
            }
        };
        tell(report, trainer.state.elapsed_s);
        let step = trainer.state.step;
        let due = |every: u64| every > 0 && step.is_multiple_of(every);
        let (saves, samples) = (due(options.checkpoint_every), due(options.sample_every));
        if saves || samples || end.is_some_and(|end| end.reached(trainer.state)) {
            let (next, report) = trainer.settle()?;
            trainer = next;
            tell(report, trainer.state.elapsed_s);
        }
        if saves {
            saved = Some(save(run, &trainer, watcher)?);
        }
        if samples {
            watcher.sample(step, &trainer.ema, config);
        }
        if !go_on {
            break;
        }
    }
    if saved != Some(trainer.state.step) {
        let (next, report) = trainer.settle()?;
        trainer = next;
        if let Some(report) = report {
            watcher.stepped(&report);
        }
        save(run, &trainer, watcher)?;
    }
    Ok(())
}

fn save(run: &Path, trainer: &Trainer, watcher: &mut dyn Watcher) -> Result<u64, TrainError> {
    let step = trainer.state.step;
    checkpoint::save(
        run,
        trainer.state,
        &trainer.unet,
        &trainer.ema,
        &trainer.optimizer,
    )?;
    watcher.saved(step);
    Ok(step)
}

/// Holds the run folder for this process alone, until the file is dropped.
fn lock(run: &Path) -> Result<File, TrainError> {
    let path = run.join(".lock");
    let failed = |source| FolderError::Write {
        path: path.clone(),
        source,
    };
    let file = File::create(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(TrainError::Busy(run.into())),
        Err(std::fs::TryLockError::Error(source)) => Err(failed(source).into()),
    }
}
