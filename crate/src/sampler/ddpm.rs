//! Ancestral sampling, DDPM (Ho et al. 2020, Algorithm 2), on all timesteps or on some of them.

use crate::diffusion::Transition;
use crate::schedule::{Schedule, SchedulerConfig, VarianceType};

use super::timesteps::starting_at;
use super::{
    Clipping, Formula, Part, Reader, Sampler, SamplerError, SamplerOptions, Spread, check_signal,
    timestep_at, timesteps,
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

    fn reader(&self) -> Reader {
        self.reader
    }

    fn formula(&self, index: usize, _known: usize) -> Result<Formula, SamplerError> {
        let timestep = timestep_at(&self.timesteps, index)?;
        let transition = self.transition(index)?;
        let (of_x_0, of_x_t) = transition.posterior_mean_coefficients();
        let mean = [(of_x_0, Part::X0), (of_x_t, Part::XT)];
        let noise = || Spread::of(transition, self.variance_type, timestep);
        Ok(Formula {
            noise: self.draws_noise(index).then(noise),
            ..Formula::of(transition.alpha_cumprod, mean)
        })
    }
}
