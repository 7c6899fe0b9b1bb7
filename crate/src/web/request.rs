//! Reads the options of a chain, a JavaScript object, into [`ChainOptions`].

use crate::chain::{ChainOptions, ChainState, Inpaint, Start};
use js_sys::{Array, Float32Array};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;

use super::given;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** A sampler that walks back; the first one is used where none is named. */
export type BackSampler = "ddpm" | "ddim" | "dpm++" | "euler" | "euler_a" | "heun" | "unipc";
export type Sampler = BackSampler | "ddim_inverse";
export type Spacing = "leading" | "linspace" | "trailing";
/** A state to start from: the network is first evaluated at `timestep`. */
export interface Start {
  /** `[count, channels, h, w]` */
  xt: Float32Array;
  timestep: number;
}
/** RePaint (Lugmayr et al. 2022): a part of the image is kept, and each timestep is visited several times. */
export interface Inpaint {
  /** The image whose pixels are kept, `[channels, h, w]`. */
  x0: Float32Array;
  /** `[h, w]`: 1 keeps the pixel. */
  mask: Float32Array;
  /** How often each timestep is visited. */
  resamplings: number;
}
/** Where a chain was: with its options, all that the rest of the walk depends on. */
export interface Resume {
  /** Steps taken. */
  index: number;
  xt: Float32Array;
  /** x_0-hat of the step before. */
  x0Before: Float32Array;
  /** x_0-hat of the step before that, where there was one. */
  x0TwoBefore?: Float32Array;
}
/** One walk back from noise. */
export interface ChainOptions {
  seed: number;
  /** Images that walk together. */
  count: number;
  /** A class, null for any, or a class for each image. */
  label: number | null | number[];
  /** w of classifier-free guidance; 1, the default, is the plain conditional model. */
  guidanceScale?: number;
  /** 0 to 1: how much of the plain prediction's spread is restored (Lin et al. 2023, section 3.4). */
  guidanceRescale?: number;
  sampler?: Sampler;
  /** How many of the T timesteps are visited. */
  numInferenceSteps: number;
  /** DDIM's share of fresh noise, 0 to 1. */
  eta?: number;
  /** The model's own if missing. */
  spacing?: Spacing;
  /** Starts here instead of in noise. */
  from?: Start;
  /** x_0: the truth takes the network's part, which gives the posterior walk. */
  known?: Float32Array;
  inpaint?: Inpaint;
  /** Continues where a chain with these options was. */
  resume?: Resume;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// [`ChainOptions`] as an object of JavaScript.
    #[wasm_bindgen(typescript_type = "ChainOptions")]
    pub type ChainRequest;
}

fn number(object: &JsValue, key: &str, default: f64) -> Result<f64, JsError> {
    match given(object, key) {
        Some(value) => value
            .as_f64()
            .ok_or_else(|| JsError::new(&format!("{key} must be a number"))),
        None => Ok(default),
    }
}

fn whole(object: &JsValue, key: &str, default: u32) -> Result<usize, JsError> {
    let value = number(object, key, f64::from(default))?;
    if value >= 0.0 && value.fract() == 0.0 && value <= f64::from(u32::MAX) {
        Ok(value as usize)
    } else {
        Err(JsError::new(&format!(
            "{key} is {value}; it must be a whole number"
        )))
    }
}

/// A name out of a fixed list, if one is given.
fn named<T: std::str::FromStr<Err = String>>(
    object: &JsValue,
    key: &str,
) -> Result<Option<T>, JsError> {
    let Some(value) = given(object, key) else {
        return Ok(None);
    };
    let name = value
        .as_string()
        .ok_or_else(|| JsError::new(&format!("{key} must be a name")))?;
    name.parse()
        .map(Some)
        .map_err(|reason: String| JsError::new(&reason))
}

fn values(object: &JsValue, key: &str) -> Result<Vec<f32>, JsError> {
    given(object, key)
        .and_then(|value| {
            value
                .dyn_ref::<Float32Array>()
                .map(|values| values.to_vec())
        })
        .ok_or_else(|| JsError::new(&format!("{key} must be a Float32Array")))
}

/// The known image of a posterior walk, if the request has one.
pub(super) fn known(request: &ChainRequest) -> Result<Option<Vec<f32>>, JsError> {
    given(request, "known")
        .map(|_| values(request, "known"))
        .transpose()
}

/// Where a chain with these options was, if this one continues it.
pub(super) fn resume(request: &ChainRequest) -> Result<Option<ChainState>, JsError> {
    let Some(state) = given(request, "resume") else {
        return Ok(None);
    };
    let known = |key| given(&state, key).map(|_| values(&state, key)).transpose();
    Ok(Some(ChainState {
        index: whole(&state, "index", 0)?,
        x_t: values(&state, "xt")?,
        x_0_before: known("x0Before")?,
        x_0_two_before: known("x0TwoBefore")?,
    }))
}

/// Reads a request; what is absent keeps its default.
pub(super) fn options(request: &ChainRequest) -> Result<ChainOptions, JsError> {
    let defaults = ChainOptions::default();
    let count = whole(request, "count", 1)?;
    let labels = match given(request, "label") {
        None => None,
        Some(value) if value.is_array() => {
            let label = |label: JsValue| {
                label
                    .as_f64()
                    .filter(|label| *label >= 0.0 && label.fract() == 0.0)
                    .map(|label| label as usize)
                    .ok_or_else(|| JsError::new("label must hold whole numbers"))
            };
            Some(
                Array::from(&value)
                    .iter()
                    .map(label)
                    .collect::<Result<_, _>>()?,
            )
        }
        // Not `vec![..; count]`: the chain refuses an absurd count before anything that long is made.
        Some(_) => {
            let label = whole(request, "label", 0)?;
            Some(std::iter::repeat_n(label, count.min(1 << 20)).collect())
        }
    };
    let from = match given(request, "from") {
        None => None,
        Some(from) => Some(Start {
            x_t: values(&from, "xt")?,
            timestep: whole(&from, "timestep", 0)?,
        }),
    };
    let inpaint = match given(request, "inpaint") {
        None => None,
        Some(inpaint) => Some(Inpaint {
            x_0: values(&inpaint, "x0")?,
            mask: values(&inpaint, "mask")?,
            resamplings: whole(&inpaint, "resamplings", 1)?,
        }),
    };
    Ok(ChainOptions {
        seed: whole(request, "seed", 0)? as u64,
        count,
        labels,
        guidance_scale: number(request, "guidanceScale", defaults.guidance_scale)?,
        guidance_rescale: number(request, "guidanceRescale", defaults.guidance_rescale)?,
        sampler: named(request, "sampler")?.unwrap_or(defaults.sampler),
        num_inference_steps: whole(request, "numInferenceSteps", 1000)?,
        eta: number(request, "eta", defaults.eta)?,
        spacing: named(request, "spacing")?,
        from,
        inpaint,
    })
}
