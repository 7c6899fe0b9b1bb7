//! From a run folder to a model folder: the averaged weights, in diffusers' layout.

use super::checkpoint;
use super::run_config::RunConfig;
use super::trainer::TrainError;
use crate::folder::{self, ModelFolder};
use crate::unet::UNet;
use crate::unet::weights::StoredAs;
use burn::tensor::Device;
use std::path::Path;

/// Writes the averaged weights of the last checkpoint of `run` to the model folder `out`, with the golden output that the
/// page checks its device with; returns the step.
///
/// # Errors
/// No checkpoint, a broken one, or a folder that cannot be written.
pub fn export(run: &Path, out: &Path, stored_as: StoredAs) -> Result<u64, TrainError> {
    let config = RunConfig::read(run)?;
    let checkpoint = checkpoint::latest(run)?;
    let progress = checkpoint::read_progress(&checkpoint)?;
    let device = Device::flex();
    let unet = checkpoint::load_ema(&checkpoint, UNet::blank(&config.unet, &device)?, &device)?;
    let (scheduler, labels) = (config.scheduler, config.labels);
    let model = ModelFolder::of(unet, scheduler, labels, stored_as, &device);
    let model = pollster::block_on(model)?;
    folder::write(out, &model)?;
    Ok(progress.step)
}
