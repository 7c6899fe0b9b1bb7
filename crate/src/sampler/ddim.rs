//! DDIM, with any eta, and its inversion (Song et al. 2020, arXiv 2010.02502).

use crate::diffusion::Transition;
use crate::schedule::{PredictionType, Schedule, SchedulerConfig, Spacing};

use super::timesteps::starting_at;
use super::{
    Clipping, Formula, Part, Reader, Sampler, SamplerError, SamplerOptions, Spread, check_signal,
    timesteps,
};

/// Eq. 12: x_prev = sqrt(abar_prev) x_0-hat + sqrt(1 - abar_prev - sigma^2) eps-hat + sigma z,
/// with sigma = eta sqrt(beta~) (eq. 16).
///
/// eps-hat stays the network's own when x_0-hat is clipped. eta > 0 draws noise at every step.
#[derive(Debug, Clone)]
pub struct Ddim {
    timesteps: Vec<usize>,
    transitions: Vec<Transition>,
    eta: f64,
    reader: Reader,
}

impl Ddim {
    /// The sampler on the timesteps that the options name; eta in [0, 1].
    pub fn new(config: &SchedulerConfig, options: &SamplerOptions) -> Result<Self, SamplerError> {
        if !(0.0..=1.0).contains(&options.eta) {
            return Err(SamplerError::Eta(options.eta));
        }
        let schedule = Schedule::new(config)?;
        let spacing = options.spacing.unwrap_or(config.timestep_spacing);
        let list = timesteps(config, spacing, options.num_inference_steps)?;
        // A step goes T // N down, which is the next timestep of the list only in the leading
        // spacing. A start between two timesteps of the list goes to the next one.
        let stride = config.num_train_timesteps / options.num_inference_steps;
        let between = options.start.filter(|start| !list.contains(start));
        let timesteps = starting_at(list, options, config.num_train_timesteps)?;
        check_signal(config.prediction_type, &timesteps, &schedule.alphas_cumprod)?;
        let prev = |index: usize, t: usize| match between {
            Some(start) if start == t => timesteps.get(index + 1).copied(),
            _ => t.checked_sub(stride),
        };
        let transitions = timesteps
            .iter()
            .enumerate()
            .map(|(index, &t)| transition(config, &schedule, t, prev(index, t)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            timesteps,
            transitions,
            eta: options.eta,
            reader: Reader {
                prediction_type: config.prediction_type,
                clipping: Clipping::of(config),
            },
        })
    }
}

impl Sampler for Ddim {
    fn timesteps(&self) -> &[usize] {
        &self.timesteps
    }

    fn transition(&self, index: usize) -> Result<Transition, SamplerError> {
        transition_at(&self.transitions, index)
    }

    fn draws_noise(&self, _index: usize) -> bool {
        self.eta > 0.0
    }

    fn reader(&self) -> Reader {
        self.reader
    }

    fn formula(&self, index: usize, _known: usize) -> Result<Formula, SamplerError> {
        let transition = self.transition(index)?;
        let variance = self.eta.powi(2) * transition.posterior_variance();
        // At eta = 1 rounding may leave less than nothing of it.
        let direction = (1.0 - transition.alpha_cumprod_prev - variance).max(0.0);
        let mean = [
            (transition.alpha_cumprod_prev.sqrt(), Part::X0),
            (direction.sqrt(), Part::Eps),
        ];
        Ok(Formula {
            noise: (self.draws_noise(index)).then(|| Spread::Fixed(variance.sqrt())),
            ..Formula::of(transition.alpha_cumprod, mean)
        })
    }
}

/// DDIM backwards in the other direction: from an image to the noise from which eta = 0 makes it.
///
/// The timesteps rise. The step at t leads from the level T // N below t (the clean image, at
/// first) to that of t, with eps-hat taken at t: eq. 12 solved for x_t, under the assumption that
/// eps-hat hardly changes along the step. Nothing is clipped, nothing is drawn.
#[derive(Debug, Clone)]
pub struct DdimInverse {
    timesteps: Vec<usize>,
    transitions: Vec<Transition>,
    reader: Reader,
}

impl DdimInverse {
    /// The inversion on the timesteps that the options name, leading or trailing, rising.
    pub fn new(config: &SchedulerConfig, options: &SamplerOptions) -> Result<Self, SamplerError> {
        let schedule = Schedule::new(config)?;
        let spacing = options.spacing.unwrap_or(config.timestep_spacing);
        if spacing == Spacing::Linspace {
            return Err(SamplerError::Spacing {
                spacing,
                num_inference_steps: options.num_inference_steps,
                reason: "DDIM inversion needs leading or trailing".into(),
            });
        }
        if config.prediction_type == PredictionType::Sample && config.set_alpha_to_one {
            return Err(SamplerError::NoNoise);
        }
        let mut timesteps = timesteps(config, spacing, options.num_inference_steps)?;
        timesteps.reverse();
        let stride = config.num_train_timesteps / options.num_inference_steps;
        let transitions = timesteps
            .iter()
            .map(|&t| transition(config, &schedule, t, t.checked_sub(stride)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            timesteps,
            transitions,
            reader: Reader {
                prediction_type: config.prediction_type,
                clipping: Clipping::None,
            },
        })
    }
}

impl Sampler for DdimInverse {
    fn timesteps(&self) -> &[usize] {
        &self.timesteps
    }

    fn transition(&self, index: usize) -> Result<Transition, SamplerError> {
        transition_at(&self.transitions, index)
    }

    fn draws_noise(&self, _index: usize) -> bool {
        false
    }

    fn reader(&self) -> Reader {
        self.reader
    }

    fn formula(&self, index: usize, _known: usize) -> Result<Formula, SamplerError> {
        let transition = self.transition(index)?;
        let noised = [
            (transition.alpha_cumprod.sqrt(), Part::X0),
            ((1.0 - transition.alpha_cumprod).sqrt(), Part::Eps),
        ];
        // The state is still at the lower level: that is where x_0-hat is read off.
        Ok(Formula::of(transition.alpha_cumprod_prev, noised))
    }
}

/// From timestep t to `prev`; below timestep 0 `set_alpha_to_one` chooses abar = 1 or abar_0.
fn transition(
    config: &SchedulerConfig,
    schedule: &Schedule,
    timestep: usize,
    prev: Option<usize>,
) -> Result<Transition, SamplerError> {
    let below_zero = if config.set_alpha_to_one {
        None
    } else {
        Some(0)
    };
    Ok(Transition {
        alpha_cumprod: schedule.alpha_cumprod(Some(timestep))?,
        alpha_cumprod_prev: schedule.alpha_cumprod(prev.or(below_zero))?,
    })
}

fn transition_at(transitions: &[Transition], index: usize) -> Result<Transition, SamplerError> {
    transitions.get(index).copied().ok_or(SamplerError::Index {
        index,
        steps: transitions.len(),
    })
}
