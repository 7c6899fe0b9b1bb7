//! The timesteps of the samplers that walk on the axis of s = sigma / alpha (Karras et al. 2022, arXiv 2206.00364), as
//! k-diffusion and diffusers choose them: they may lie between two of the model's.

use crate::schedule::{Schedule, ScheduleError, SchedulerConfig, Spacing, linspace};

use super::level::{Level, with_signal_left};
use super::timesteps::check_count;
use super::{SamplerError, SamplerOptions, check_signal, timesteps};

/// The timesteps and noise levels of a walk.
#[derive(Debug, Clone)]
pub(super) struct Sigmas {
    /// The timesteps at which the network is evaluated, falling; in the linspace spacing they are fractions.
    pub times: Vec<f32>,
    /// One noise level for each of them; the walk ends at another, which is not here.
    pub levels: Vec<Level>,
    /// The level of timestep 0.
    pub least: Level,
    /// The factor of the noise that the walk starts from: leading starts in noise of variance 1, the others in pure
    /// s eps, which is a little less than that.
    pub start_scale: f64,
}

impl Sigmas {
    pub(super) fn new(
        config: &SchedulerConfig,
        options: &SamplerOptions,
    ) -> Result<Self, SamplerError> {
        let schedule = with_signal_left(config, Schedule::new(config)?);
        let spacing = options.spacing.unwrap_or(config.timestep_spacing);
        let (total, n) = (config.num_train_timesteps, options.num_inference_steps);
        let mut times: Vec<f32> = match spacing {
            Spacing::Linspace => {
                check_count(n, total)?;
                let rising = linspace(0.0, (total - 1) as f64, n);
                rising.into_iter().rev().map(|t| t as f32).collect()
            }
            _ => {
                let list = timesteps(config, spacing, n)?;
                list.into_iter().map(|t| t as f32).collect()
            }
        };
        if let Some(start) = options.start {
            if start >= total {
                return Err(ScheduleError::Timestep {
                    timestep: start,
                    num_train_timesteps: total,
                }
                .into());
            }
            times.retain(|&t| t < start as f32);
            times.insert(0, start as f32);
        }
        check_signal(
            config.prediction_type,
            &rounded(&times),
            &schedule.alphas_cumprod,
        )?;
        let table: Vec<f64> = schedule
            .alphas_cumprod
            .iter()
            .map(|&abar| Level::new(abar).noise())
            .collect();
        let levels: Vec<Level> = times
            .iter()
            .map(|&t| Level::of_noise(between(&table, t)))
            .collect();
        let start_scale = match (spacing, levels.first()) {
            (Spacing::Leading, _) | (_, None) => 1.0,
            (_, Some(first)) => first.sigma,
        };
        Ok(Self {
            times,
            levels,
            least: Level::of_noise(table[0]),
            start_scale,
        })
    }

    /// The nearest of the model's own timesteps.
    pub(super) fn timesteps(&self) -> Vec<usize> {
        rounded(&self.times)
    }
}

fn rounded(times: &[f32]) -> Vec<usize> {
    times.iter().map(|t| t.round() as usize).collect()
}

/// A table's value at an index that may lie between two entries.
fn between(table: &[f64], t: f32) -> f64 {
    let below = (t.floor() as usize).min(table.len() - 1);
    let above = (below + 1).min(table.len() - 1);
    table[below] + (table[above] - table[below]) * f64::from(t.fract())
}
