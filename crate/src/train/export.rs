//! From a run folder to a model folder: the averaged weights, in diffusers' layout.

use super::checkpoint;
use super::run_config::RunConfig;
use super::trainer::TrainError;
use crate::folder::{self, ModelFolder};
use crate::pipeline::{Golden, Pipeline};
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
    let state = checkpoint::read_state(&checkpoint)?;
    let device = Device::flex();
    let unet = checkpoint::load_ema(&checkpoint, UNet::blank(&config.unet, &device)?, &device)?;
    let weights = unet.to_safetensors(stored_as)?;

    // The golden output is that of the weights as stored, which half precision has rounded.
    let unet = unet.load_safetensors(&weights, &device)?;
    let pipeline = Pipeline::new(
        unet,
        config.scheduler.clone(),
        config.labels.clone(),
        &device,
    );
    let eps = pollster::block_on(pipeline.golden_output())?;
    let golden = Golden {
        input: pipeline.golden_input(),
        eps,
    };
    let json = |e: serde_json::Error| TrainError::Options(e.to_string());
    let model = ModelFolder {
        unet_config: config.unet.to_json(),
        scheduler_config: config.scheduler.to_json(),
        labels: config
            .unet
            .num_class_embeds
            .is_some()
            .then(|| serde_json::to_string(&config.labels))
            .transpose()
            .map_err(json)?,
        golden: Some(serde_json::to_string(&golden).map_err(json)?),
        weights,
        notes: Vec::new(),
    };
    folder::write(out, &model)?;
    Ok(state.step)
}
