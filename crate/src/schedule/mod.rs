//! The variance schedule: `betas`, `alphas`, `alphas_cumprod` and what follows from them.
//!
//! Everything here is plain `f64`. Timesteps count from 0, so timestep `t` is the paper's `t + 1`,
//! and `alphas_cumprod` *before* timestep 0 is 1 (nothing has been destroyed yet).
//!
//! ```text
//! alpha_t = 1 - beta_t        abar_t = alpha_0 alpha_1 ... alpha_t        SNR(t) = abar_t / (1 - abar_t)
//! ```

mod betas;
mod config;
mod exploding;
pub(crate) mod flow;
mod json;
mod notes;

pub use config::{
    BetaSchedule, FinalSigmas, PredictionType, SchedulerConfig, Spacing, VarianceType,
};
pub use exploding::{Exploding, Preconditioning};

pub(crate) use betas::linspace;
pub(crate) use config::named;

use betas::{betas_for, rescale_zero_terminal_snr};

/// The longest chain that is accepted; a larger `num_train_timesteps` is a mistake in a file.
pub const MAX_TRAIN_TIMESTEPS: usize = 1_000_000;

/// Why a scheduler configuration cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ScheduleError {
    /// The text is not a JSON object.
    #[error("the scheduler configuration is not a JSON object: {0}")]
    Json(String),
    /// A key holds a value of the wrong type, or a name that is not known.
    #[error("scheduler configuration: `{key}`: {reason}")]
    Key {
        /// The key in `scheduler_config.json`.
        key: String,
        /// What is wrong with its value.
        reason: String,
    },
    /// A key has a value that would change the numbers and is not implemented.
    #[error("scheduler configuration: `{key}` = {value} is not supported; {expected}")]
    NotBuilt {
        /// The key in `scheduler_config.json`.
        key: &'static str,
        /// Its value.
        value: String,
        /// What can be used instead.
        expected: &'static str,
    },
    /// A beta lies outside (0, 1), or is 1 before the last timestep.
    #[error(
        "beta at timestep {timestep} is {beta}; every beta must lie in (0, 1), and only the last \
         may be 1 (zero terminal SNR)"
    )]
    Beta {
        /// The timestep, counted from 0.
        timestep: usize,
        /// The beta found there.
        beta: f64,
    },
    /// The betas are so large that nothing measurable of x_0 is left before the last timestep.
    #[error("alphas_cumprod is 0 at timestep {timestep}, before the last; use smaller betas")]
    Underflow {
        /// The first timestep where the product is 0.
        timestep: usize,
    },
    /// The timestep is outside the chain.
    #[error("timestep {timestep} is outside the chain of {num_train_timesteps} timesteps")]
    Timestep {
        /// The timestep.
        timestep: usize,
        /// How many there are.
        num_train_timesteps: usize,
    },
}

/// The tables of a variance schedule, one entry per timestep (Ho et al. 2020, section 2).
///
/// `alphas_cumprod` falls strictly; its last entry is 0 only after
/// [`SchedulerConfig::rescale_betas_zero_snr`] and in flow matching.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// beta_t in (0, 1): the variance of the noise that timestep t adds.
    pub betas: Vec<f64>,
    /// alpha_t = 1 - beta_t.
    pub alphas: Vec<f64>,
    /// abar_t, the product of alpha_0 to alpha_t: the share of x_0's variance that is left at t.
    pub alphas_cumprod: Vec<f64>,
}

impl Schedule {
    /// The tables for a configuration; refuses by name what is impossible or not built.
    pub fn new(config: &SchedulerConfig) -> Result<Self, ScheduleError> {
        config.validate()?;
        if config.prediction_type == PredictionType::Flow {
            return Self::from_betas(flow::betas(config.num_train_timesteps));
        }
        if let Some(levels) = &config.exploding {
            return Self::from_betas(levels.betas(config.num_train_timesteps));
        }
        let betas = betas_for(config);
        check_betas(&betas)?;
        let betas = if config.rescale_betas_zero_snr {
            let rescaled = rescale_zero_terminal_snr(&betas);
            check_betas(&rescaled)?;
            rescaled
        } else {
            betas
        };
        Self::from_betas(betas)
    }

    /// The tables for given betas, each in (0, 1); the last may be 1.
    pub fn from_betas(betas: Vec<f64>) -> Result<Self, ScheduleError> {
        check_betas(&betas)?;
        let alphas: Vec<f64> = betas.iter().map(|beta| 1.0 - beta).collect();
        let alphas_cumprod = cumprod(&alphas);
        let interior = alphas_cumprod.len() - 1;
        if let Some(timestep) = alphas_cumprod[..interior].iter().position(|&p| p <= 0.0) {
            return Err(ScheduleError::Underflow { timestep });
        }
        Ok(Self {
            betas,
            alphas,
            alphas_cumprod,
        })
    }

    /// T, the number of timesteps.
    pub fn num_train_timesteps(&self) -> usize {
        self.betas.len()
    }

    /// abar at a timestep, where `None` stands for the clean image before timestep 0 (abar = 1).
    pub fn alpha_cumprod(&self, timestep: Option<usize>) -> Result<f64, ScheduleError> {
        match timestep {
            None => Ok(1.0),
            Some(t) => self
                .alphas_cumprod
                .get(t)
                .copied()
                .ok_or(ScheduleError::Timestep {
                    timestep: t,
                    num_train_timesteps: self.num_train_timesteps(),
                }),
        }
    }

    /// The signal-to-noise ratio abar_t / (1 - abar_t); 0 outside the chain, where no signal is left.
    ///
    /// Kingma et al. 2021 (arXiv 2107.00630), eq. 2.
    pub fn snr(&self, t: usize) -> f64 {
        self.alphas_cumprod.get(t).map_or(0.0, |p| p / (1.0 - p))
    }

    /// The log of [`Schedule::snr`], minus infinity where no signal is left.
    pub fn log_snr(&self, t: usize) -> f64 {
        self.snr(t).ln()
    }

    /// lambda_t = log(sqrt(abar_t) / sqrt(1 - abar_t)), half of [`Schedule::log_snr`].
    ///
    /// Lu et al. 2022 (arXiv 2211.01095), section 2.
    pub fn lambda(&self, t: usize) -> f64 {
        0.5 * self.log_snr(t)
    }
}

/// The running product of a sequence.
pub(crate) fn cumprod(factors: &[f64]) -> Vec<f64> {
    factors
        .iter()
        .scan(1.0, |product, factor| {
            *product *= factor;
            Some(*product)
        })
        .collect()
}

/// Every beta in (0, 1), and large enough that 1 - beta differs from 1; the last may be 1.
fn check_betas(betas: &[f64]) -> Result<(), ScheduleError> {
    if betas.is_empty() {
        return Err(ScheduleError::Key {
            key: "num_train_timesteps".into(),
            reason: "is 0; a chain needs at least one timestep".into(),
        });
    }
    for (timestep, &beta) in betas.iter().enumerate() {
        let last = timestep + 1 == betas.len();
        let in_range = beta > 0.0 && 1.0 - beta < 1.0 && (beta < 1.0 || (last && beta == 1.0));
        if !in_range {
            return Err(ScheduleError::Beta { timestep, beta });
        }
    }
    Ok(())
}
