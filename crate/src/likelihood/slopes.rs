//! Derivatives of the terms by the log of the model's variance, for one value: what a learned variance is trained with.
//!
//! ```text
//! KL                    = (exp(r) - 1 - r + d^2 / sigma^2) / 2    r = log beta~_t - log sigma^2, d = mu~_t - mu
//! dKL / dlog sigma^2    = -(exp(r) - 1 + d^2 / sigma^2) / 2
//! L_0                   = -log (Phi(b) - Phi(a))                  a, b = (x_0 - mu -+ 1/255) / sigma
//! dL_0 / dlog sigma^2   = (b phi(b) - a phi(a)) / (Phi(b) - Phi(a)) / 2
//! ```

use super::{LogVariance, decoder_term};
use std::f64::consts::PI;

/// The derivative of [`transition_term`](super::transition_term) for one value by its log variance.
pub fn transition_slope(
    posterior_mean: f32,
    posterior_log_variance: f64,
    mean: f32,
    log_variance: f64,
) -> f64 {
    let ratio = (posterior_log_variance - log_variance).exp_m1();
    let distance = (f64::from(posterior_mean) - f64::from(mean)).powi(2);
    -0.5 * (ratio + distance * (-log_variance).exp())
}

/// The derivative of [`decoder_term`] for one value by its log variance.
pub fn decoder_slope(x_0: f32, mean: f32, log_variance: f64) -> f64 {
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
