//! Noise levels as solvers of the diffusion ODE see them.

use crate::schedule::{PredictionType, Schedule, SchedulerConfig, flow};

/// abar at the last timestep of a zero-SNR schedule, so that its lambda is finite: the smallest
/// number above 0 that a half-precision float holds.
const NEARLY_NO_SIGNAL: f64 = 1.0 / (1 << 24) as f64;

/// x_t = alpha x_0 + sigma eps, with lambda = log(alpha / sigma).
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    pub alpha_cumprod: f64,
    pub alpha: f64,
    pub sigma: f64,
    pub lambda: f64,
}

impl Level {
    pub(super) fn new(alpha_cumprod: f64) -> Self {
        let (alpha, sigma) = (alpha_cumprod.sqrt(), (1.0 - alpha_cumprod).sqrt());
        Self {
            alpha_cumprod,
            alpha,
            sigma,
            lambda: (alpha / sigma).ln(),
        }
    }

    /// The level where x_0 + s eps, divided by sqrt(1 + s^2), has the variances of an x_t.
    pub(super) fn of_noise(s: f64) -> Self {
        Self::new(1.0 / (1.0 + s * s))
    }

    /// The level of flow matching with a share s of noise.
    pub(super) fn of_flow(s: f64) -> Self {
        Self::new(((1.0 - s) / flow::scale(s)).powi(2))
    }

    /// The level with a trace of x_0, where it has none.
    pub(super) fn with_signal_left(self) -> Self {
        if self.alpha_cumprod > 0.0 {
            self
        } else {
            Self::new(NEARLY_NO_SIGNAL)
        }
    }

    /// s = sigma / alpha, the noise for each unit of x_0.
    pub(super) fn noise(self) -> f64 {
        self.sigma / self.alpha
    }
}

/// The schedule with a trace of x_0 left at its last timestep, where a zero-SNR one has none.
pub(super) fn with_signal_left(config: &SchedulerConfig, mut schedule: Schedule) -> Schedule {
    if (config.rescale_betas_zero_snr || config.prediction_type == PredictionType::Flow)
        && let Some(last) = schedule.alphas_cumprod.last_mut()
    {
        *last = last.max(NEARLY_NO_SIGNAL);
    }
    schedule
}
