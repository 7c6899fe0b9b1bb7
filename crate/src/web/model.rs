//! A loaded model: what it is, one evaluation, a chain, and the terms of the bound.

use crate::chain::{Chain, Denoiser, InBatches, KnownImage, labels_of};
use crate::denoiser::{Leg, Reached};
use crate::likelihood::{Terms, bits_per_dim};
use crate::model_index;
use crate::noise::NoiseStream;
use crate::pipeline::{Pipeline, PipelineError};
use crate::sampler::{Prediction, StepInput};
use crate::schedule::{Schedule, SchedulerConfig};
use crate::weights::{self, Weights};
use burn::tensor::Device;
use js_sys::{Array, Float32Array, Uint8Array};
use std::cell::Cell;
use std::num::NonZeroUsize;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::chain::{Guide, WebChain};
use super::elsewhere::Elsewhere;
use super::forward::{ScheduleCurves, tables};
use super::request::{self, ChainRequest};
use super::{exception, object};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
export type Device = "webgpu" | "cpu";
/** What the network was trained to put out. */
export type PredictionType = "epsilon" | "sample" | "v_prediction" | "flow";
/** What a loaded model is. */
export interface ModelInfo {
  device: Device;
  /** The GPU's name; "" on the CPU and where the browser keeps it to itself. */
  adapter: string;
  parameters: number;
  /** What was chosen among several things in its files, in sentences. */
  notes: string[];
  /** Height and width. */
  imageSize: [number, number];
  channels: number;
  /** Names by label; [] if the model is unconditional. The null label has one if it stands between classes. */
  classes: string[];
  /** The label that stands for "any"; null if the model has none. */
  nullLabel: number | null;
  /** T, the steps of the noise schedule. */
  trainTimesteps: number;
  predictionType: PredictionType;
}
/** One evaluation of the network, read in three ways: `[count, channels, h, w]` each. */
export interface Denoised {
  /** Whatever the model predicts. */
  output: Float32Array;
  /** x_0-hat, clipped as the scheduler says. */
  x0: Float32Array;
  /** eps-hat. */
  eps: Float32Array;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// What a loaded model is.
    #[wasm_bindgen(typescript_type = "ModelInfo")]
    pub type ModelInfo;
    /// One evaluation of the network, read.
    #[wasm_bindgen(typescript_type = "Denoised")]
    pub type Denoised;
}

/// Where a model computes, and what to call it.
#[derive(Clone)]
struct Computer {
    /// `webgpu` or `cpu`.
    kind: &'static str,
    /// The GPU's name, if the browser gives it; empty on the CPU.
    adapter: String,
}

impl Computer {
    /// Lets the GPU evaluate the network of `pipeline`.
    #[cfg(feature = "web-webgpu")]
    async fn of(pipeline: &mut Pipeline, in_single: bool) -> Result<Self, JsError> {
        let gpu = super::gpu::Gpu::get().await?;
        let client = gpu.client.clone();
        let taken = match in_single {
            true => pipeline.compute_in_single(client),
            false => pipeline.compute_on(client),
        };
        taken.map_err(exception)?;
        Ok(Self {
            kind: "webgpu",
            adapter: gpu.adapter,
        })
    }

    /// The CPU.
    #[cfg(not(feature = "web-webgpu"))]
    async fn of(_: &mut Pipeline, _: bool) -> Result<Self, JsError> {
        Ok(Self {
            kind: "cpu",
            adapter: String::new(),
        })
    }
}

/// The network of a model, which evaluates as many images at once as its memory holds.
#[derive(Clone)]
pub(super) struct Network {
    pipeline: Rc<Pipeline>,
    /// The largest batch; one number for the model and all its chains.
    at_most: Rc<Cell<NonZeroUsize>>,
}

impl Denoiser for Network {
    type Error = PipelineError;

    async fn predict(
        &self,
        x_t: &[f32],
        shape: [usize; 4],
        timestep: usize,
        labels: Option<&[usize]>,
    ) -> Result<Vec<f32>, PipelineError> {
        self.predict_at(x_t, shape, timestep as f32, labels).await
    }

    async fn predict_at(
        &self,
        x_t: &[f32],
        shape: [usize; 4],
        time: f32,
        labels: Option<&[usize]>,
    ) -> Result<Vec<f32>, PipelineError> {
        let (model, at_most) = (self.pipeline.as_ref(), self.at_most.get());
        let model = InBatches { model, at_most };
        model.predict_at(x_t, shape, time, labels).await
    }

    async fn walk(&self, leg: Leg<'_>) -> Result<Option<Reached>, PipelineError> {
        let (model, at_most) = (self.pipeline.as_ref(), self.at_most.get());
        InBatches { model, at_most }.walk(leg).await
    }
}

/// Refuses a `model_index.json` of more than a U-Net and a scheduler, before the weights are fetched.
#[wasm_bindgen(js_name = checkModelIndex)]
pub fn check_model_index(json: &str) -> Result<(), JsError> {
    model_index::check(json).map_err(|error| JsError::new(&format!("model_index.json: {error}")))
}

/// A loaded model.
#[wasm_bindgen]
pub struct Model {
    pub(super) pipeline: Rc<Pipeline>,
    network: Network,
    computer: Computer,
    /// What was chosen among several things in its files.
    notes: Vec<String>,
}

#[wasm_bindgen]
impl Model {
    /// Builds a model from the contents of its folder: two configurations, `labels.json` if any, and the file of the weights,
    /// or those that they are split into. `in_single`: in a GPU's memory they are float32, also where it has float16.
    pub async fn load(
        unet_config: String,
        scheduler_config: String,
        labels: Option<String>,
        weights: Vec<Uint8Array>,
        in_single: Option<bool>,
    ) -> Result<Model, JsError> {
        let weights = weights.into_iter().map(Elsewhere).collect();
        let read = weights::read(weights).map_err(exception)?;
        let Weights {
            safetensors,
            mut notes,
        } = read;
        notes.extend(SchedulerConfig::notes(&scheduler_config));
        let mut pipeline = Pipeline::read(
            &unet_config,
            &scheduler_config,
            labels.as_deref(),
            &safetensors,
            &Device::flex(),
        )
        .map_err(exception)?;
        // The memory of wasm never shrinks, so what is kept longer than needed is paid for.
        drop(safetensors);
        let computer = Computer::of(&mut pipeline, in_single.unwrap_or(false)).await?;
        Ok(Model::new(Rc::new(pipeline), computer, notes))
    }

    /// From now on the network evaluates no more than `images` at once, for this model and its chains.
    #[wasm_bindgen(js_name = askAtMost)]
    pub fn ask_at_most(&self, images: usize) -> Result<(), JsError> {
        let images = NonZeroUsize::new(images)
            .ok_or_else(|| JsError::new("the network needs at least one image"))?;
        let most = self.pipeline.most_images();
        self.network.at_most.set(images.min(most));
        Ok(())
    }

    /// Whether a GPU's memory holds the parameters in float16.
    #[wasm_bindgen(getter, js_name = inHalf)]
    pub fn in_half(&self) -> bool {
        self.pipeline.is_in_half()
    }

    /// What the model is: device, parameters, image size, channels, class names.
    #[wasm_bindgen(getter)]
    pub fn info(&self) -> Result<ModelInfo, JsError> {
        let (spec, labels) = (self.pipeline.spec(), self.pipeline.labels());
        let scheduler = self.pipeline.scheduler();
        let names = labels.names.iter().map(|name| JsValue::from_str(name));
        let notes = self.notes.iter().map(|note| JsValue::from_str(note));
        let size = Array::of(&[JsValue::from(spec.height), JsValue::from(spec.width)]);
        let null_label = labels.null.map_or(JsValue::NULL, JsValue::from);
        let prediction_type = scheduler.prediction_type.to_string();
        Ok(object([
            ("device", self.computer.kind.into()),
            ("adapter", self.computer.adapter.as_str().into()),
            ("parameters", self.pipeline.parameter_count().into()),
            ("notes", notes.collect::<Array>().into()),
            ("imageSize", size.into()),
            ("channels", spec.channels.into()),
            ("classes", names.collect::<Array>().into()),
            ("nullLabel", null_label),
            ("trainTimesteps", scheduler.num_train_timesteps.into()),
            ("predictionType", prediction_type.into()),
        ])?
        .unchecked_into())
    }

    /// The model output for `count` images `x` at one timestep, with one label each if the model takes labels.
    pub async fn predict(
        &self,
        x: Vec<f32>,
        count: usize,
        timestep: usize,
        labels: Option<Vec<u32>>,
    ) -> Result<Float32Array, JsError> {
        let output = self.output(&x, count, timestep, labels).await?;
        Ok(Float32Array::from(&output[..]))
    }

    /// The same, read as x_0-hat (clipped as the scheduler says) and eps-hat, whatever the model predicts.
    pub async fn denoise(
        &self,
        x: Vec<f32>,
        count: usize,
        timestep: usize,
        labels: Option<Vec<u32>>,
    ) -> Result<Denoised, JsError> {
        let scheduler = self.pipeline.scheduler();
        let schedule = Schedule::new(scheduler).map_err(exception)?;
        let alpha_cumprod = schedule.alpha_cumprod(Some(timestep)).map_err(exception)?;
        let output = self.output(&x, count, timestep, labels).await?;
        let input = StepInput {
            count,
            x_t: &x,
            model_output: &output,
            noise: None,
            x_0_before: None,
            x_0_two_before: None,
        };
        let read =
            Prediction::read(scheduler, &input, timestep, alpha_cumprod).map_err(exception)?;
        let array = |values: &[f32]| JsValue::from(Float32Array::from(values));
        Ok(object([
            ("output", array(&output)),
            ("x0", array(&read.x_0)),
            ("eps", array(&read.eps)),
        ])?
        .unchecked_into())
    }

    /// One term of the variational bound for one image, bits/dim: L_0 at timestep 0, else L_{t-1}, with the noise that
    /// `seed` gives.
    #[wasm_bindgen(js_name = boundTerm)]
    pub async fn bound_term(
        &self,
        x_0: Vec<f32>,
        timestep: usize,
        label: Option<u32>,
        seed: f64,
    ) -> Result<f64, JsError> {
        let terms = Terms::new(self.pipeline.scheduler()).map_err(exception)?;
        let eps = NoiseStream::new(seed as u64).normal(x_0.len());
        let x_t = terms.noised(&x_0, &eps, timestep).map_err(exception)?;
        let labels = label.map(|label| vec![label]);
        let output = self.output(&x_t, 1, timestep, labels).await?;
        let nats = terms
            .nats(&x_0, &x_t, &output, timestep)
            .map_err(exception)?;
        Ok(bits_per_dim(nats, x_0.len()))
    }

    /// L_T of the bound for one image, bits/dim: nothing in it can be trained.
    #[wasm_bindgen(js_name = priorTerm)]
    pub fn prior_term(&self, x_0: &[f32]) -> Result<f64, JsError> {
        let terms = Terms::new(self.pipeline.scheduler()).map_err(exception)?;
        Ok(bits_per_dim(terms.prior_nats(x_0), x_0.len()))
    }

    /// The schedule that the model was trained with.
    pub fn schedule(&self) -> Result<ScheduleCurves, JsError> {
        tables(&Schedule::new(self.pipeline.scheduler()).map_err(exception)?)
    }

    /// A chain from noise, or from `from`, down to an image; with `known`, the posterior walk to that image.
    pub fn chain(&self, request: &ChainRequest) -> Result<WebChain, JsError> {
        let (scheduler, spec) = (self.pipeline.scheduler(), self.pipeline.spec());
        let options = request::options(request)?;
        let (chain, guide) = match request::known(request)? {
            Some(x_0) => {
                let (chain, known) =
                    KnownImage::chain(scheduler, &spec, options, x_0).map_err(exception)?;
                (chain, Guide::Known(Rc::new(known)))
            }
            None => {
                let chain = Chain::new(scheduler, &spec, options).map_err(exception)?;
                (chain, Guide::Network(self.network.clone()))
            }
        };
        let chain = match request::resume(request)? {
            Some(state) => chain.resume(state).map_err(exception)?,
            None => chain,
        };
        Ok(WebChain::new(chain, guide))
    }
}

impl Model {
    fn new(pipeline: Rc<Pipeline>, computer: Computer, notes: Vec<String>) -> Self {
        Model {
            network: Network {
                at_most: Rc::new(Cell::new(pipeline.most_images())),
                pipeline: pipeline.clone(),
            },
            pipeline,
            computer,
            notes,
        }
    }

    /// A model that is in memory already, where it computes.
    #[cfg(feature = "web-learn")]
    pub(super) fn of(pipeline: Rc<Pipeline>, kind: &'static str) -> Self {
        let adapter = String::new();
        Self::new(pipeline, Computer { kind, adapter }, Vec::new())
    }

    /// The labels as the network takes them, if images, timestep and labels are valid.
    pub(super) fn check(
        &self,
        x: &[f32],
        count: usize,
        timestep: usize,
        labels: Option<Vec<u32>>,
    ) -> Result<Option<Vec<usize>>, JsError> {
        let spec = self.pipeline.spec();
        let shape = [count, spec.channels, spec.height, spec.width];
        let expected = shape
            .iter()
            .try_fold(1_usize, |n, &side| n.checked_mul(side));
        if Some(x.len()) != expected || x.is_empty() {
            let found = x.len();
            return Err(JsError::new(&format!(
                "the network takes images of shape {shape:?}, not {found} values"
            )));
        }
        if timestep >= self.pipeline.scheduler().num_train_timesteps {
            return Err(JsError::new(&format!(
                "timestep {timestep} is outside the chain"
            )));
        }
        let labels: Option<Vec<usize>> =
            labels.map(|labels| labels.into_iter().map(|label| label as usize).collect());
        labels_of(&spec, labels.as_deref(), count).map_err(exception)
    }

    async fn output(
        &self,
        x: &[f32],
        count: usize,
        timestep: usize,
        labels: Option<Vec<u32>>,
    ) -> Result<Vec<f32>, JsError> {
        let labels = self.check(x, count, timestep, labels)?;
        let spec = self.pipeline.spec();
        let shape = [count, spec.channels, spec.height, spec.width];
        let output = self
            .network
            .predict(x, shape, timestep, labels.as_deref())
            .await
            .map_err(exception)?;
        match output.iter().find(|value| !value.is_finite()) {
            None => Ok(output),
            Some(value) => Err(JsError::new(&format!(
                "the network returned {value} at timestep {timestep}; the cause is the model's \
                 weights or the device"
            ))),
        }
    }
}
