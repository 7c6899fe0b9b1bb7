//! The formulas for the betas themselves.

use std::f64::consts::FRAC_PI_2;

use super::{BetaSchedule, SchedulerConfig, cumprod};

/// The betas that a (validated) configuration names, before any rescaling.
pub(super) fn betas_for(config: &SchedulerConfig) -> Vec<f64> {
    let (first, last, count) = (
        config.beta_start,
        config.beta_end,
        config.num_train_timesteps,
    );
    if let Some(trained) = &config.trained_betas {
        return trained.clone();
    }
    match config.beta_schedule {
        // Ho et al. 2020, section 4: "forward process variances increasing linearly".
        BetaSchedule::Linear => linspace(first, last, count),
        // linspace(sqrt(beta_1), sqrt(beta_T), T)^2
        BetaSchedule::ScaledLinear => linspace(first.sqrt(), last.sqrt(), count)
            .into_iter()
            .map(|root| root * root)
            .collect(),
        BetaSchedule::SquaredcosCapV2 => cosine(count),
        // sigmoid(linspace(-6, 6, T)) * (beta_T - beta_1) + beta_1
        BetaSchedule::Sigmoid => linspace(-6.0, 6.0, count)
            .into_iter()
            .map(|x| (last - first) / (1.0 + (-x).exp()) + first)
            .collect(),
    }
}

/// Nichol & Dhariwal 2021 (arXiv 2102.09672), eq. 17: abar(s) falls like a squared cosine, and
/// `beta_i = min(1 - abar((i+1)/T) / abar(i/T), 0.999)`, capped since it reaches 1 at the end.
fn cosine(count: usize) -> Vec<f64> {
    let alpha_bar = |s: f64| ((s + 0.008) / 1.008 * FRAC_PI_2).cos().powi(2);
    let steps = count as f64;
    (0..count)
        .map(|i| {
            let (now, next) = (i as f64 / steps, (i + 1) as f64 / steps);
            (1.0 - alpha_bar(next) / alpha_bar(now)).min(0.999)
        })
        .collect()
}

/// Lin et al. 2023 (arXiv 2305.08891), Algorithm 1: shift sqrt(abar) so that its last entry is 0,
/// scale it so that its first stays what it was, and read the betas back from it.
///
/// A chain of one timestep cannot keep its first entry and lose its last: it is left as it is.
pub(super) fn rescale_zero_terminal_snr(betas: &[f64]) -> Vec<f64> {
    let alphas: Vec<f64> = betas.iter().map(|beta| 1.0 - beta).collect();
    let roots: Vec<f64> = cumprod(&alphas).into_iter().map(f64::sqrt).collect();
    let (Some(&first), Some(&last)) = (roots.first(), roots.last()) else {
        return Vec::new();
    };
    if roots.len() == 1 {
        return betas.to_vec();
    }
    let scale = first / (first - last);
    let rescaled = roots.iter().map(|root| ((root - last) * scale).powi(2));
    let mut before = 1.0;
    rescaled
        .map(|alpha_cumprod| {
            let alpha = alpha_cumprod / before;
            before = alpha_cumprod;
            1.0 - alpha
        })
        .collect()
}

/// `count` values from `first` to `last`, both included; one value is `first`.
pub(crate) fn linspace(first: f64, last: f64, count: usize) -> Vec<f64> {
    let step = (last - first) / (count.max(2) - 1) as f64;
    (0..count)
        .map(|i| {
            // The end is set, not reached by adding: rounding must not move it.
            if i > 0 && i + 1 == count {
                last
            } else {
                first + i as f64 * step
            }
        })
        .collect()
}
