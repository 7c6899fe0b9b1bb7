//! The browser's GPU.

use super::exception;
use crate::unet::gpu::Engine;
use crate::unet::{UNet, UNetConfig};
use burn::tensor::Device as Host;
use cubecl::client::Client;
use cubecl::wgpu::{RuntimeOptions, WebGpu, WgpuDevice, try_init_setup_async};
use cubecl::{Device, MemoryConfiguration};
use std::cell::RefCell;
use wasm_bindgen::prelude::*;

/// Launches that go to the GPU at once: more than a step has, so that a step is one submission.
const TASKS_MAX: usize = 256;

/// Larger networks are not prepared: that would take too much memory.
const MOST_PARAMETERS: u128 = 1 << 24;

/// Compiles the kernels of a network of this configuration on the GPU while its weights are still being fetched.
///
/// # Errors
/// The errors of [`Model.load`](super::Model::load) for the configuration, and failures of the device.
#[wasm_bindgen]
pub async fn prepare(unet_config: String) -> Result<(), JsError> {
    let config = UNetConfig::from_json(&unet_config).map_err(exception)?;
    if config.parameter_count() > MOST_PARAMETERS {
        return Ok(());
    }
    let unet = UNet::blank(&config, &Host::flex()).map_err(exception)?;
    let engine = Engine::new(&unet, Gpu::get().await?.client).map_err(exception)?;
    let [h, w] = config.sample_size;
    let x_t = vec![0.0; config.in_channels * h * w];
    let answer = engine.predict(&x_t, &[0.0], None).await;
    answer.map(drop).map_err(exception)
}

/// The GPU, as CubeCL reaches it.
#[derive(Clone)]
pub(super) struct Gpu {
    pub(super) client: Client,
    /// The adapter's name; empty where the browser does not give it.
    pub(super) adapter: String,
}

impl Gpu {
    /// The browser's GPU, requested once, however many models are loaded.
    pub(super) async fn get() -> Result<Self, JsError> {
        thread_local! {
            static GPU: RefCell<Option<Gpu>> = const { RefCell::new(None) };
        }
        if let Some(gpu) = GPU.with_borrow(Clone::clone) {
            return Ok(gpu);
        }
        let device = WgpuDevice::default();
        let options = RuntimeOptions {
            tasks_max: TASKS_MAX,
            memory_config: MemoryConfiguration::default(),
        };
        let setup = try_init_setup_async::<WebGpu>(&device, options)
            .await
            .map_err(|e| {
                JsError::new(&format!(
                    "WebGPU could not be started ({e}). Try ?device=cpu"
                ))
            })?;
        let gpu = Self {
            client: Device::Wgpu(device).client(),
            adapter: setup.adapter.get_info().name,
        };
        GPU.set(Some(gpu.clone()));
        Ok(gpu)
    }
}
