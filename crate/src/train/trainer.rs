//! The training loop: Algorithm 1 of Ho et al. 2020.

use super::batches::BatchPlan;
use super::checkpoint::{self, CheckpointError, Progress};
use super::learning_rate::End;
use super::run_config::RunConfig;
use super::steps::Trainer;
use crate::data::Dataset;
use crate::folder::{self, FolderError, ModelFolder};
use crate::pipeline::PipelineError;
use crate::schedule::ScheduleError;
use crate::unet::gpu::learner::NoLearner;
use crate::unet::gpu::{DeviceError, Unsupported, native::Gpu};
use crate::unet::{UNet, UNetConfigError, WeightsError};
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

/// What the trainer reports while it runs.
pub trait Watcher {
    /// The run starts at this progress (0, or where it was resumed) and ends there, if that is known.
    fn started(&mut self, progress: Progress, end: Option<End>);
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
    /// A GPU without room for the images of a step, or for those of a piece of one.
    #[error(
        "the GPU has no room for so many images ({0}). Compute a step in more pieces with --accumulate, or use --device cpu"
    )]
    Room(String),
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

impl From<NoLearner> for TrainError {
    fn from(reason: NoLearner) -> Self {
        match reason {
            NoLearner::Unsupported(reason) => Self::Unsupported(reason),
            NoLearner::TooLarge(reason) => Self::Room(reason),
        }
    }
}

/// Where a run computes.
#[derive(Debug, Clone)]
pub enum Computer {
    /// A device of burn's.
    Burn(Device),
    /// A GPU, by the kernels of [`unet::gpu`](crate::unet::gpu).
    Gpu(Gpu),
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
    let resumed_at_s = trainer.progress.elapsed_s;
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
    let batches = plan.start(trainer.progress.step);
    let started = Instant::now();
    watcher.started(trainer.progress, end);
    let mut saved = resumed.then_some(trainer.progress.step);
    loop {
        trainer.progress.elapsed_s = resumed_at_s + started.elapsed().as_secs_f64();
        let ended = end.is_some_and(|end| end.reached(trainer.progress));
        let out_of_time = options.time.is_some_and(|time| started.elapsed() >= time);
        if ended || out_of_time {
            break;
        }
        let batch = batches.recv().map_err(|_| TrainError::BatchesEnded)?;
        let (next, report) = trainer.step(batch)?;
        trainer = next;
        trainer.progress.elapsed_s = resumed_at_s + started.elapsed().as_secs_f64();
        let mut go_on = true;
        let mut pass_on = |report: Option<StepReport>, elapsed_s: f64| {
            if let Some(mut report) = report {
                report.elapsed_s = elapsed_s;
                let images = report.step * config.batch_size as u64;
                report.epoch = images as f64 / options.data.len() as f64;
                go_on &= watcher.stepped(&report);
            }
        };
        pass_on(report, trainer.progress.elapsed_s);
        let step = trainer.progress.step;
        let due = |every: u64| every > 0 && step.is_multiple_of(every);
        let (saves, samples) = (due(options.checkpoint_every), due(options.sample_every));
        if saves || samples || end.is_some_and(|end| end.reached(trainer.progress)) {
            let (next, report) = trainer.settle()?;
            trainer = next;
            pass_on(report, trainer.progress.elapsed_s);
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
    if saved != Some(trainer.progress.step) {
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
    let step = trainer.progress.step;
    checkpoint::save(
        run,
        trainer.progress,
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
