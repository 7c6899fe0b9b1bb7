//! Samplers: from x_t and the network's output for it to x_prev, one file per algorithm.
//!
//! A [`Sampler`] keeps no state: a step is a function of x_t, the network's output, the position in
//! the chain and the noise. The chain passes in what a multistep method remembers.
//!
//! | sampler | file | source |
//! |---|---|---|
//! | [`Ddpm`] | `ddpm.rs` | Ho et al. 2020, Algorithm 2; respaced as in Nichol & Dhariwal 2021 |
//! | [`Ddim`] | `ddim.rs` | Song et al. 2020 (arXiv 2010.02502), eq. 12 |
//! | [`DdimInverse`] | `ddim.rs` | the same, with time running the other way |
//! | [`DpmSolver`] | `dpm_solver.rs` | Lu et al. 2022 (arXiv 2211.01095), Algorithm 2 |
//! | [`Euler`] | `euler.rs` | Karras et al. 2022 (arXiv 2206.00364), and its ancestral form |
//! | [`Heun`] | `heun.rs` | Karras et al. 2022, Algorithm 1 |
//! | [`UniPc`] | `unipc.rs` | Zhao et al. 2023 (arXiv 2302.04867), Algorithms 5 and 6 |

mod ddim;
mod ddpm;
mod dpm_solver;
mod euler;
mod formula;
pub mod guidance;
mod heun;
mod level;
mod prediction;
mod sigmas;
mod timesteps;
mod unipc;

pub use ddim::{Ddim, DdimInverse};
pub use ddpm::Ddpm;
pub use dpm_solver::DpmSolver;
pub use euler::Euler;
pub use formula::{Formula, Part, Spread};
pub use heun::Heun;
pub use prediction::{Clipping, Prediction, Reader, dynamic_threshold};
pub use timesteps::{dpm_solver_timesteps, timesteps};
pub use unipc::UniPc;

use crate::diffusion::Transition;
use crate::schedule::{PredictionType, ScheduleError, SchedulerConfig, Spacing, named};

named! {
    /// The algorithm that walks back.
    SamplerKind, "sampler" {
        /// Ancestral sampling (Ho et al. 2020, Algorithm 2).
        Ddpm = "ddpm",
        /// Deterministic for eta = 0, like DDPM for eta = 1 (Song et al. 2020).
        Ddim = "ddim",
        /// DPM-Solver++(2M), deterministic (Lu et al. 2022).
        DpmSolver = "dpm++",
        /// Euler's method on the diffusion ODE, deterministic (Karras et al. 2022).
        Euler = "euler",
        /// The same with fresh noise in every step.
        EulerAncestral = "euler_a",
        /// Heun's method: two evaluations a step, deterministic (Karras et al. 2022, Algorithm 1).
        Heun = "heun",
        /// A predictor and a corrector, deterministic (Zhao et al. 2023).
        UniPc = "unipc",
        /// From an image to the noise from which [`SamplerKind::Ddim`] with eta = 0 makes it.
        DdimInverse = "ddim_inverse",
    }
}

impl SamplerKind {
    /// num_inference_steps by default: enough for the sampler, or T where that is less.
    pub fn usual_steps(self, num_train_timesteps: usize) -> usize {
        let steps = match self {
            Self::Ddpm => 250,
            Self::Ddim | Self::DdimInverse => 50,
            Self::Euler | Self::EulerAncestral => 30,
            Self::DpmSolver | Self::Heun | Self::UniPc => 20,
        };
        steps.min(num_train_timesteps)
    }
}

/// One algorithm on one list of timesteps: a pure function from step to step.
pub trait Sampler: Send + Sync {
    /// The timesteps at which the network is evaluated, in the order of the walk.
    fn timesteps(&self) -> &[usize];

    /// The noise levels that step `index` leads between: from abar_t, where the network is evaluated, down to abar_prev.
    /// Where that is depends on the algorithm: the next timestep of the list, or another. [`DdimInverse`] leads up.
    ///
    /// # Errors
    /// There is no such step.
    fn transition(&self, index: usize) -> Result<Transition, SamplerError>;

    /// Where between the model's timesteps the network is evaluated in step `index`: `timesteps()[index]`, except for
    /// samplers that evaluate between two of them. Panics where there is no such step.
    fn time(&self, index: usize) -> f32 {
        self.timesteps()[index] as f32
    }

    /// The factor of the noise that a walk starts from.
    fn start_scale(&self) -> f64 {
        1.0
    }

    /// Whether step `index` uses fresh noise, in the shape of x_t.
    fn draws_noise(&self, index: usize) -> bool;

    /// How the network's output is read.
    fn reader(&self) -> Reader;

    /// The step at `timesteps()[index]`, where x_0-hat is known of the last `known` steps before it, of which two matter.
    ///
    /// # Errors
    /// There is no such step, or it needs more of those before it.
    fn formula(&self, index: usize, known: usize) -> Result<Formula, SamplerError>;

    /// The step at `timesteps()[index]`.
    ///
    /// # Errors
    /// As [`formula`](Self::formula); slices of the wrong length, noise that is missing, a negative variance.
    fn step(&self, index: usize, input: &StepInput<'_>) -> Result<StepOutput, SamplerError> {
        let known = match (input.x_0_before, input.x_0_two_before) {
            (None, _) => 0,
            (Some(_), None) => 1,
            (Some(_), Some(_)) => 2,
        };
        let formula = self.formula(index, known)?;
        let read = self.reader().read(input, formula.alpha_cumprod)?;
        Ok(StepOutput {
            x_prev: formula.apply(input, &read, self.timesteps()[index])?,
            x_0: read.x_0,
            eps: read.eps,
        })
    }
}

/// What a step is made from. Images are row-major, [n, c, h, w].
#[derive(Debug, Clone, Copy)]
pub struct StepInput<'a> {
    /// n, the number of images.
    pub count: usize,
    /// The state at this timestep.
    pub x_t: &'a [f32],
    /// The network's output for it; [n, 2c, h, w] where it also predicts a variance.
    pub model_output: &'a [f32],
    /// Standard normal values in the shape of x_t; see [`Sampler::draws_noise`].
    pub noise: Option<&'a [f32]>,
    /// x_0-hat of the step before, which DPM-Solver++(2M), Heun and UniPC build on; `None` at the first.
    pub x_0_before: Option<&'a [f32]>,
    /// That of the step before that, for UniPC; `None` at the first two.
    pub x_0_two_before: Option<&'a [f32]>,
}

/// What a step gives and what it shows, all in the shape of x_t.
#[derive(Debug, Clone, PartialEq)]
pub struct StepOutput {
    /// The state after the step.
    pub x_prev: Vec<f32>,
    /// x_0-hat, the clean image as the network sees it now (clipped, where the sampler clips).
    pub x_0: Vec<f32>,
    /// eps-hat, the noise as the network sees it now (never clipped).
    pub eps: Vec<f32>,
}

/// Which sampler, on which timesteps.
#[derive(Debug, Clone, PartialEq)]
pub struct SamplerOptions {
    /// The algorithm.
    pub kind: SamplerKind,
    /// N, between 1 and T: how many steps the whole way from noise takes.
    pub num_inference_steps: usize,
    /// DDIM's eta, in [0, 1]; the other samplers do not use it.
    pub eta: f64,
    /// Which timesteps; `None` takes the configuration's, and linspace for DPM-Solver++.
    pub spacing: Option<Spacing>,
    /// Walk from this timestep down instead of from the first of the list.
    pub start: Option<usize>,
}

/// Why a sampler cannot be built or a step cannot be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SamplerError {
    /// The schedule itself cannot be built.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// N is 0 or larger than T.
    #[error("num_inference_steps is {found}; it must be between 1 and {num_train_timesteps}")]
    NumInferenceSteps {
        /// The number.
        found: usize,
        /// T.
        num_train_timesteps: usize,
    },
    /// eta outside [0, 1].
    #[error("eta is {0}; it must lie in [0, 1]")]
    Eta(f64),
    /// The combination of spacing and number of steps gives no usable list of timesteps.
    #[error("`{spacing}` spacing with {num_inference_steps} steps: {reason}")]
    Spacing {
        /// The spacing.
        spacing: Spacing,
        /// N.
        num_inference_steps: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// Where abar is 0, x_t is all noise and eps does not determine x_0.
    #[error(
        "at timestep {0} x_t contains nothing of x_0, so an epsilon prediction does not \
         determine x_0; use v_prediction or sample, or a spacing that skips this timestep"
    )]
    NoSignal(usize),
    /// Where abar is 1, x_t is the image itself and x_0 does not determine eps.
    #[error(
        "an inversion starts from a clean image, for which a `sample` prediction does not \
         determine the noise; set `set_alpha_to_one` to false, so that it starts from the noise \
         of timestep 0"
    )]
    NoNoise,
    /// A slice of the wrong length.
    #[error("{what} has {found} values instead of {expected}")]
    Length {
        /// Which slice.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length it should have.
        expected: usize,
    },
    /// The step draws noise and got none.
    #[error("the step at timestep {0} needs noise")]
    NoiseMissing(usize),
    /// A learned variance that is negative or not a number.
    #[error(
        "the network predicts the variance {value} at timestep {timestep}; a variance is not \
         negative, so `variance_type` is probably learned_range, not learned"
    )]
    Variance {
        /// Where.
        timestep: usize,
        /// The value found.
        value: f32,
    },
    /// The step needs the one before it, which was not made.
    #[error("step {0} needs the x_0-hat of the step before it, which is missing")]
    Before(usize),
    /// A step beyond the end of the chain.
    #[error("step {index} of a chain of {steps} steps")]
    Index {
        /// The step, counted from 0.
        index: usize,
        /// How many there are.
        steps: usize,
    },
}

/// Builds the sampler that the options name, on the configuration's schedule.
pub fn sampler(
    config: &SchedulerConfig,
    options: &SamplerOptions,
) -> Result<Box<dyn Sampler>, SamplerError> {
    Ok(match options.kind {
        SamplerKind::Ddpm => Box::new(Ddpm::new(config, options)?),
        SamplerKind::Ddim => Box::new(Ddim::new(config, options)?),
        SamplerKind::DpmSolver => Box::new(DpmSolver::new(config, options)?),
        SamplerKind::Euler => Box::new(Euler::new(config, options, false)?),
        SamplerKind::EulerAncestral => Box::new(Euler::new(config, options, true)?),
        SamplerKind::Heun => Box::new(Heun::new(config, options)?),
        SamplerKind::UniPc => Box::new(UniPc::new(config, options)?),
        SamplerKind::DdimInverse => Box::new(DdimInverse::new(config, options)?),
    })
}

/// The timestep at `index`, or the error that there is none.
fn timestep_at(timesteps: &[usize], index: usize) -> Result<usize, SamplerError> {
    timesteps.get(index).copied().ok_or(SamplerError::Index {
        index,
        steps: timesteps.len(),
    })
}

/// The noise of a step, present and as long as x_t.
fn noise_of<'a>(input: &StepInput<'a>, timestep: usize) -> Result<&'a [f32], SamplerError> {
    let noise = input.noise.ok_or(SamplerError::NoiseMissing(timestep))?;
    same_length("noise", noise, input.x_t.len())?;
    Ok(noise)
}

fn same_length(what: &'static str, slice: &[f32], expected: usize) -> Result<(), SamplerError> {
    if slice.len() == expected {
        return Ok(());
    }
    Err(SamplerError::Length {
        what,
        found: slice.len(),
        expected,
    })
}

/// Rejects a visited timestep where the prediction does not determine x_0.
fn check_signal(
    prediction_type: PredictionType,
    timesteps: &[usize],
    alphas_cumprod: &[f64],
) -> Result<(), SamplerError> {
    let blind = |t: &usize| alphas_cumprod.get(*t).is_some_and(|p| *p <= 0.0);
    match timesteps.iter().copied().find(blind) {
        Some(timestep) if prediction_type == PredictionType::Epsilon => {
            Err(SamplerError::NoSignal(timestep))
        }
        _ => Ok(()),
    }
}
