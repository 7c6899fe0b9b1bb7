//! Which of the T training timesteps a chain of N steps visits (Lin et al. 2023, table 2).

use crate::schedule::{Schedule, ScheduleError, SchedulerConfig, Spacing, linspace};

use super::{SamplerError, SamplerOptions};

/// The N timesteps of DDPM and DDIM, falling. `steps_offset` is added in the leading spacing only.
///
/// ```text
/// leading    i (T // N) + offset              linspace   round(i (T-1)/(N-1))
/// trailing   round(T - i T/N) - 1             for i = 0 .. N-1; halves are rounded to even
/// ```
pub fn timesteps(
    config: &SchedulerConfig,
    spacing: Spacing,
    num_inference_steps: usize,
) -> Result<Vec<usize>, SamplerError> {
    let (t, n) = (config.num_train_timesteps, num_inference_steps);
    check_count(n, t)?;
    let list = match spacing {
        Spacing::Leading => leading(t / n, n, config.steps_offset),
        Spacing::Linspace => rounded(linspace(0.0, (t - 1) as f64, n)),
        Spacing::Trailing => trailing(t, t, n),
    };
    inside(list, config, spacing, n)
}

/// The timesteps of DPM-Solver++, falling: N + 1 points, without the last, since its final state
/// lies below timestep 0. Trailing is as for the others.
pub fn dpm_solver_timesteps(
    config: &SchedulerConfig,
    schedule: &Schedule,
    spacing: Spacing,
    num_inference_steps: usize,
) -> Result<Vec<usize>, SamplerError> {
    // Timesteps with hardly any signal are left out; the cosine schedule has lambda near -10 there.
    let least = config.lambda_min();
    let visited = (0..config.num_train_timesteps)
        .filter(|&t| schedule.lambda(t) >= least)
        .count();
    if visited == 0 {
        return Err(SamplerError::Spacing {
            spacing,
            num_inference_steps,
            reason: "lambda_min_clipped leaves no timestep".into(),
        });
    }
    solver_timesteps(
        "DPM-Solver++",
        config,
        visited,
        spacing,
        num_inference_steps,
    )
}

/// The same among the first `visited` timesteps, for the solver of this name.
pub(super) fn solver_timesteps(
    solver: &str,
    config: &SchedulerConfig,
    visited: usize,
    spacing: Spacing,
    num_inference_steps: usize,
) -> Result<Vec<usize>, SamplerError> {
    let (t, n) = (config.num_train_timesteps, num_inference_steps);
    check_count(n, t)?;
    let refuse = |reason: String| SamplerError::Spacing {
        spacing,
        num_inference_steps: n,
        reason,
    };
    let mut list = match spacing {
        Spacing::Leading => {
            let stride = visited / (n + 1);
            if stride == 0 {
                return Err(refuse(format!("{solver} needs fewer than {visited} steps")));
            }
            leading(stride, n + 1, config.steps_offset)
        }
        Spacing::Linspace => rounded(linspace(0.0, (visited - 1) as f64, n + 1)),
        Spacing::Trailing => trailing(visited, t, n),
    };
    if spacing != Spacing::Trailing {
        list.pop();
    }
    inside(list, config, spacing, n)
}

/// The list from `start` down: `start` itself, then what lies below it.
pub(super) fn starting_at(
    list: Vec<usize>,
    options: &SamplerOptions,
    num_train_timesteps: usize,
) -> Result<Vec<usize>, ScheduleError> {
    match options.start {
        None => Ok(list),
        Some(timestep) if timestep >= num_train_timesteps => Err(ScheduleError::Timestep {
            timestep,
            num_train_timesteps,
        }),
        Some(timestep) => {
            let below = list.into_iter().filter(|&t| t < timestep);
            Ok(std::iter::once(timestep).chain(below).collect())
        }
    }
}

pub(super) fn check_count(n: usize, num_train_timesteps: usize) -> Result<(), SamplerError> {
    if (1..=num_train_timesteps).contains(&n) {
        return Ok(());
    }
    Err(SamplerError::NumInferenceSteps {
        found: n,
        num_train_timesteps,
    })
}

fn leading(stride: usize, count: usize, offset: usize) -> Vec<usize> {
    (0..count)
        .rev()
        .map(|i| (i * stride).saturating_add(offset))
        .collect()
}

/// Rounds rising values, halves to even as numpy does, and lists them falling.
fn rounded(values: Vec<f64>) -> Vec<usize> {
    let falling = values.into_iter().rev();
    falling.map(|v| v.round_ties_even() as usize).collect()
}

/// `round(first - i T/N) - 1`, as long as it is not below 0.
fn trailing(first: usize, num_train_timesteps: usize, n: usize) -> Vec<usize> {
    let first = first as f64;
    // numpy.arange multiplies the difference of its first two values, whose rounding decides ties.
    let stride = first - (first - num_train_timesteps as f64 / n as f64);
    (0..n)
        .map(|i| (first - i as f64 * stride).round_ties_even())
        .take_while(|&t| t >= 1.0)
        .map(|t| t as usize - 1)
        .collect()
}

/// Rejects a list that leaves the chain, which only `steps_offset` can cause.
fn inside(
    list: Vec<usize>,
    config: &SchedulerConfig,
    spacing: Spacing,
    num_inference_steps: usize,
) -> Result<Vec<usize>, SamplerError> {
    let (offset, last) = (config.steps_offset, config.num_train_timesteps - 1);
    match list.iter().find(|&&t| t > last) {
        None => Ok(list),
        Some(t) => Err(SamplerError::Spacing {
            spacing,
            num_inference_steps,
            reason: format!("steps_offset {offset} leads to timestep {t}, beyond the last, {last}"),
        }),
    }
}
