//! The published values of diffusers' scheduler tests: T = 1000, linear betas from 1e-4 to 0.02, a
//! network that says x t / (t + 1), a ramp as the first state.
//!
//! Source: diffusers, tests/schedulers/test_scheduler_ddpm.py, test_scheduler_ddim.py and
//! test_scheduler_dpm_multi.py.

use crate::common::{dummy, dummy_sample, dummy_walk, sum_and_mean};
use walkback::chain::ChainOptions;
use walkback::diffusion::Transition;
use walkback::sampler::{Ddpm, Sampler, SamplerKind, SamplerOptions, StepInput};
use walkback::schedule::{FinalSigmas, PredictionType, Schedule, SchedulerConfig, VarianceType};

const SUM: f64 = 1e-2;
const MEAN: f64 = 1e-3;
const VARIANCE: f64 = 1e-5;

#[track_caller]
fn assert_near(found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() < tolerance,
        "{found} is not within {tolerance} of {expected}"
    );
}

fn predicting(prediction_type: PredictionType) -> SchedulerConfig {
    SchedulerConfig {
        prediction_type,
        ..SchedulerConfig::default()
    }
}

fn ten_steps(sampler: SamplerKind) -> ChainOptions {
    ChainOptions {
        sampler,
        num_inference_steps: 10,
        ..ChainOptions::default()
    }
}

fn all_ddpm_steps(config: &SchedulerConfig) -> Ddpm {
    let options = SamplerOptions {
        kind: SamplerKind::Ddpm,
        num_inference_steps: config.num_train_timesteps,
        eta: 0.0,
        spacing: None,
        start: None,
    };
    Ddpm::new(config, &options).unwrap()
}

#[test]
fn ddpm_variance_fixed_small() {
    let ddpm = all_ddpm_steps(&SchedulerConfig::default());
    for (timestep, expected) in [(0, 0.0), (487, 0.00979), (999, 0.02)] {
        let index = 999 - timestep;
        assert_eq!(ddpm.timesteps()[index], timestep);
        let variance = ddpm.transition(index).unwrap().posterior_variance();
        assert_near(variance, expected, VARIANCE);
    }
}

#[test]
fn ddpm_full_loop() {
    for (prediction_type, sum, mean) in [
        (PredictionType::Epsilon, 258.9606, 0.3372),
        (PredictionType::VPrediction, 202.0296, 0.2631),
    ] {
        let found = dummy_walk(&predicting(prediction_type), ChainOptions::default(), 999);
        assert_near(found.0, sum, SUM);
        assert_near(found.1, mean, MEAN);
    }
}

#[test]
fn ddpm_full_loop_without_noise() {
    for (prediction_type, sum) in [
        (PredictionType::Epsilon, 0.66094),
        (PredictionType::VPrediction, 0.11322),
    ] {
        let ddpm = all_ddpm_steps(&predicting(prediction_type));
        let mut x_t = dummy_sample();
        let silence = vec![0.0; x_t.len()];
        for (index, &timestep) in ddpm.timesteps().iter().enumerate() {
            let model_output = dummy(&x_t, [4, 3, 8, 8], timestep as f32);
            let input = StepInput {
                count: 4,
                x_t: &x_t,
                model_output: &model_output,
                noise: Some(&silence),
                x_0_before: None,
                x_0_two_before: None,
            };
            x_t = ddpm.step(index, &input).unwrap().x_prev;
        }
        assert_near(sum_and_mean(&x_t).0, sum, 1e-3);
    }
}

#[test]
fn ddim_variance() {
    let schedule = Schedule::new(&SchedulerConfig::default()).unwrap();
    for (timestep, prev, expected) in [
        (420, 400, 0.14771),
        (980, 960, 0.32460),
        (487, 486, 0.00979),
        (999, 998, 0.02),
    ] {
        let transition = Transition {
            alpha_cumprod: schedule.alphas_cumprod[timestep],
            alpha_cumprod_prev: schedule.alphas_cumprod[prev],
        };
        assert_near(transition.posterior_variance(), expected, VARIANCE);
    }
}

#[test]
fn ddim_ten_steps() {
    for (prediction_type, sum, mean) in [
        (PredictionType::Epsilon, 172.0067, 0.223967),
        (PredictionType::VPrediction, 52.5302, 0.0684),
    ] {
        let config = predicting(prediction_type);
        let found = dummy_walk(&config, ten_steps(SamplerKind::Ddim), 900);
        assert_near(found.0, sum, SUM);
        assert_near(found.1, mean, MEAN);
    }
}

#[test]
fn ddim_final_alpha() {
    for (set_alpha_to_one, sum) in [(true, 149.8295), (false, 149.0784)] {
        let config = SchedulerConfig {
            beta_start: 0.01,
            set_alpha_to_one,
            ..SchedulerConfig::default()
        };
        let found = dummy_walk(&config, ten_steps(SamplerKind::Ddim), 900);
        assert_near(found.0, sum, SUM);
    }
}

#[test]
fn dpm_solver_ending_in_the_noise_of_timestep_0() {
    for (prediction_type, mean) in [
        (PredictionType::Epsilon, 0.3301),
        (PredictionType::VPrediction, 0.2251),
    ] {
        let config = SchedulerConfig {
            lower_order_final: false,
            final_sigmas_type: FinalSigmas::SigmaMin,
            ..predicting(prediction_type)
        };
        let found = dummy_walk(&config, ten_steps(SamplerKind::DpmSolver), 999);
        assert_near(found.1, mean, MEAN);
    }
}

#[test]
fn dpm_solver_ending_in_the_clean_image() {
    for (prediction_type, mean) in [
        (PredictionType::Epsilon, 0.2409),
        (PredictionType::VPrediction, 0.0985),
    ] {
        let config = predicting(prediction_type);
        let found = dummy_walk(&config, ten_steps(SamplerKind::DpmSolver), 999);
        assert_near(found.1, mean, MEAN);
    }
}

#[test]
fn fixed_small_log_is_fixed_small_and_fixed_large_log_is_fixed_large() {
    let walk_with = |variance_type| {
        let config = SchedulerConfig {
            variance_type,
            ..SchedulerConfig::default()
        };
        dummy_walk(&config, ten_steps(SamplerKind::Ddpm), 900)
    };
    let small = walk_with(VarianceType::FixedSmall);
    let large = walk_with(VarianceType::FixedLarge);
    assert_eq!(walk_with(VarianceType::FixedSmallLog), small);
    assert_eq!(walk_with(VarianceType::FixedLargeLog), large);
    assert_ne!(small, large);
}
