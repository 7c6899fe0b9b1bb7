//! Ancestral sampling, DDPM (Ho et al. 2020, Algorithm 2), on all timesteps or on some of them.

use crate::diffusion::{Transition, add_scaled};
use crate::schedule::{Schedule, SchedulerConfig, VarianceType};

use super::prediction::Reader;
use super::timesteps::starting_at;
use super::{
    Clipping, Sampler, SamplerError, SamplerOptions, StepInput, StepOutput, check_signal, noise_of,
    same_length, timestep_at, timesteps,
};

/// x_{t-1} = mu~(x_t, x_0-hat) + sigma_t z.
///
/// The variance sigma_t^2 is the configuration's `variance_type`. z is drawn at every timestep
/// above 0 and nowhere else, so a trailing list draws in its last step, too.
#[derive(Debug, Clone)]
pub struct Ddpm {
    schedule: Schedule,
    timesteps: Vec<usize>,
    variance_type: VarianceType,
    reader: Reader,
}

impl Ddpm {
    /// The sampler on the timesteps that the options name.
    pub fn new(config: &SchedulerConfig, options: &SamplerOptions) -> Result<Self, SamplerError> {
        let schedule = Schedule::new(config)?;
        let spacing = options.spacing.unwrap_or(config.timestep_spacing);
        let list = timesteps(config, spacing, options.num_inference_steps)?;
        let timesteps = starting_at(list, options, config.num_train_timesteps)?;
        check_signal(config.prediction_type, &timesteps, &schedule.alphas_cumprod)?;
        Ok(Self {
            schedule,
            timesteps,
            variance_type: config.variance_type,
            reader: Reader {
                prediction_type: config.prediction_type,
                clipping: Clipping::of(config),
            },
        })
    }
}

impl Sampler for Ddpm {
    fn timesteps(&self) -> &[usize] {
        &self.timesteps
    }

    /// To the next timestep of the list, and to the clean image after the last.
    fn transition(&self, index: usize) -> Result<Transition, SamplerError> {
        let timestep = timestep_at(&self.timesteps, index)?;
        let prev = self.timesteps.get(index + 1).copied();
        Ok(Transition {
            alpha_cumprod: self.schedule.alpha_cumprod(Some(timestep))?,
            alpha_cumprod_prev: self.schedule.alpha_cumprod(prev)?,
        })
    }

    fn draws_noise(&self, index: usize) -> bool {
        self.timesteps.get(index).is_some_and(|&t| t > 0)
    }

    fn step(&self, index: usize, input: &StepInput<'_>) -> Result<StepOutput, SamplerError> {
        let timestep = timestep_at(&self.timesteps, index)?;
        let transition = self.transition(index)?;
        let prediction = self.reader.read(input, transition.alpha_cumprod)?;

        let mut x_prev = vec![0.0; input.x_t.len()];
        transition.posterior_mean(&prediction.x_0, input.x_t, &mut x_prev);

        if self.draws_noise(index) {
            let z = noise_of(input, timestep)?;
            match transition.fixed_variance(self.variance_type) {
                Some(variance) => add_scaled(variance.sqrt(), z, &mut x_prev),
                None => {
                    let predicted = prediction.variance.as_deref().unwrap_or_default();
                    same_length("the learned variance", predicted, z.len())?;
                    for ((x, &z), &v) in x_prev.iter_mut().zip(z).zip(predicted) {
                        let sigma = self.learned_sigma(v, transition, timestep)?;
                        *x = (f64::from(*x) + sigma * f64::from(z)) as f32;
                    }
                }
            }
        }
        Ok(StepOutput {
            x_prev,
            x_0: prediction.x_0,
            eps: prediction.eps,
        })
    }
}

impl Ddpm {
    /// The standard deviation of one value, from the network's output for it.
    fn learned_sigma(
        &self,
        v: f32,
        transition: Transition,
        timestep: usize,
    ) -> Result<f64, SamplerError> {
        if self.variance_type == VarianceType::LearnedRange {
            return Ok((0.5 * transition.learned_range_log_variance(f64::from(v))).exp());
        }
        if v >= 0.0 {
            return Ok(f64::from(v).sqrt());
        }
        Err(SamplerError::Variance { timestep, value: v })
    }
}
