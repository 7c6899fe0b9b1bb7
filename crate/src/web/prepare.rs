//! The kernels of a network, before its weights are there.

use super::exception;
use super::gpu::Gpu;
use crate::unet::gpu::{Engine, LARGE};
use crate::unet::{UNet, UNetConfig};
use burn::tensor::Device;
use wasm_bindgen::prelude::*;

/// Compiles the kernels of a network of this configuration on the GPU while its weights are still being fetched.
///
/// # Errors
/// The errors of [`Model.load`](super::Model::load) for the configuration, and failures of the device.
#[wasm_bindgen]
pub async fn prepare(unet_config: String) -> Result<(), JsError> {
    let config = UNetConfig::from_json(&unet_config).map_err(exception)?;
    // That would take too much memory.
    if config.parameter_count() >= LARGE {
        return Ok(());
    }
    let unet = UNet::blank(&config, &Device::flex()).map_err(exception)?;
    let client = Gpu::get().await?.client.clone();
    let engine = Engine::in_single(&unet, client).map_err(exception)?;
    let [h, w] = config.sample_size;
    let x_t = vec![0.0; config.in_channels * h * w];
    let answer = engine.predict(&x_t, &[0.0], None).await;
    answer.map(drop).map_err(exception)
}
