//! Euler's method for the diffusion ODE on the axis of s = sigma / alpha, and its ancestral form
//! (Karras et al. 2022, arXiv 2206.00364, Algorithm 1; k-diffusion's `sample_euler` and `sample_euler_ancestral`).
//!
//! On the levels of flow matching, the first is diffusers' `FlowMatchEulerDiscreteScheduler`: x_0 + s' eps, divided by
//! 1 + s', is (1 - s) x_0 + s eps.

use crate::diffusion::Transition;
use crate::schedule::{FinalSigmas, SchedulerConfig};

use super::level::Level;
use super::sigmas::Sigmas;
use super::{
    Clipping, Formula, Part, Reader, Sampler, SamplerError, SamplerOptions, Spread, timestep_at,
};

/// From s to s', with e = (x - x_0) / s for the state x = x_0 + s eps = x_t sqrt(1 + s^2):
///
/// ```text
/// Euler       x' = x + (s' - s) e = x_0 + s' e
/// ancestral   x' = x_0 + s_down e + s_up z,  s_up^2 = s'^2 (s^2 - s'^2) / s^2,  s_down^2 = s'^2 - s_up^2
/// ```
///
/// States are kept as x_t, which is what the network is given. x_0-hat is not clipped. The ancestral form draws noise at
/// every step, and does not use it in the last.
#[derive(Debug, Clone)]
pub struct Euler {
    timesteps: Vec<usize>,
    sigmas: Sigmas,
    end: Level,
    ancestral: bool,
    reader: Reader,
}

impl Euler {
    /// The sampler on the timesteps that the options name.
    pub fn new(
        config: &SchedulerConfig,
        options: &SamplerOptions,
        ancestral: bool,
    ) -> Result<Self, SamplerError> {
        let sigmas = Sigmas::new(config, options)?;
        let ends_in_noise = config.final_sigmas_type == FinalSigmas::SigmaMin && !ancestral;
        Ok(Self {
            timesteps: sigmas.timesteps(),
            end: if ends_in_noise {
                sigmas.least
            } else {
                Level::new(1.0)
            },
            sigmas,
            ancestral,
            reader: Reader {
                prediction_type: config.prediction_type,
                clipping: Clipping::None,
            },
        })
    }
}

impl Euler {
    fn level_after(&self, index: usize) -> Level {
        let next = self.sigmas.levels.get(index + 1);
        next.copied().unwrap_or(self.end)
    }
}

impl Sampler for Euler {
    fn timesteps(&self) -> &[usize] {
        &self.timesteps
    }

    fn transition(&self, index: usize) -> Result<Transition, SamplerError> {
        timestep_at(&self.timesteps, index)?;
        Ok(Transition {
            alpha_cumprod: self.sigmas.levels[index].alpha_cumprod,
            alpha_cumprod_prev: self.level_after(index).alpha_cumprod,
        })
    }

    fn time(&self, index: usize) -> f32 {
        self.sigmas.times[index]
    }

    fn start_scale(&self) -> f64 {
        self.sigmas.start_scale
    }

    fn draws_noise(&self, _index: usize) -> bool {
        self.ancestral
    }

    fn reader(&self) -> Reader {
        self.reader
    }

    fn formula(&self, index: usize, _known: usize) -> Result<Formula, SamplerError> {
        timestep_at(&self.timesteps, index)?;
        let from = self.sigmas.levels[index];
        let to = self.level_after(index);
        let (s, s_to) = (from.noise(), to.noise());
        let up = if self.ancestral {
            (s_to * s_to * (1.0 - (s_to / s).powi(2))).max(0.0).sqrt()
        } else {
            0.0
        };
        let down = (s_to * s_to - up * up).max(0.0).sqrt();
        // e = (x - x_0) / s, where x / s is x_t / sigma.
        let mean = [
            (to.alpha * (1.0 - down / s), Part::X0),
            (to.alpha * down / from.sigma, Part::XT),
        ];
        Ok(Formula {
            noise: self.ancestral.then_some(Spread::Fixed(to.alpha * up)),
            ..Formula::of(from.alpha_cumprod, mean)
        })
    }
}
