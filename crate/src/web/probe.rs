//! The check of a device: what the network says to inputs whose answers are known.

use crate::pipeline::GoldenInput;
use js_sys::Float32Array;
use wasm_bindgen::prelude::*;

use super::exception;
use super::model::Model;

#[wasm_bindgen]
impl Model {
    /// The model output for one of the inputs that devices are checked with, 0 to 2. The first is that of golden.json, the
    /// others are at other timesteps.
    pub async fn probe(&self, which: usize) -> Result<Float32Array, JsError> {
        let output = self.pipeline.probe(&self.input(which)?).await;
        Ok(Float32Array::from(&output.map_err(exception)?[..]))
    }

    /// The same as the CPU computes it, wherever this model computes otherwise.
    #[wasm_bindgen(js_name = probeOnCpu)]
    pub fn probe_on_cpu(&self, which: usize) -> Result<Float32Array, JsError> {
        let output = self.pipeline.probe_on_cpu(&self.input(which)?);
        Ok(Float32Array::from(&output.map_err(exception)?[..]))
    }
}

impl Model {
    fn input(&self, which: usize) -> Result<GoldenInput, JsError> {
        let inputs = self.pipeline.probes();
        let none = || JsError::new("devices are checked with three inputs, 0 to 2");
        inputs.get(which).cloned().ok_or_else(none)
    }
}
