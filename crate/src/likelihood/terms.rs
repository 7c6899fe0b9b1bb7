//! One term of the bound for one image, from the network's output.

use super::{LogVariance, bound_variance, decoder_term, neighbours, prior_term, transition_term};
use crate::diffusion::{add_noise, blend_log_variances, predicted_x_0};
use crate::schedule::{PredictionType, Schedule, ScheduleError, SchedulerConfig, VarianceType};
use thiserror::Error;

/// Why a term cannot be computed.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum TermError {
    /// The schedule.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// abar is 0 at the last timestep, where eps-hat does not determine x_0-hat.
    #[error(
        "at timestep {0} x_t contains nothing of x_0, so an epsilon prediction does not \
         determine x_0, and the bound has no term"
    )]
    NoSignal(usize),
    /// The network's output is not a number, or a learned variance not positive.
    #[error(
        "the network's output at timestep {timestep} gives a term of {nats} nats; the cause is \
         its weights, its device or its variance_type"
    )]
    NotFinite {
        /// Where.
        timestep: usize,
        /// The term.
        nats: f64,
    },
    /// The output has neither as many values as the image nor twice as many.
    #[error("the network's output has {found} values for an image of {expected}")]
    Length {
        /// Of the output.
        found: usize,
        /// Of the image, or twice that where the variance is learned.
        expected: usize,
    },
}

/// How one term is computed.
#[derive(Debug, Clone)]
pub struct Terms {
    schedule: Schedule,
    prediction_type: PredictionType,
    variance_type: VarianceType,
}

impl Terms {
    /// For the chain of a configuration.
    ///
    /// # Errors
    /// A configuration without a schedule, or one with a term that does not exist.
    pub fn new(config: &SchedulerConfig) -> Result<Self, TermError> {
        let schedule = Schedule::new(config)?;
        let last = schedule.num_train_timesteps() - 1;
        let no_signal = schedule.alphas_cumprod[last] <= 0.0;
        if no_signal && config.prediction_type == PredictionType::Epsilon {
            return Err(TermError::NoSignal(last));
        }
        Ok(Self {
            schedule,
            prediction_type: config.prediction_type,
            variance_type: config.variance_type,
        })
    }

    /// The chain's noise levels.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// L_T of one image in nats: x_0 `[c, h, w]`.
    pub fn prior_nats(&self, x_0: &[f32]) -> f64 {
        let last = self.schedule.alphas_cumprod.last();
        prior_term(x_0, last.copied().unwrap_or(0.0))
    }

    /// x_t `[c, h, w]` of one image and noise `eps` (eq. 4): what the network is shown for the term of this timestep.
    ///
    /// # Errors
    /// A timestep outside the chain.
    pub fn noised(&self, x_0: &[f32], eps: &[f32], timestep: usize) -> Result<Vec<f32>, TermError> {
        let alpha_cumprod = self.schedule.alpha_cumprod(Some(timestep))?;
        let mut x_t = vec![0.0; x_0.len()];
        add_noise(x_0, eps, alpha_cumprod, &mut x_t);
        Ok(x_t)
    }

    /// L_0 (timestep 0) or L_{t-1} of one image in nats: x_0, x_t `[c, h, w]`, and the network's output for x_t, followed by
    /// what its variance is made of if that is learned.
    ///
    /// # Errors
    /// A timestep outside the chain, or a term that is not a number.
    pub fn nats(
        &self,
        x_0: &[f32],
        x_t: &[f32],
        output: &[f32],
        timestep: usize,
    ) -> Result<f64, TermError> {
        let step = neighbours(&self.schedule, timestep)?;
        let expected = self.variance_type.outputs(x_0.len());
        if output.len() != expected || x_t.len() != x_0.len() {
            let found = output.len();
            return Err(TermError::Length { found, expected });
        }
        let (output, learned) = output.split_at(x_0.len());
        let mut x_0_hat = vec![0.0; x_0.len()];
        predicted_x_0(
            self.prediction_type,
            x_t,
            output,
            step.alpha_cumprod,
            &mut x_0_hat,
        );
        x_0_hat.iter_mut().for_each(|x| *x = x.clamp(-1.0, 1.0));
        let mut mean = vec![0.0; x_0.len()];
        step.posterior_mean(&x_0_hat, x_t, &mut mean);

        let smallest = bound_variance(&self.schedule, timestep)?;
        let each: Vec<f64>;
        let log_variance = match self.variance_type {
            VarianceType::FixedSmall | VarianceType::FixedSmallLog => {
                LogVariance::Same(smallest.ln())
            }
            // Ho et al. evaluate L_0 with the smaller variance here, too.
            VarianceType::FixedLarge | VarianceType::FixedLargeLog => {
                LogVariance::Same(if timestep == 0 { smallest } else { step.beta() }.ln())
            }
            VarianceType::LearnedRange => {
                let blend = |v: &f32| blend_log_variances(f64::from(*v), smallest, step.beta());
                each = learned.iter().map(blend).collect();
                LogVariance::Each(&each)
            }
            VarianceType::Learned => {
                each = learned.iter().map(|v| f64::from(*v).ln()).collect();
                LogVariance::Each(&each)
            }
        };
        let nats = if timestep == 0 {
            decoder_term(x_0, &mean, log_variance)
        } else {
            let mut truth = vec![0.0; x_0.len()];
            step.posterior_mean(x_0, x_t, &mut truth);
            transition_term(&truth, step.posterior_variance(), &mean, log_variance)
        };
        if nats.is_finite() {
            Ok(nats)
        } else {
            Err(TermError::NotFinite { timestep, nats })
        }
    }
}
