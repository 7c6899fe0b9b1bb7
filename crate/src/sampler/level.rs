//! Noise levels as solvers of the diffusion ODE see them.

use super::sigmas::Sigmas;
use super::{SamplerError, SamplerOptions, timestep_at};
use crate::diffusion::Transition;
use crate::schedule::{
    FinalSigmas, PredictionType, Schedule, ScheduleError, SchedulerConfig, flow,
};

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

/// Rejects such levels in flow matching, where diffusers has no multistep solver to agree with.
fn refuse_flow(config: &SchedulerConfig) -> Result<(), ScheduleError> {
    if config.prediction_type != PredictionType::Flow {
        return Ok(());
    }
    Err(ScheduleError::NotBuilt {
        key: "use_karras_sigmas",
        value: "true".into(),
        expected: "choose euler or heun, or set it to false",
    })
}

/// The timesteps of a multistep solver with their noise levels, and the level where the chain ends.
#[derive(Debug, Clone)]
pub(super) struct Levels {
    pub timesteps: Vec<usize>,
    /// Where they lie exactly.
    pub times: Vec<f32>,
    /// One more than there are timesteps.
    pub levels: Vec<Level>,
}

impl Levels {
    /// The chain ends in the clean image or at the level of timestep 0, as `final_sigmas_type` says.
    pub(super) fn new(
        schedule: &Schedule,
        timesteps: Vec<usize>,
        final_sigmas_type: FinalSigmas,
    ) -> Result<Self, SamplerError> {
        let end = match final_sigmas_type {
            FinalSigmas::Zero => None,
            FinalSigmas::SigmaMin => Some(0),
        };
        let levels = timesteps
            .iter()
            .map(|&t| Some(t))
            .chain([end])
            .map(|t| schedule.alpha_cumprod(t).map(Level::new))
            .collect::<Result<_, _>>()?;
        let times = timesteps.iter().map(|&t| t as f32).collect();
        Ok(Self {
            timesteps,
            times,
            levels,
        })
    }

    /// Levels spaced as Karras et al. space them, for a file that asks for such ones.
    pub(super) fn of_karras(
        config: &SchedulerConfig,
        options: &SamplerOptions,
    ) -> Result<Self, SamplerError> {
        refuse_flow(config)?;
        let sigmas = Sigmas::over_all(config, options)?;
        Ok(Self::between(sigmas, config.final_sigmas_type))
    }

    /// Levels that a file states, which lie between timesteps.
    pub(super) fn between(sigmas: Sigmas, final_sigmas_type: FinalSigmas) -> Self {
        let end = match final_sigmas_type {
            FinalSigmas::Zero => Level::new(1.0),
            FinalSigmas::SigmaMin => sigmas.least,
        };
        Self {
            timesteps: sigmas.timesteps(),
            times: sigmas.times,
            levels: sigmas.levels.into_iter().chain([end]).collect(),
        }
    }

    /// The levels before and after the step at `index`.
    pub(super) fn around(&self, index: usize) -> Result<[Level; 2], SamplerError> {
        timestep_at(&self.timesteps, index)?;
        Ok([self.levels[index], self.levels[index + 1]])
    }

    /// The same as a [`Transition`].
    pub(super) fn transition(&self, index: usize) -> Result<Transition, SamplerError> {
        let [from, to] = self.around(index)?;
        Ok(Transition {
            alpha_cumprod: from.alpha_cumprod,
            alpha_cumprod_prev: to.alpha_cumprod,
        })
    }
}
