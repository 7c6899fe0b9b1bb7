//! The crate as the page sees it: a thin layer of wasm-bindgen over [`Pipeline`] and [`Chain`], without arithmetic.
//!
//! Errors become exceptions with a sentence that a person can act on; nothing panics across this border by design, and
//! what does anyway reaches the console with its message.

use crate::chain::{Chain, ChainOptions, Denoiser, Start};
use crate::pipeline::Pipeline;
use crate::schedule::{Schedule, Spacing};
use burn::tensor::Device;
use js_sys::{Array, Float32Array, Float64Array, Object, Reflect, Uint32Array};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
}

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
export interface ModelInfo {
  device: "webgpu" | "cpu";
  adapter: string;
  parameters: number;
  imageSize: [number, number];
  channels: number;
  classes: string[];
  nullLabel: number | null;
  trainTimesteps: number;
}
export interface ChainRequest {
  seed: number;
  count: number;
  label: number | null | number[];
  guidance?: number;
  sampler?: "ddpm" | "ddim" | "dpm++";
  steps: number;
  eta?: number;
  spacing?: "leading" | "linspace" | "trailing";
  from?: { x: Float32Array; timestep: number };
}
export interface Frame {
  index: number;
  t: number;
  xt: Float32Array;
  x0: Float32Array;
  eps: Float32Array;
  done: boolean;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// What a loaded model is.
    #[wasm_bindgen(typescript_type = "ModelInfo")]
    pub type ModelInfo;
    /// How a chain should walk.
    #[wasm_bindgen(typescript_type = "ChainRequest")]
    pub type ChainRequest;
    /// What one step revealed.
    #[wasm_bindgen(typescript_type = "Frame")]
    pub type Frame;
}

/// An exception with the error's sentence.
fn exception(error: impl std::error::Error) -> JsError {
    JsError::new(&error.to_string())
}

fn object<const N: usize>(entries: [(&str, JsValue); N]) -> Result<JsValue, JsError> {
    let object = Object::new();
    for (key, value) in entries {
        Reflect::set(&object, &key.into(), &value)
            .map_err(|_| JsError::new("a result object is frozen"))?;
    }
    Ok(object.into())
}

/// The device of this build, and what the browser calls it.
#[cfg(feature = "web-webgpu")]
async fn device() -> Result<(Device, &'static str), JsError> {
    use std::cell::OnceCell;
    thread_local! {
        static DEVICE: OnceCell<Device> = const { OnceCell::new() };
    }
    if let Some(device) = DEVICE.with(|cell| cell.get().cloned()) {
        return Ok((device, "webgpu"));
    }
    let device = Device::wgpu_options().init_async().await.map_err(|e| {
        JsError::new(&format!(
            "WebGPU could not be started ({e:?}). Try ?device=cpu"
        ))
    })?;
    DEVICE.with(|cell| cell.get_or_init(|| device.clone()).clone());
    Ok((device, "webgpu"))
}

/// The device of this build, and what the browser calls it.
#[cfg(not(feature = "web-webgpu"))]
async fn device() -> Result<(Device, &'static str), JsError> {
    Ok((Device::flex(), "cpu"))
}

/// A loaded model.
#[wasm_bindgen]
pub struct Model {
    pipeline: Rc<Pipeline>,
    device: &'static str,
}

#[wasm_bindgen]
impl Model {
    /// Builds a model from the contents of its folder: two configurations, `labels.json` if any, and safetensors.
    pub async fn load(
        unet_config: String,
        scheduler_config: String,
        labels: Option<String>,
        weights: Vec<u8>,
    ) -> Result<Model, JsError> {
        let (on, device) = device().await?;
        let pipeline = Pipeline::from_bytes(
            &unet_config,
            &scheduler_config,
            labels.as_deref(),
            &weights,
            &on,
        )
        .map_err(exception)?;
        Ok(Model {
            pipeline: Rc::new(pipeline),
            device,
        })
    }

    /// What the model is: device, parameters, image size, channels, class names.
    #[wasm_bindgen(getter)]
    pub fn info(&self) -> Result<ModelInfo, JsError> {
        let (spec, labels) = (self.pipeline.spec(), self.pipeline.labels());
        let classes: Array = labels
            .names
            .iter()
            .map(|name| JsValue::from_str(name))
            .collect();
        let size = Array::of(&[JsValue::from(spec.height), JsValue::from(spec.width)]);
        Ok(object([
            ("device", self.device.into()),
            ("adapter", "".into()),
            ("parameters", self.pipeline.parameter_count().into()),
            ("imageSize", size.into()),
            ("channels", spec.channels.into()),
            ("classes", classes.into()),
            (
                "nullLabel",
                labels.null.map_or(JsValue::NULL, JsValue::from),
            ),
            (
                "trainTimesteps",
                self.pipeline.scheduler().num_train_timesteps.into(),
            ),
        ])?
        .unchecked_into())
    }

    /// The model output for the fixed input that devices are checked with.
    pub async fn probe(&self) -> Result<Float32Array, JsError> {
        let output = self.pipeline.golden_output().await.map_err(exception)?;
        Ok(Float32Array::from(&output[..]))
    }

    /// The model output for `count` images `x` at one timestep, with one label each if the model takes labels.
    pub async fn predict(
        &self,
        x: Vec<f32>,
        count: usize,
        timestep: usize,
        labels: Option<Vec<u32>>,
    ) -> Result<Float32Array, JsError> {
        let spec = self.pipeline.spec();
        let shape = [count, spec.channels, spec.height, spec.width];
        let labels: Option<Vec<usize>> =
            labels.map(|l| l.into_iter().map(|label| label as usize).collect());
        let fits = x.len() == shape.iter().product::<usize>()
            && labels.as_ref().is_none_or(|l| {
                l.len() == count && l.iter().all(|&l| Some(l) < spec.num_class_embeds)
            });
        if !fits {
            return Err(JsError::new(&format!(
                "predict takes {shape:?} values and {count} labels that the model knows"
            )));
        }
        let output = self
            .pipeline
            .predict(&x, shape, timestep, labels.as_deref())
            .await
            .map_err(exception)?;
        Ok(Float32Array::from(&output[..]))
    }

    /// The schedule: `{ alphasCumprod, betas }`, one value for each timestep.
    pub fn schedule(&self) -> Result<JsValue, JsError> {
        let schedule = Schedule::new(self.pipeline.scheduler()).map_err(exception)?;
        object([
            (
                "alphasCumprod",
                Float64Array::from(&schedule.alphas_cumprod[..]).into(),
            ),
            ("betas", Float64Array::from(&schedule.betas[..]).into()),
        ])
    }

    /// A chain from noise, or from `from`, down to an image.
    pub fn chain(&self, request: &ChainRequest) -> Result<WebChain, JsError> {
        let options = options(request)?;
        let chain = Chain::new(self.pipeline.scheduler(), &self.pipeline.spec(), options)
            .map_err(exception)?;
        let timesteps: Vec<u32> = chain.timesteps().iter().map(|&t| t as u32).collect();
        let shape = chain.shape();
        Ok(WebChain {
            pipeline: self.pipeline.clone(),
            timesteps,
            shape,
            chain: Rc::new(RefCell::new(chain)),
        })
    }
}

/// Reads `ChainRequest`; what is absent keeps its default.
fn options(request: &ChainRequest) -> Result<ChainOptions, JsError> {
    let get = |key: &str| Reflect::get(request, &key.into()).unwrap_or(JsValue::UNDEFINED);
    let given =
        |key: &str| Some(get(key)).filter(|value| !value.is_undefined() && !value.is_null());
    let number = |key: &str, default: f64| match given(key) {
        Some(value) => value
            .as_f64()
            .ok_or_else(|| JsError::new(&format!("{key} must be a number"))),
        None => Ok(default),
    };
    let whole = |key: &str, default: f64| {
        let value = number(key, default)?;
        let fits = value >= 0.0 && value.fract() == 0.0 && value <= f64::from(u32::MAX);
        if fits {
            Ok(value as usize)
        } else {
            Err(JsError::new(&format!(
                "{key} is {value}; it must be a whole number"
            )))
        }
    };
    let text = |key: &str| given(key).and_then(|value| value.as_string());
    let defaults = ChainOptions::default();
    let count = whole("count", 1.0)?;
    let labels = match given("label") {
        None => None,
        Some(value) if value.is_array() => Some(
            Array::from(&value)
                .iter()
                .map(|label| {
                    label
                        .as_f64()
                        .map(|label| label as usize)
                        .ok_or_else(|| JsError::new("label must hold numbers"))
                })
                .collect::<Result<Vec<_>, _>>()?,
        ),
        Some(_) => Some(vec![whole("label", 0.0)?; count]),
    };
    let from = match given("from") {
        None => None,
        Some(from) => {
            let x = Reflect::get(&from, &"x".into()).unwrap_or(JsValue::UNDEFINED);
            let timestep = Reflect::get(&from, &"timestep".into())
                .ok()
                .and_then(|t| t.as_f64());
            let (Some(x), Some(timestep)) = (x.dyn_ref::<Float32Array>(), timestep) else {
                return Err(JsError::new(
                    "from must be { x: Float32Array, timestep: number }",
                ));
            };
            Some(Start {
                x: x.to_vec(),
                timestep: timestep as usize,
            })
        }
    };
    Ok(ChainOptions {
        seed: whole("seed", 0.0)? as u64,
        count,
        labels,
        guidance_scale: number("guidance", defaults.guidance_scale)?,
        guidance_rescale: number("guidanceRescale", defaults.guidance_rescale)?,
        sampler: match text("sampler") {
            Some(name) => name
                .parse()
                .map_err(|reason: String| JsError::new(&reason))?,
            None => defaults.sampler,
        },
        num_inference_steps: whole("steps", 1000.0)?,
        eta: number("eta", defaults.eta)?,
        spacing: match text("spacing") {
            Some(name) => Some(
                name.parse::<Spacing>()
                    .map_err(|reason| JsError::new(&reason))?,
            ),
            None => None,
        },
        from,
    })
}

/// A chain in the middle of its walk.
#[wasm_bindgen(js_name = Chain)]
pub struct WebChain {
    pipeline: Rc<Pipeline>,
    timesteps: Vec<u32>,
    shape: [usize; 4],
    chain: Rc<RefCell<Chain>>,
}

#[wasm_bindgen(js_class = Chain)]
impl WebChain {
    /// The timesteps that the network is evaluated at, first to last.
    #[wasm_bindgen(getter)]
    pub fn timesteps(&self) -> Uint32Array {
        Uint32Array::from(&self.timesteps[..])
    }

    /// `[count, channels, h, w]`.
    #[wasm_bindgen(getter)]
    pub fn shape(&self) -> Vec<u32> {
        self.shape.iter().map(|&side| side as u32).collect()
    }

    /// The current state, row-major.
    #[wasm_bindgen(getter)]
    pub fn xt(&self) -> Result<Float32Array, JsError> {
        let chain = self.chain.try_borrow().map_err(|_| busy())?;
        Ok(Float32Array::from(chain.x_t()))
    }

    /// One reverse step: the network once, the sampler's arithmetic, and what was learned on the way.
    ///
    /// Steps of one chain do not overlap: a call before the last one has answered is refused.
    #[allow(clippy::await_holding_refcell_ref)] // The borrow is the lock; `try_borrow_mut` refuses the second caller.
    pub async fn step(&self) -> Result<Frame, JsError> {
        let (chain, pipeline) = (self.chain.clone(), self.pipeline.clone());
        let mut chain = chain.try_borrow_mut().map_err(|_| busy())?;
        let step = chain.step(pipeline.as_ref()).await.map_err(exception)?;
        Ok(object([
            ("index", step.index.into()),
            ("t", step.timestep.into()),
            ("xt", Float32Array::from(&step.x_t[..]).into()),
            ("x0", Float32Array::from(&step.x_0[..]).into()),
            ("eps", Float32Array::from(&step.eps[..]).into()),
            ("done", step.done.into()),
        ])?
        .unchecked_into())
    }
}

fn busy() -> JsError {
    JsError::new("this chain is still in its last step; wait for it before the next")
}
