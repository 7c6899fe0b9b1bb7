//! The variational bound on the negative log likelihood, term by term (Ho et al. 2020, eq. 5).
//!
//! ```text
//! L = L_T + sum_{t>1} L_{t-1} + L_0
//! L_T     = KL(q(x_T | x_0) || N(0, I))                          nothing in it can be trained
//! L_{t-1} = KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t))        one gaussian against another
//! L_0     = -log p(x_0 | x_1)                                    eq. 13, in 256 shades of grey
//! ```
//!
//! Terms are in nats, summed over the values given; [`bits_per_dim`] turns them into bits. As
//! everywhere, timesteps count from 0: L_0 belongs to timestep 0, L_{t-1} to timestep t - 1, and no
//! term is counted twice.
//!
//! # Panics
//! Slices given to one function must have one length.

mod slopes;
mod terms;

pub use slopes::{decoder_slope, transition_slope};
pub use terms::{TermError, Terms};

use std::f64::consts::{LN_2, PI, SQRT_2};

use crate::diffusion::Transition;
use crate::schedule::{Schedule, ScheduleError};

/// The log of a variance: one for all values, or one for each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LogVariance<'a> {
    /// The same everywhere.
    Same(f64),
    /// One for each value, as a learned variance has it.
    Each(&'a [f64]),
}

impl LogVariance<'_> {
    fn at(self, index: usize) -> f64 {
        match self {
            Self::Same(log_variance) => log_variance,
            Self::Each(log_variances) => log_variances[index],
        }
    }

    fn check(self, length: usize) {
        if let Self::Each(log_variances) = self {
            assert_eq!(
                log_variances.len(),
                length,
                "one log variance for each value"
            );
        }
    }
}

/// KL(N(mean_1, exp(log_variance_1)) || N(mean_2, exp(log_variance_2))) in nats.
pub fn gaussian_kl(mean_1: f64, log_variance_1: f64, mean_2: f64, log_variance_2: f64) -> f64 {
    let ratio = log_variance_1 - log_variance_2;
    let distance = (mean_1 - mean_2).powi(2) * (-log_variance_2).exp();
    // exp(r) - 1 - r, without the loss of digits that a small r would bring.
    0.5 * (ratio.exp_m1() - ratio + distance)
}

/// L_T: how far q(x_T | x_0) = N(sqrt(abar) x_0, 1 - abar) is from N(0, 1), in nats. `alpha_cumprod`
/// is the last of the schedule.
pub fn prior_term(x_0: &[f32], alpha_cumprod: f64) -> f64 {
    let (signal, log_variance) = (alpha_cumprod.sqrt(), (-alpha_cumprod).ln_1p());
    let kl = |x: &f32| gaussian_kl(signal * f64::from(*x), log_variance, 0.0, 0.0);
    x_0.iter().map(kl).sum()
}

/// L_{t-1}: the posterior of eq. 7 against the model's step, in nats.
pub fn transition_term(
    posterior_mean: &[f32],
    posterior_variance: f64,
    mean: &[f32],
    log_variance: LogVariance<'_>,
) -> f64 {
    assert_eq!(posterior_mean.len(), mean.len(), "one mean for each value");
    log_variance.check(mean.len());
    let true_log_variance = posterior_variance.ln();
    let kl = |(index, (&truth, &model)): (usize, (&f32, &f32))| {
        let (truth, model) = (f64::from(truth), f64::from(model));
        gaussian_kl(truth, true_log_variance, model, log_variance.at(index))
    };
    posterior_mean.iter().zip(mean).enumerate().map(kl).sum()
}

/// L_0 = -log p(x_0 | x_1) with the discretized decoder of eq. 13, in nats.
///
/// x_0 holds values k / 127.5 - 1 of 8-bit images. Each is a bin of width 2/255; the first and the
/// last reach to infinity.
pub fn decoder_term(x_0: &[f32], mean: &[f32], log_variance: LogVariance<'_>) -> f64 {
    assert_eq!(x_0.len(), mean.len(), "one mean for each value");
    log_variance.check(mean.len());
    let nats = |(index, (&x, &mean)): (usize, (&f32, &f32))| {
        let sigma = (0.5 * log_variance.at(index)).exp();
        let centred = f64::from(x) - f64::from(mean);
        let below = if x < -0.999 {
            f64::NEG_INFINITY
        } else {
            (centred - 1.0 / 255.0) / sigma
        };
        let above = if x > 0.999 {
            f64::INFINITY
        } else {
            (centred + 1.0 / 255.0) / sigma
        };
        -log_normal_between(below, above)
    };
    x_0.iter().zip(mean).enumerate().map(nats).sum()
}

/// The variance of the step at `timestep` for the bound: beta~, except at timestep 0, where beta~ is
/// 0 and would make L_0 infinite: there that of timestep 1 stands in (Nichol & Dhariwal 2021).
pub fn bound_variance(schedule: &Schedule, timestep: usize) -> Result<f64, ScheduleError> {
    // A chain of one timestep has nothing to borrow from but beta itself.
    if schedule.num_train_timesteps() == 1 {
        return neighbours(schedule, timestep).map(Transition::beta);
    }
    neighbours(schedule, timestep.max(1)).map(Transition::posterior_variance)
}

/// The step from a timestep to the one before it in training.
pub fn neighbours(schedule: &Schedule, timestep: usize) -> Result<Transition, ScheduleError> {
    Ok(Transition {
        alpha_cumprod: schedule.alpha_cumprod(Some(timestep))?,
        alpha_cumprod_prev: schedule.alpha_cumprod(timestep.checked_sub(1))?,
    })
}

/// nats / (dimensions ln 2).
pub fn bits_per_dim(nats: f64, dimensions: usize) -> f64 {
    nats / (dimensions as f64 * LN_2)
}

/// log(Phi(b) - Phi(a)) for a < b, exact in both tails, where the difference itself is 0.
fn log_normal_between(a: f64, b: f64) -> f64 {
    if b <= 0.0 {
        // The normal distribution is symmetric: look at the upper tail.
        return log_normal_between(-b, -a);
    }
    if a < 0.0 {
        return (-(upper_tail(-a) + upper_tail(b))).ln_1p();
    }
    let (of_a, of_b) = (log_upper_tail(a), log_upper_tail(b));
    // log(Q(a) - Q(b)) = log Q(a) + log(1 - Q(b)/Q(a))
    of_a + (-(of_b - of_a).exp_m1()).ln()
}

/// Q(z) = 1 - Phi(z).
fn upper_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z / SQRT_2)
}

/// log Q(z) for z >= 0; far out by the asymptotic series (Abramowitz & Stegun 1964, 26.2.12).
fn log_upper_tail(z: f64) -> f64 {
    if z == f64::INFINITY {
        return f64::NEG_INFINITY;
    }
    if z < 20.0 {
        return upper_tail(z).ln();
    }
    let y = z.powi(-2);
    let series = -y * (1.0 - y * (3.0 - y * (15.0 - y * 105.0)));
    -0.5 * z * z - z.ln() - 0.5 * (2.0 * PI).ln() + series.ln_1p()
}
