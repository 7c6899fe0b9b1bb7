//! What needs no model: noise, schedules, and the walk forward.

use crate::chain::MAX_VALUES;
use crate::diffusion;
use crate::forward::ForwardWalk;
use crate::noise::{self, NoiseStream};
use crate::schedule::{Schedule, SchedulerConfig};
use js_sys::{Float32Array, Float64Array};
use wasm_bindgen::prelude::*;

use super::{exception, object};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** The names of `scheduler_config.json`; Nichol & Dhariwal's cosine schedule is squaredcos_cap_v2. */
export type BetaSchedule = "linear" | "scaled_linear" | "squaredcos_cap_v2" | "sigmoid";
/** A noise schedule, one value for each timestep 0 to T - 1. */
export interface ScheduleCurves {
  betas: Float64Array;
  /** abar. */
  alphasCumprod: Float64Array;
  /** ln(abar / (1 - abar)). */
  logSnr: Float64Array;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// The tables of a schedule.
    #[wasm_bindgen(typescript_type = "ScheduleCurves")]
    pub type ScheduleCurves;
    /// The name of a schedule.
    #[wasm_bindgen(typescript_type = "BetaSchedule")]
    pub type BetaSchedule;
}

fn checked(values: Option<usize>) -> Result<usize, JsError> {
    values
        .filter(|values| *values <= MAX_VALUES)
        .ok_or_else(|| JsError::new("that much noise does not fit into memory; ask for less"))
}

fn same_length(a: &[f32], b: &[f32]) -> Result<(), JsError> {
    if a.len() == b.len() {
        return Ok(());
    }
    Err(JsError::new(&format!(
        "images of one size are needed; these have {} and {} values",
        a.len(),
        b.len()
    )))
}

/// The first `draws` draws of `size` normal values from the stream of a seed, one after another. Draw 0 is the x_T of a
/// chain with that seed.
#[wasm_bindgen]
pub fn noise(seed: f64, draws: usize, size: usize) -> Result<Float32Array, JsError> {
    checked(draws.checked_mul(size))?;
    let mut stream = NoiseStream::new(seed as u64);
    let values: Vec<f32> = (0..draws).flat_map(|_| stream.normal(size)).collect();
    Ok(Float32Array::from(&values[..]))
}

/// The tables of a schedule by its name.
#[wasm_bindgen(js_name = scheduleOf)]
pub fn schedule_of(
    beta_schedule: &BetaSchedule,
    train_timesteps: usize,
) -> Result<ScheduleCurves, JsError> {
    checked(Some(train_timesteps))?;
    let beta_schedule = beta_schedule.as_string().unwrap_or_default();
    let config = SchedulerConfig {
        beta_schedule: beta_schedule
            .parse()
            .map_err(|reason: String| JsError::new(&reason))?,
        num_train_timesteps: train_timesteps,
        ..SchedulerConfig::default()
    };
    tables(&Schedule::new(&config).map_err(exception)?)
}

pub(super) fn tables(schedule: &Schedule) -> Result<ScheduleCurves, JsError> {
    let log_snr: Vec<f64> = (0..schedule.num_train_timesteps())
        .map(|t| schedule.log_snr(t))
        .collect();
    let array = |values: &[f64]| JsValue::from(Float64Array::from(values));
    Ok(object([
        ("betas", array(&schedule.betas)),
        ("alphasCumprod", array(&schedule.alphas_cumprod)),
        ("logSnr", array(&log_snr)),
    ])?
    .unchecked_into())
}

/// x_t of x_0 and eps (Ho et al. 2020, eq. 4).
#[wasm_bindgen(js_name = addNoise)]
pub fn add_noise(x_0: &[f32], eps: &[f32], alpha_cumprod: f64) -> Result<Float32Array, JsError> {
    same_length(x_0, eps)?;
    let mut x_t = vec![0.0; x_0.len()];
    diffusion::add_noise(x_0, eps, alpha_cumprod, &mut x_t);
    Ok(Float32Array::from(&x_t[..]))
}

/// x_0 of x_t and eps, not clipped: eq. 4 solved for x_0.
#[wasm_bindgen(js_name = removeNoise)]
pub fn remove_noise(x_t: &[f32], eps: &[f32], alpha_cumprod: f64) -> Result<Float32Array, JsError> {
    same_length(x_t, eps)?;
    let mut x_0 = vec![0.0; x_t.len()];
    diffusion::x_0_from_eps(x_t, eps, alpha_cumprod, &mut x_0);
    Ok(Float32Array::from(&x_0[..]))
}

/// Spherical interpolation between two noises, `share` from 0 to 1.
#[wasm_bindgen]
pub fn slerp(from: &[f32], to: &[f32], share: f64) -> Result<Float32Array, JsError> {
    same_length(from, to)?;
    Ok(Float32Array::from(&noise::slerp(from, to, share)[..]))
}

/// `count` walks from one image into noise, each with its own noise.
#[wasm_bindgen(js_name = ForwardWalk)]
pub struct WebForwardWalk(ForwardWalk);

#[wasm_bindgen(js_class = ForwardWalk)]
impl WebForwardWalk {
    /// `count` copies of `x_0`, before the first step. With `naive` the factor sqrt(1 - beta) is left out.
    #[wasm_bindgen(constructor)]
    pub fn new(
        x_0: &[f32],
        count: usize,
        betas: Vec<f64>,
        seed: f64,
        naive: bool,
    ) -> Result<Self, JsError> {
        checked(x_0.len().checked_mul(count))?;
        let walk = ForwardWalk::new(x_0, count, betas, seed as u64, naive).map_err(exception)?;
        Ok(Self(walk))
    }

    /// Makes `steps` more steps, or as many as there are betas left.
    pub fn advance(&mut self, steps: usize) {
        self.0.advance(steps);
    }

    /// How many steps have been made, 0 to T. After t of them the noise level is that of timestep t - 1.
    #[wasm_bindgen(getter)]
    pub fn t(&self) -> usize {
        self.0.t()
    }

    /// The states, `[count, size]`.
    #[wasm_bindgen(getter)]
    pub fn xt(&self) -> Float32Array {
        Float32Array::from(self.0.x_t())
    }

    /// The mean over the walks, `[size]`; by eq. 4 it tends to sqrt(abar) x_0.
    #[wasm_bindgen(getter)]
    pub fn mean(&self) -> Float32Array {
        Float32Array::from(&self.0.moments().0[..])
    }

    /// The standard deviation over the walks, `[size]`; by eq. 4 it tends to sqrt(1 - abar).
    #[wasm_bindgen(getter)]
    pub fn deviation(&self) -> Float32Array {
        Float32Array::from(&self.0.moments().1[..])
    }
}
