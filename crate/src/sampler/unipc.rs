//! UniPC, a predictor and a corrector for the diffusion ODE in x_0-hat (Zhao et al. 2023, arXiv 2302.04867, Algorithms 5
//! and 6 with B_2(h) = exp(h) - 1), of first or second order.

use crate::diffusion::Transition;
use crate::schedule::{FinalSigmas, Schedule, SchedulerConfig};

use super::level::{Levels, with_signal_left};
use super::timesteps::{solver_timesteps, starting_at};
use super::{Clipping, Formula, Part, Reader, Sampler, SamplerError, SamplerOptions, check_signal};

/// With lambda, alpha and sigma as in [`DpmSolver`](super::DpmSolver), from s to t, with h = lambda_t - lambda_s, r before s
/// and rho = (lambda_r - lambda_s) / h:
///
/// ```text
/// x_t = sigma_t / sigma_s x_s - alpha_t (exp(-h) - 1) (x_0(s) + D / 2),   D = (x_0(r) - x_0(s)) / rho
/// ```
///
/// Once the network has been evaluated at x_t, the corrector replaces D / 2 by `a D + b (x_0(t) - x_0(s))`. As the
/// two differ in that term alone, the corrected state follows from x_t and the last two x_0-hat, and nothing else is kept.
#[derive(Debug, Clone)]
pub struct UniPc {
    steps: Levels,
    solver_order: usize,
    lower_order_final: bool,
    reader: Reader,
}

impl UniPc {
    /// The sampler on the timesteps that the options name.
    pub fn new(config: &SchedulerConfig, options: &SamplerOptions) -> Result<Self, SamplerError> {
        let steps = if config.use_karras_sigmas {
            Levels::of_karras(config, options)?
        } else {
            let schedule = with_signal_left(config, Schedule::new(config)?);
            let spacing = options.spacing.unwrap_or(config.timestep_spacing);
            let (total, n) = (config.num_train_timesteps, options.num_inference_steps);
            let list = solver_timesteps("UniPC", config, total, spacing, n)?;
            let timesteps = starting_at(list, options, total)?;
            check_signal(config.prediction_type, &timesteps, &schedule.alphas_cumprod)?;
            Levels::new(&schedule, timesteps, config.final_sigmas_type)?
        };
        Ok(Self {
            steps,
            solver_order: config.solver_order,
            // To the clean image h is infinite, and there is no slope on such a way.
            lower_order_final: config.lower_order_final
                || config.final_sigmas_type == FinalSigmas::Zero,
            reader: Reader {
                prediction_type: config.prediction_type,
                clipping: Clipping::threshold_of(config),
            },
        })
    }

    /// The order of the predictor at a step.
    fn order(&self, index: usize) -> usize {
        let left = self.steps.timesteps.len() - index;
        let most = if self.lower_order_final {
            self.solver_order.min(left)
        } else {
            self.solver_order
        };
        most.min(index + 1)
    }

    /// rho of the step that leads to level `to`: where r lies as seen from s.
    fn rho(&self, to: usize) -> f64 {
        let lambda = |index: usize| self.steps.levels[index].lambda;
        (lambda(to - 2) - lambda(to - 1)) / (lambda(to) - lambda(to - 1))
    }

    /// What is added to x_t at step `index` to correct it by the network's x_0-hat at x_t.
    fn corrections(&self, index: usize, known: usize) -> Vec<(f64, Part)> {
        if known == 0 || index == 0 {
            return Vec::new();
        }
        let level = self.steps.levels[index];
        let h = level.lambda - self.steps.levels[index - 1].lambda;
        if h == 0.0 {
            return Vec::new();
        }
        let (mut of_slope, mut of_new) = (0.0, 0.5);
        let second = self.order(index - 1) >= 2;
        let rho = if second { self.rho(index) } else { 0.0 };
        // Where two timesteps coincide there is no slope between them, neither here nor in the predictor.
        let has_slope = known > 1 && rho != 0.0 && rho.is_finite();
        if has_slope {
            // The two conditions of order (Theorem 3.1) for D and for the new difference.
            let b_h = (-h).exp_m1();
            let phi_2 = b_h / -h - 1.0;
            let phi_3 = phi_2 / -h - 0.5;
            let (b_1, b_2) = (phi_2 / b_h, 2.0 * phi_3 / b_h);
            let a = (b_1 - b_2) / (1.0 - rho);
            (of_slope, of_new) = (a - 0.5, b_1 - a);
        }
        let factor = -level.alpha * (-h).exp_m1();
        let mut added = vec![
            (factor * of_new, Part::X0),
            (-factor * of_new, Part::X0Before),
        ];
        if has_slope {
            added.push((factor * of_slope / rho, Part::X0TwoBefore));
            added.push((-factor * of_slope / rho, Part::X0Before));
        }
        added
    }
}

impl Sampler for UniPc {
    fn timesteps(&self) -> &[usize] {
        &self.steps.timesteps
    }

    fn transition(&self, index: usize) -> Result<Transition, SamplerError> {
        self.steps.transition(index)
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
        formula.corrections = self.corrections(index, known);
        if known > 0 && self.order(index) >= 2 && h != 0.0 {
            let slope = 0.5 * of_x_0 / self.rho(index + 1);
            if slope.is_finite() {
                formula.then = vec![(slope, Part::X0Before), (-slope, Part::X0)];
            }
        }
        Ok(formula)
    }
}
