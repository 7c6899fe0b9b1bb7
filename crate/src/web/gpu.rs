//! The browser's GPU.

use burn_wgpu::graphics::WebGpu;
use burn_wgpu::{MemoryConfiguration, RuntimeOptions, WgpuDevice, try_init_setup_async};
use cubecl::Device;
use cubecl::client::Client;
use std::cell::RefCell;
use wasm_bindgen::prelude::*;

/// Launches that go to the GPU at once: more than a step has, so that a step is one submission.
const TASKS_MAX: usize = if cfg!(feature = "web-learn") {
    1024
} else {
    256
};

/// The GPU, as CubeCL reaches it.
#[derive(Clone)]
pub(super) struct Gpu {
    /// What computes on it: until the module ends, so that whoever waits for an answer may hold it.
    pub(super) client: &'static Client,
    /// The adapter's name; empty where the browser does not give it.
    #[cfg_attr(
        not(feature = "web-webgpu"),
        allow(dead_code, reason = "the module that learns does not say it")
    )]
    pub(super) adapter: String,
}

impl Gpu {
    /// The browser's GPU, requested once, however many models are loaded. CubeCL asks for every limit that the adapter has, so
    /// that buffers and bindings may be as large as it allows.
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
            client: Box::leak(Box::new(Device::Wgpu(device).client())),
            adapter: setup.adapter.get_info().name,
        };
        GPU.set(Some(gpu.clone()));
        Ok(gpu)
    }
}
