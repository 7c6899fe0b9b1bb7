//! L_vlb for training: what a learned variance costs, and which way it should go (Nichol & Dhariwal 2021, section 3.1).
//!
//! The mean is held fixed there, so the bound depends on the network through v alone, the interpolation of eq. 15, one
//! number for each pixel. Its derivative by v is known in closed form. Both are computed on the host in f64, with the terms
//! of [`likelihood`](crate::likelihood): in f32 the KL of two nearly equal variances would lose its digits, and the decoder
//! its tails.
//!
//! ```text
//! log sigma^2 = f log beta_t + (1 - f) log beta~_t           f = (v + 1) / 2
//! KL          = (exp(r) - 1 - r + d^2 / sigma^2) / 2         r = log beta~_t - log sigma^2, d = mu~_t - mu
//! dKL / dlog sigma^2    = -(exp(r) - 1 + d^2 / sigma^2) / 2
//! L_0         = -log (Phi(b) - Phi(a))                       a, b = (x_0 - mu -+ 1/255) / sigma
//! dL_0 / dlog sigma^2   = (b phi(b) - a phi(a)) / (Phi(b) - Phi(a)) / 2
//! ```

use crate::diffusion::{blend_log_variances, predicted_x_0};
use crate::likelihood::{
    LogVariance, bits_per_dim, bound_variance, decoder_term, neighbours, transition_term,
};
use crate::schedule::{PredictionType, Schedule, ScheduleError};
use std::f64::consts::PI;

/// One image and what the network made of it; all slices have one length, images are in [-1, 1].
#[derive(Debug, Clone, Copy)]
pub struct Guess<'a> {
    /// The clean image.
    pub x_0: &'a [f32],
    /// The noised one.
    pub x_t: &'a [f32],
    /// How much, counted from 0.
    pub timestep: usize,
    /// The first half of the network's channels.
    pub prediction: &'a [f32],
    /// The second half, -1 (beta~) to 1 (beta) and beyond.
    pub v: &'a [f32],
}

/// The term of the bound that belongs to the timestep, in bits per dimension; its derivative by each v goes to `slope`.
///
/// # Errors
/// The timestep is not in the schedule.
///
/// # Panics
/// Slices must have one length.
pub fn bound_term(
    schedule: &Schedule,
    prediction_type: PredictionType,
    guess: Guess<'_>,
    slope: &mut [f32],
) -> Result<f64, ScheduleError> {
    let Guess { x_0, x_t, v, .. } = guess;
    let size = x_0.len();
    assert_eq!(slope.len(), v.len(), "one slope for each v");
    let step = neighbours(schedule, guess.timestep)?;
    let mut x_0_hat = vec![0.0; size];
    let abar = step.alpha_cumprod;
    predicted_x_0(prediction_type, x_t, guess.prediction, abar, &mut x_0_hat);
    let mut mean = vec![0.0; size];
    step.posterior_mean(&x_0_hat, x_t, &mut mean);

    // beta~ is 0 at timestep 0; the next one stands in, as everywhere in the bound.
    let smallest = bound_variance(schedule, guess.timestep)?;
    let range = step.beta().ln() - smallest.ln();
    let log_variances: Vec<f64> = v
        .iter()
        .map(|&v| blend_log_variances(f64::from(v), smallest, step.beta()))
        .collect();
    let all = LogVariance::Each(&log_variances);

    // By the log variance; half the range more by v. The mean of all dimensions, in bits.
    let scale = bits_per_dim(range / 2.0, size);
    let nats = if guess.timestep == 0 {
        for (i, slope) in slope.iter_mut().enumerate() {
            *slope = (scale * decoder_slope(x_0[i], mean[i], log_variances[i])) as f32;
        }
        decoder_term(x_0, &mean, all)
    } else {
        let mut truth = vec![0.0; size];
        step.posterior_mean(x_0, x_t, &mut truth);
        for (i, slope) in slope.iter_mut().enumerate() {
            let ratio = (smallest.ln() - log_variances[i]).exp_m1();
            let distance = (f64::from(truth[i]) - f64::from(mean[i])).powi(2);
            *slope = (-scale * 0.5 * (ratio + distance * (-log_variances[i]).exp())) as f32;
        }
        transition_term(&truth, step.posterior_variance(), &mean, all)
    };
    Ok(bits_per_dim(nats, size))
}

/// The derivative of [`decoder_term`] for one value by its log variance.
fn decoder_slope(x_0: f32, mean: f32, log_variance: f64) -> f64 {
    // log (Phi(b) - Phi(a)) keeps its digits where the difference itself is 0.
    let log_probability = -decoder_term(&[x_0], &[mean], LogVariance::Same(log_variance));
    let centred = f64::from(x_0) - f64::from(mean);
    let edge = |offset: f64| {
        let z = (centred + offset) * (-0.5 * log_variance).exp();
        z * (-0.5 * z * z - 0.5 * (2.0 * PI).ln() - log_probability).exp()
    };
    // The first and the last bin reach to infinity, where z phi(z) is 0.
    let below = if x_0 < -0.999 {
        0.0
    } else {
        edge(-1.0 / 255.0)
    };
    let above = if x_0 > 0.999 { 0.0 } else { edge(1.0 / 255.0) };
    0.5 * (above - below)
}
