//! Flow matching as a schedule (Lipman et al. 2022, arXiv 2210.02747; Liu et al. 2022, arXiv 2209.03003).
//!
//! ```text
//! z = (1 - s) x_0 + s eps     v = dz/ds = eps - x_0     s = (t + 1) / T
//! ```
//!
//! Divided by sqrt((1 - s)^2 + s^2), z is an x_t of eq. 4. So a flow has an abar_t like any other chain, and every sampler
//! walks it; only the network is given z, and a time that counts from 1.

use super::PredictionType;

/// s, the share of noise, at a timestep that may lie between two: (t + 1) / T.
pub(crate) fn share_of_noise(timestep: f64, num_train_timesteps: usize) -> f64 {
    (timestep + 1.0) / num_train_timesteps as f64
}

/// z for each unit of x_t: sqrt((1 - s)^2 + s^2).
pub(crate) fn scale(s: f64) -> f64 {
    (1.0 - s).hypot(s)
}

/// The betas whose abar_t is that of the flow: (1 - s)^2 / ((1 - s)^2 + s^2). The last is 1.
pub(super) fn betas(num_train_timesteps: usize) -> Vec<f64> {
    let alpha_cumprod = |count: usize| {
        let s = count as f64 / num_train_timesteps as f64;
        ((1.0 - s) / scale(s)).powi(2)
    };
    (0..num_train_timesteps)
        .map(|t| 1.0 - alpha_cumprod(t + 1) / alpha_cumprod(t))
        .collect()
}

/// s moved towards noise, for images with more pixels than those of the schedule: shift s / (1 + (shift - 1) s)
/// (Esser et al. 2024, arXiv 2403.03206, eq. 23).
pub(crate) fn shifted(s: f64, shift: f64) -> f64 {
    shift * s / (1.0 + (shift - 1.0) * s)
}

/// What the network is given at a time between 0 and T - 1, for each unit of x_t, and when: both as they are, but in flow
/// matching, which scales x_t and counts times from 1.
pub(crate) fn given(
    (prediction_type, num_train_timesteps): (PredictionType, usize),
    time: f32,
) -> (f64, f32) {
    if prediction_type != PredictionType::Flow {
        return (1.0, time);
    }
    let s = share_of_noise(time.into(), num_train_timesteps);
    (scale(s), time + 1.0)
}
