//! Where a module learns: the one thing in which the module for the CPU and the one for WebGPU differ.

use crate::learn::{Beginning, KeptError, LearnError, Learner};
use wasm_bindgen::prelude::*;

#[cfg(not(feature = "web-learn-webgpu"))]
mod device {
    use super::{Beginning, JsError, KeptError, LearnError, Learner};
    pub(in crate::web) use crate::learn::OnCpu as Here;

    /// What the page calls it.
    pub(in crate::web) const KIND: &str = "cpu";

    /// Begins to learn here.
    pub(in crate::web) async fn begin(
        beginning: Beginning,
        seed: u64,
    ) -> Result<Result<Learner<Here>, LearnError>, JsError> {
        Ok(Learner::new(beginning, seed))
    }

    /// Continues from what was kept.
    pub(in crate::web) async fn continued(
        kept: &[u8],
    ) -> Result<Result<Learner<Here>, KeptError>, JsError> {
        Ok(Learner::continued(kept))
    }
}

#[cfg(feature = "web-learn-webgpu")]
mod device {
    use super::{Beginning, JsError, KeptError, LearnError, Learner};
    pub(in crate::web) use crate::learn::OnGpu as Here;
    use crate::web::gpu::Gpu;

    /// What the page calls it.
    pub(in crate::web) const KIND: &str = "webgpu";

    /// Begins to learn here.
    pub(in crate::web) async fn begin(
        beginning: Beginning,
        seed: u64,
    ) -> Result<Result<Learner<Here>, LearnError>, JsError> {
        let client = Gpu::get().await?.client;
        Ok(Learner::on_gpu(beginning, seed, client))
    }

    /// Continues from what was kept.
    pub(in crate::web) async fn continued(
        kept: &[u8],
    ) -> Result<Result<Learner<Here>, KeptError>, JsError> {
        let client = Gpu::get().await?.client;
        Ok(Learner::continued_on_gpu(kept, client))
    }
}

pub(super) use device::{Here, KIND, begin, continued};

/// Compares the GPU with the CPU: a small network and its gradients, whose kernels are those of any network.
///
/// # Errors
/// It computes something else, or fails.
#[cfg(feature = "web-learn-webgpu")]
#[wasm_bindgen(js_name = checkGpu)]
pub async fn check_gpu() -> Result<(), JsError> {
    let client = super::gpu::Gpu::get().await?.client;
    let compared = crate::unet::gpu::check::compare(client).await;
    compared.map_err(|what| JsError::new(&format!("the GPU computes wrong numbers: {what}")))
}

/// An exception with the error's sentence. What a visitor can mend has a name, by which the page sees that no device failed.
pub(super) fn refusal(error: LearnError) -> JsValue {
    let exception = js_sys::Error::new(&error.to_string());
    if matches!(error, LearnError::NoExamples | LearnError::Diverged { .. }) {
        exception.set_name("LearnError");
    }
    exception.into()
}
