//! A chain that knows x_0: the true posterior q(x_{t-1} | x_t, x_0) instead of the network's guess of it.

use super::checks::check_values;
use super::{Chain, ChainError, ChainOptions, Denoiser, ModelSpec};
use crate::diffusion::{eps_from_x_0, training_target};
use crate::schedule::{PredictionType, SchedulerConfig, VarianceType};
use std::collections::HashMap;
use std::convert::Infallible;

/// A denoiser that knows x_0: its output is exactly what the network is trained to predict.
#[derive(Debug, Clone)]
pub struct KnownImage {
    x_0: Vec<f32>,
    prediction_type: PredictionType,
    /// abar_t as the sampler has it, by the bits of the time that the chain passes.
    alphas_cumprod: HashMap<u32, f64>,
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
        check_values("known", "x_0", &x_0, expected)?;
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
        let level = |&step: &usize| {
            let transition = chain.sampler.transition(step)?;
            let time = chain.sampler.time(step);
            Ok((time.to_bits(), transition.alpha_cumprod))
        };
        let alphas_cumprod = (chain.visits.iter())
            .map(level)
            .collect::<Result<_, ChainError>>()?;
        let known = Self {
            x_0,
            prediction_type: scheduler.prediction_type,
            alphas_cumprod,
        };
        Ok((chain, known))
    }
}

impl Denoiser for KnownImage {
    type Error = Infallible;

    async fn predict(
        &self,
        x_t: &[f32],
        shape: [usize; 4],
        timestep: usize,
        labels: Option<&[usize]>,
    ) -> Result<Vec<f32>, Infallible> {
        self.predict_at(x_t, shape, timestep as f32, labels).await
    }

    async fn predict_at(
        &self,
        x_t: &[f32],
        _shape: [usize; 4],
        time: f32,
        _labels: Option<&[usize]>,
    ) -> Result<Vec<f32>, Infallible> {
        // The chain asks at the times of its own steps only.
        let alpha_cumprod = self.alphas_cumprod[&time.to_bits()];
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
