//! DPM-Solver++(2M), the multistep solver of the diffusion ODE in x_0-hat
//! (Lu et al. 2022, arXiv 2211.01095, Algorithm 2).

use crate::diffusion::Transition;
use crate::schedule::{FinalSigmas, Schedule, SchedulerConfig, Spacing};

use super::level::{Level, Levels, with_signal_left};
use super::sigmas::Sigmas;
use super::timesteps::starting_at;
use super::{
    Clipping, Formula, Part, Reader, Sampler, SamplerError, SamplerOptions, check_signal,
    dpm_solver_timesteps,
};

/// A chain with fewer steps than this ends with a first-order step, if `lower_order_final` is set.
const FEW_STEPS: usize = 15;

/// With alpha = sqrt(abar), sigma = sqrt(1 - abar), lambda = log(alpha / sigma), from s to t and
/// with r before s:
///
/// ```text
/// h = lambda_t - lambda_s      D = x_0(s) + h / (2 (lambda_s - lambda_r)) (x_0(s) - x_0(r))
/// x_t = sigma_t / sigma_s x_s - alpha_t (exp(-h) - 1) D
/// ```
///
/// The first step has no r and takes D = x_0(s) (first order, which is DDIM with eta = 0), and so
/// does the last where sigma ends at 0. x_0-hat is not clipped; no noise is drawn.
#[derive(Debug, Clone)]
pub struct DpmSolver {
    steps: Levels,
    solver_order: usize,
    first_order_at_last: bool,
    reader: Reader,
}

impl DpmSolver {
    /// The sampler on the timesteps that the options name; linspace unless they say otherwise.
    pub fn new(config: &SchedulerConfig, options: &SamplerOptions) -> Result<Self, SamplerError> {
        let n = options.num_inference_steps;
        let spacing = options.spacing.unwrap_or(Spacing::Linspace);
        let (steps, few_steps) = if config.use_karras_sigmas {
            let steps = Levels::of_karras(config, options)?;
            (steps, n < FEW_STEPS)
        } else if config.exploding.is_some() && spacing == Spacing::Linspace {
            let sigmas = Sigmas::new(config, options)?;
            let steps = Levels::between(sigmas, config.final_sigmas_type);
            (steps, n < FEW_STEPS)
        } else {
            let schedule = with_signal_left(config, Schedule::new(config)?);
            let list = dpm_solver_timesteps(config, &schedule, spacing, n)?;
            let few_steps = list.len() < FEW_STEPS;
            let timesteps = starting_at(list, options, config.num_train_timesteps)?;
            check_signal(config.prediction_type, &timesteps, &schedule.alphas_cumprod)?;
            let steps = Levels::new(&schedule, timesteps, config.final_sigmas_type)?;
            (steps, few_steps)
        };
        Ok(Self {
            steps,
            solver_order: config.solver_order,
            first_order_at_last: config.euler_at_final
                || (config.lower_order_final && few_steps)
                || config.final_sigmas_type == FinalSigmas::Zero,
            reader: Reader {
                prediction_type: config.prediction_type,
                clipping: Clipping::threshold_of(config),
            },
        })
    }

    /// The level before step `index`, if the step is of second order.
    fn second_order_from(&self, index: usize) -> Option<Level> {
        let is_last = index + 1 == self.steps.timesteps.len();
        if self.solver_order < 2 || (is_last && self.first_order_at_last) {
            return None;
        }
        self.steps.levels.get(index.checked_sub(1)?).copied()
    }
}

impl Sampler for DpmSolver {
    fn timesteps(&self) -> &[usize] {
        &self.steps.timesteps
    }

    fn transition(&self, index: usize) -> Result<Transition, SamplerError> {
        self.steps.transition(index)
    }

    fn time(&self, index: usize) -> f32 {
        self.steps.times[index]
    }

    fn draws_noise(&self, _index: usize) -> bool {
        false
    }

    fn reader(&self) -> Reader {
        self.reader
    }

    fn formula(&self, index: usize, known: usize) -> Result<Formula, SamplerError> {
        let [s, t] = self.steps.around(index)?;
        let h = t.lambda - s.lambda;
        let of_x_0 = -t.alpha * (-h).exp_m1();
        let first = [(t.sigma / s.sigma, Part::XT), (of_x_0, Part::X0)];
        let mut formula = Formula::of(s.alpha_cumprod, first);
        if let (Some(r), true) = (self.second_order_from(index), known > 0) {
            // Where two timesteps coincide there is no slope between them.
            let h_before = s.lambda - r.lambda;
            if h_before != 0.0 {
                let slope = of_x_0 * h / (2.0 * h_before);
                formula.then = vec![(slope, Part::X0), (-slope, Part::X0Before)];
            }
        }
        Ok(formula)
    }
}
