//! The timesteps of the samplers that walk on the axis of s = sigma / alpha (Karras et al. 2022, arXiv 2206.00364), as
//! k-diffusion and diffusers choose them: they may lie between two of the model's.

use crate::schedule::{
    Preconditioning, PredictionType, Schedule, ScheduleError, SchedulerConfig, Spacing, flow,
    linspace,
};

use super::level::{Level, with_signal_left};
use super::timesteps::check_count;
use super::{SamplerError, SamplerKind, SamplerOptions, check_signal, timesteps};

/// The timesteps and noise levels of a walk.
#[derive(Debug, Clone)]
pub(super) struct Sigmas {
    /// The timesteps at which the network is evaluated, falling; in the linspace spacing they are fractions.
    pub times: Vec<f32>,
    /// One noise level for each of them; the walk ends at another, which is not here.
    pub levels: Vec<Level>,
    /// The level of timestep 0.
    pub least: Level,
    /// The factor of the noise that the walk starts from: leading and EDM start in noise of variance 1, the others in
    /// pure s eps, which is a little less than that.
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
        let is_flow = config.prediction_type == PredictionType::Flow;
        let exploding = config.exploding;
        let mut times: Vec<f32> = match spacing {
            Spacing::Linspace if is_flow => {
                check_count(n, total)?;
                flow_times(config, n)
            }
            Spacing::Linspace => {
                check_count(n, total)?;
                let (first, last) = (0.0, (total - 1) as f64);
                // One step alone starts from noise where the file states its level, and at timestep 0 elsewhere.
                let falling = if exploding.is_some() {
                    linspace(last, first, n)
                } else {
                    linspace(first, last, n).into_iter().rev().collect()
                };
                falling.into_iter().map(|t| t as f32).collect()
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
        let table = noise_of(&schedule);
        let mut levels: Vec<Level> = times
            .iter()
            .map(|&t| match exploding {
                Some(stated) => Level::of_noise(stated.noise(t.into(), total)),
                None if is_flow => Level::of_flow(flow::share_of_noise(t.into(), total).min(1.0)),
                None => Level::of_noise(between(&table, t)),
            })
            .collect();
        if config.use_karras_sigmas
            && options.kind != SamplerKind::EulerAncestral
            && let (Some(&first), Some(&last)) = (times.first(), times.last())
        {
            let count = times.len();
            if is_flow {
                let share = |t: f32| flow::share_of_noise(t.into(), total).min(1.0);
                let shares = karras(share(first), share(last), count);
                let time = |s: &f64| (s * total as f64 - 1.0) as f32;
                times = shares.iter().map(time).collect();
                levels = shares.into_iter().map(Level::of_flow).collect();
            } else {
                let noise = karras(levels[0].noise(), levels[count - 1].noise(), count);
                times = noise.iter().map(|&s| time_of(&table, s)).collect();
                levels = noise.into_iter().map(Level::of_noise).collect();
            }
        }
        let edm = matches!(
            exploding.map(|levels| levels.network),
            Some(Preconditioning::Edm { .. })
        );
        let start_scale = match (spacing, levels.first()) {
            (Spacing::Leading, _) | (_, None) => 1.0,
            _ if edm => 1.0,
            (_, Some(first)) => first.sigma,
        };
        Ok(Self {
            times,
            levels,
            least: Level::of_noise(table[0]),
            start_scale,
        })
    }

    /// Levels over all of the schedule, spaced as Karras et al. space them, at the nearest whole timesteps: what multistep
    /// solvers visit where the file asks for such levels, whatever the spacing. On a cosine schedule diffusers' DPM-Solver++
    /// cuts the fractions off instead, and fails with more than a few steps, because two of its timesteps are equal then.
    pub(super) fn over_all(
        config: &SchedulerConfig,
        options: &SamplerOptions,
    ) -> Result<Self, SamplerError> {
        let schedule = with_signal_left(config, Schedule::new(config)?);
        let (total, n) = (config.num_train_timesteps, options.num_inference_steps);
        check_count(n, total)?;
        let table = noise_of(&schedule);
        let mut visited: Vec<(f32, f64)> = karras(table[total - 1], table[0], n)
            .into_iter()
            .map(|s| (time_of(&table, s).round_ties_even(), s))
            .collect();
        if let Some(start) = options.start {
            let noise = Level::new(schedule.alpha_cumprod(Some(start))?).noise();
            visited.retain(|(t, _)| *t < start as f32);
            visited.insert(0, (start as f32, noise));
        }
        let (times, noise): (Vec<f32>, Vec<f64>) = visited.into_iter().unzip();
        check_signal(
            config.prediction_type,
            &rounded(&times),
            &schedule.alphas_cumprod,
        )?;
        Ok(Self {
            times,
            levels: noise.into_iter().map(Level::of_noise).collect(),
            least: Level::of_noise(table[0]),
            start_scale: 1.0,
        })
    }

    /// The nearest of the model's own timesteps.
    pub(super) fn timesteps(&self) -> Vec<usize> {
        rounded(&self.times)
    }
}

/// s at each of the schedule's timesteps.
fn noise_of(schedule: &Schedule) -> Vec<f64> {
    let abar = schedule.alphas_cumprod.iter();
    abar.map(|&abar| Level::new(abar).noise()).collect()
}

/// So many levels from the first to the last, evenly spaced in the rho-th root (Karras et al. 2022, eq. 5).
fn karras(first: f64, last: f64, count: usize) -> Vec<f64> {
    const RHO: f64 = 7.0;
    let root = |level: f64| level.powf(RHO.recip());
    linspace(root(first), root(last), count)
        .into_iter()
        .map(|root| root.powf(RHO))
        .collect()
}

/// The time at which a table of s has a value, between two entries by its logarithm.
fn time_of(table: &[f64], s: f64) -> f32 {
    let below = table.partition_point(|&entry| entry <= s).saturating_sub(1);
    let below = below.min(table.len().saturating_sub(2));
    let above = (below + 1).min(table.len() - 1);
    let (low, high) = (table[below].ln(), table[above].ln());
    let share = ((s.ln() - low) / (high - low)).clamp(0.0, 1.0);
    (below as f64 + if share.is_nan() { 0.0 } else { share }) as f32
}

/// The times of `FlowMatchEulerDiscreteScheduler`, falling: evenly from the first to the last, and shifted once more.
fn flow_times(config: &SchedulerConfig, n: usize) -> Vec<f32> {
    let total = config.num_train_timesteps as f64;
    let last = flow::shifted(1.0 / total, config.shift);
    linspace(1.0, last, n)
        .into_iter()
        .map(|s| (flow::shifted(s, config.shift) * total - 1.0) as f32)
        .collect()
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
