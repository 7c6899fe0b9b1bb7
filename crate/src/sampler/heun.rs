//! Heun's method for the diffusion ODE on the axis of s = sigma / alpha (Karras et al. 2022, arXiv 2206.00364, Algorithm 1).

use crate::diffusion::Transition;
use crate::schedule::SchedulerConfig;

use super::level::Level;
use super::sigmas::Sigmas;
use super::{Clipping, Formula, Part, Reader, Sampler, SamplerError, SamplerOptions, timestep_at};

/// Each step from s to s' but the last is two evaluations of the network, with e = (x - x_0) / s as in
/// [`Euler`](super::Euler): the first makes Euler's x', the second goes from s again, along the mean of both directions.
///
/// ```text
/// x' = x + (s' - s) e          x'' = x + (s' - s) (e + e') / 2,   e' = (x' - x_0') / s'
/// ```
///
/// x and e of the first evaluation follow from x' and its x_0-hat, so that the chain need keep nothing else. x_0-hat is
/// clipped where the configuration says so.
#[derive(Debug, Clone)]
pub struct Heun {
    /// One for each evaluation: the first, and every other one twice.
    timesteps: Vec<usize>,
    sigmas: Sigmas,
    reader: Reader,
}

impl Heun {
    /// The sampler on the timesteps that the options name.
    pub fn new(config: &SchedulerConfig, options: &SamplerOptions) -> Result<Self, SamplerError> {
        let mut sigmas = Sigmas::new(config, options)?;
        // From pure noise there is no mean of two directions on this axis.
        if let Some(first) = sigmas.levels.first_mut() {
            *first = first.with_signal_left();
        }
        let list = sigmas.timesteps();
        let evaluations = (2 * list.len()).saturating_sub(1);
        Ok(Self {
            timesteps: (0..evaluations).map(|i| list[i.div_ceil(2)]).collect(),
            sigmas,
            reader: Reader {
                prediction_type: config.prediction_type,
                clipping: Clipping::clip_of(config),
            },
        })
    }

    /// The level of an evaluation; the walk ends in the clean image.
    fn level(&self, evaluation: usize) -> Level {
        let level = self.sigmas.levels.get(evaluation.div_ceil(2));
        level.copied().unwrap_or(Level::new(1.0))
    }
}

impl Sampler for Heun {
    fn timesteps(&self) -> &[usize] {
        &self.timesteps
    }

    fn transition(&self, index: usize) -> Result<Transition, SamplerError> {
        timestep_at(&self.timesteps, index)?;
        Ok(Transition {
            alpha_cumprod: self.level(index).alpha_cumprod,
            alpha_cumprod_prev: self.level(index + 1).alpha_cumprod,
        })
    }

    fn time(&self, index: usize) -> f32 {
        self.sigmas.times[index.div_ceil(2)]
    }

    fn start_scale(&self) -> f64 {
        self.sigmas.start_scale
    }

    fn draws_noise(&self, _index: usize) -> bool {
        false
    }

    fn reader(&self) -> Reader {
        self.reader
    }

    fn formula(&self, index: usize, known: usize) -> Result<Formula, SamplerError> {
        timestep_at(&self.timesteps, index)?;
        let here = self.level(index);
        if index.is_multiple_of(2) {
            let to = self.level(index + 1);
            let (s, s_to) = (here.noise(), to.noise());
            let first = [
                (to.alpha * (1.0 - s_to / s), Part::X0),
                (to.alpha * s_to / here.sigma, Part::XT),
            ];
            return Ok(Formula::of(here.alpha_cumprod, first));
        }
        if known == 0 {
            return Err(SamplerError::Before(index));
        }
        // x'' = x_0 + s e + (s' - s) (e + e') / 2, where the two shares of x' make 1.
        let (s, s_to) = (self.level(index - 1).noise(), here.noise());
        let (of_e, of_e_to) = ((s + s_to) / 2.0, (s_to - s) / 2.0);
        let first = [
            (1.0, Part::XT),
            (here.alpha * (1.0 - of_e / s_to), Part::X0Before),
        ];
        Ok(Formula {
            then: vec![(-here.alpha * of_e_to / s_to, Part::X0)],
            ..Formula::of(here.alpha_cumprod, first)
        })
    }
}
