//! L_vlb for training: what a learned variance costs, and which way it should go (Nichol & Dhariwal 2021, section 3.1).
//!
//! The mean is held fixed there, so the bound depends on the network through v alone, the interpolation of eq. 15, one
//! number for each pixel: log sigma^2 = f log beta_t + (1 - f) log beta~_t with f = (v + 1) / 2. The terms and their
//! derivatives come from [`likelihood`](crate::likelihood), on the host in f64: in f32 the KL of two nearly equal variances
//! would lose its digits, and the decoder its tails.

use crate::diffusion::{blend_log_variances, predicted_x_0};
use crate::likelihood::{
    LogVariance, bits_per_dim, bound_variance, decoder_slope, decoder_term, neighbours,
    transition_slope, transition_term,
};
use crate::schedule::{PredictionType, Schedule, ScheduleError};

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
    let alpha_cumprod = step.alpha_cumprod;
    predicted_x_0(
        prediction_type,
        x_t,
        guess.prediction,
        alpha_cumprod,
        &mut x_0_hat,
    );
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
            let by_log_variance =
                transition_slope(truth[i], smallest.ln(), mean[i], log_variances[i]);
            *slope = (scale * by_log_variance) as f32;
        }
        transition_term(&truth, step.posterior_variance(), &mean, all)
    };
    Ok(bits_per_dim(nats, size))
}
