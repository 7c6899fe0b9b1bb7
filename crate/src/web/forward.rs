//! What needs no model: noise, schedules, and the walk forward.

use crate::diffusion;
use crate::noise::{self, NoiseStream};
use crate::schedule::{Schedule, SchedulerConfig};
use js_sys::{Float32Array, Float64Array};
use wasm_bindgen::prelude::*;

use super::{exception, object};

/// The most values that one call makes: 256 MiB of them.
const MAX_VALUES: usize = 1 << 26;

fn checked(values: Option<usize>) -> Result<usize, JsError> {
    values
        .filter(|values| *values <= MAX_VALUES)
        .ok_or_else(|| JsError::new("that is more noise than memory can well hold; ask for less"))
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

/// The tables of a schedule by its name in `scheduler_config.json`: `{ betas, alphasCumprod, logSnr }`.
#[wasm_bindgen(js_name = scheduleOf)]
pub fn schedule_of(beta_schedule: &str, train_timesteps: usize) -> Result<JsValue, JsError> {
    checked(Some(train_timesteps))?;
    let config = SchedulerConfig {
        beta_schedule: beta_schedule
            .parse()
            .map_err(|reason: String| JsError::new(&reason))?,
        num_train_timesteps: train_timesteps,
        ..SchedulerConfig::default()
    };
    tables(&Schedule::new(&config).map_err(exception)?)
}

/// `{ betas, alphasCumprod, logSnr }`, one value for each timestep.
pub(super) fn tables(schedule: &Schedule) -> Result<JsValue, JsError> {
    let log_snr: Vec<f64> = (0..schedule.num_train_timesteps())
        .map(|t| 2.0 * schedule.lambda(t))
        .collect();
    let array = |values: &[f64]| JsValue::from(Float64Array::from(values));
    object([
        ("betas", array(&schedule.betas)),
        ("alphasCumprod", array(&schedule.alphas_cumprod)),
        ("logSnr", array(&log_snr)),
    ])
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

/// `count` walks from one image into noise, side by side, each with its own: q(x_t | x_{t-1}), eq. 2.
#[wasm_bindgen]
pub struct ForwardWalk {
    x_t: Vec<f32>,
    size: usize,
    betas: Vec<f64>,
    t: usize,
    noise: NoiseStream,
    naive: bool,
}

#[wasm_bindgen]
impl ForwardWalk {
    /// At the start: `count` copies of `x_0`. With `naive` the factor sqrt(1 - beta) is left out.
    #[wasm_bindgen(constructor)]
    pub fn new(
        x_0: &[f32],
        count: usize,
        betas: Vec<f64>,
        seed: f64,
        naive: bool,
    ) -> Result<ForwardWalk, JsError> {
        checked(x_0.len().checked_mul(count))?;
        // Checks that every beta is one.
        Schedule::from_betas(betas.clone()).map_err(exception)?;
        Ok(ForwardWalk {
            x_t: x_0.repeat(count),
            size: x_0.len(),
            betas,
            t: 0,
            noise: NoiseStream::new(seed as u64),
            naive,
        })
    }

    /// `steps` more steps, or as many as there are betas left.
    pub fn advance(&mut self, steps: usize) {
        let mut next = vec![0.0; self.x_t.len()];
        for _ in 0..steps {
            let Some(&beta) = self.betas.get(self.t) else {
                return;
            };
            let eps = self.noise.normal(self.x_t.len());
            if self.naive {
                diffusion::naive_forward_step(&self.x_t, &eps, beta, &mut next);
            } else {
                diffusion::forward_step(&self.x_t, &eps, beta, &mut next);
            }
            std::mem::swap(&mut self.x_t, &mut next);
            self.t += 1;
        }
    }

    /// How many steps have been made, 0 to T. After t of them the noise level is that of timestep t - 1.
    #[wasm_bindgen(getter)]
    pub fn t(&self) -> usize {
        self.t
    }

    /// The states, `[count, size]`.
    #[wasm_bindgen(getter)]
    pub fn xt(&self) -> Float32Array {
        Float32Array::from(&self.x_t[..])
    }

    /// The mean over the walks, `[size]`; by eq. 4 it tends to sqrt(abar) x_0.
    #[wasm_bindgen(getter)]
    pub fn mean(&self) -> Float32Array {
        Float32Array::from(&self.moments().0[..])
    }

    /// The standard deviation over the walks, `[size]`; by eq. 4 it tends to sqrt(1 - abar).
    #[wasm_bindgen(getter)]
    pub fn deviation(&self) -> Float32Array {
        Float32Array::from(&self.moments().1[..])
    }
}

impl ForwardWalk {
    fn moments(&self) -> (Vec<f32>, Vec<f32>) {
        let count = (self.x_t.len() / self.size.max(1)) as f64;
        let moments = |pixel: usize| {
            let walks = || self.x_t[pixel..].iter().step_by(self.size);
            let mean = walks().map(|&x| f64::from(x)).sum::<f64>() / count;
            let square = walks().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>();
            (mean as f32, (square / count).sqrt() as f32)
        };
        (0..self.size).map(moments).unzip()
    }
}
