//! A chain that knows the answer: the true posterior q(x_{t-1} | x_t, x_0) in place of the network's guess of it.

use super::{Chain, ChainError, ChainOptions, Denoiser, ModelSpec};
use crate::diffusion::{eps_from_x_0, training_target};
use crate::schedule::{PredictionType, Schedule, SchedulerConfig, VarianceType};
use std::convert::Infallible;

/// A denoiser that is told x_0: it puts out exactly what the network is trained to put out.
#[derive(Debug, Clone)]
pub struct KnownImage {
    x_0: Vec<f32>,
    prediction_type: PredictionType,
    schedule: Schedule,
}

impl KnownImage {
    /// The posterior walk to `x_0` [n, c, h, w] that the options describe, and the denoiser to walk it with.
    ///
    /// Its variance is beta~ (Ho et al. 2020, eq. 7), whatever the model's is.
    pub fn chain(
        scheduler: &SchedulerConfig,
        model: &ModelSpec,
        options: ChainOptions,
        x_0: Vec<f32>,
    ) -> Result<(Chain, Self), ChainError> {
        let expected = options
            .count
            .saturating_mul(model.channels * model.height * model.width);
        if x_0.len() != expected || x_0.iter().any(|value| !value.is_finite()) {
            return Err(ChainError::Option {
                option: "known",
                reason: format!(
                    "x_0 has {} values; it needs {expected} finite ones",
                    x_0.len()
                ),
            });
        }
        let scheduler = SchedulerConfig {
            variance_type: VarianceType::FixedSmall,
            ..scheduler.clone()
        };
        let model = ModelSpec {
            out_channels: model.channels,
            ..model.clone()
        };
        let options = ChainOptions {
            // There is one truth: nothing to be guided to.
            guidance_scale: 1.0,
            ..options
        };
        let chain = Chain::new(&scheduler, &model, options)?;
        let known = Self {
            x_0,
            prediction_type: scheduler.prediction_type,
            schedule: Schedule::new(&scheduler).map_err(crate::sampler::SamplerError::from)?,
        };
        Ok((chain, known))
    }
}

impl Denoiser for KnownImage {
    type Error = Infallible;

    async fn predict(
        &self,
        x_t: &[f32],
        _shape: [usize; 4],
        timestep: usize,
        _labels: Option<&[usize]>,
    ) -> Result<Vec<f32>, Infallible> {
        // The chain asks for its own timesteps only, and they are inside the schedule.
        let alpha_cumprod = self.schedule.alphas_cumprod[timestep];
        let (mut eps, mut output) = (vec![0.0; x_t.len()], vec![0.0; x_t.len()]);
        eps_from_x_0(x_t, &self.x_0, alpha_cumprod, &mut eps);
        training_target(
            self.prediction_type,
            &self.x_0,
            &eps,
            alpha_cumprod,
            &mut output,
        );
        Ok(output)
    }
}
