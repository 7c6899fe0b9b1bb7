//! If the answer were known: the walk of the true posterior q(x_{t-1} | x_t, x_0).

use crate::common::{largest_difference, unconditional, walk};
use walkback::chain::{ChainError, ChainOptions, KnownImage, ModelSpec};
use walkback::diffusion::Transition;
use walkback::noise::{NoiseStream, slerp};
use walkback::sampler::SamplerKind;
use walkback::schedule::{PredictionType, Schedule, SchedulerConfig, VarianceType};

fn image() -> Vec<f32> {
    (0..64).map(|i| (i as f32 * 0.3).cos()).collect()
}

fn options() -> ChainOptions {
    ChainOptions {
        seed: 11,
        num_inference_steps: 50,
        ..ChainOptions::default()
    }
}

#[test]
fn it_arrives_at_the_known_image_whatever_the_model_predicts() {
    for prediction_type in [
        PredictionType::Epsilon,
        PredictionType::Sample,
        PredictionType::VPrediction,
    ] {
        let scheduler = SchedulerConfig {
            prediction_type,
            variance_type: VarianceType::LearnedRange,
            ..SchedulerConfig::default()
        };
        let model = ModelSpec {
            out_channels: 2,
            ..unconditional(1, 8, 8)
        };
        let (chain, known) = KnownImage::chain(&scheduler, &model, options(), image()).unwrap();
        let steps = walk(chain, &known);
        assert_eq!(steps.len(), 50);
        let end = largest_difference(&steps[49].x_prev, &image());
        assert!(end < 2e-3, "{prediction_type}: {end}");
    }
}

#[test]
fn each_step_is_the_posterior_with_the_chains_own_noise() {
    // The posterior's variance is its own, not the one that the model's steps have.
    let scheduler = SchedulerConfig {
        variance_type: VarianceType::FixedLarge,
        ..SchedulerConfig::default()
    };
    let schedule = Schedule::new(&scheduler).unwrap();
    let model = unconditional(1, 8, 8);
    let (chain, known) = KnownImage::chain(&scheduler, &model, options(), image()).unwrap();
    let timesteps = chain.timesteps().to_vec();
    let mut noise = NoiseStream::new(11);
    let mut x_t = noise.normal(64);
    assert_eq!(x_t, chain.x_t());
    for (i, step) in walk(chain, &known).into_iter().enumerate() {
        let transition = Transition {
            alpha_cumprod: schedule.alphas_cumprod[timesteps[i]],
            alpha_cumprod_prev: schedule
                .alpha_cumprod(timesteps.get(i + 1).copied())
                .unwrap(),
        };
        let z = if timesteps[i] > 0 {
            noise.normal(64)
        } else {
            vec![0.0; 64]
        };
        let mut expected = vec![0.0; 64];
        transition.posterior_step(&image(), &x_t, &z, &mut expected);
        let difference = largest_difference(&step.x_prev, &expected);
        assert!(difference < 1e-3, "t = {}: {difference}", timesteps[i]);
        x_t = step.x_prev;
    }
}

#[test]
fn it_knows_the_image_from_the_first_step_on_where_a_sampler_has_noise_levels_of_its_own() {
    // With a zero terminal SNR, DPM-Solver++ takes a last level with a little signal in it.
    for prediction_type in [PredictionType::Epsilon, PredictionType::VPrediction] {
        let scheduler = SchedulerConfig {
            prediction_type,
            rescale_betas_zero_snr: true,
            ..SchedulerConfig::default()
        };
        let options = ChainOptions {
            sampler: SamplerKind::DpmSolver,
            num_inference_steps: 20,
            ..options()
        };
        let model = unconditional(1, 8, 8);
        let (chain, known) = KnownImage::chain(&scheduler, &model, options, image()).unwrap();
        for step in walk(chain, &known) {
            let apart = largest_difference(&step.x_0, &image());
            assert!(
                apart < 2e-2,
                "{prediction_type}, t = {}: {apart}",
                step.timestep
            );
        }
    }
}

#[test]
fn an_image_of_another_size_or_without_numbers_is_refused_with_the_reason() {
    let refused = |x_0: Vec<f32>| {
        let model = unconditional(1, 8, 8);
        match KnownImage::chain(&SchedulerConfig::default(), &model, options(), x_0) {
            Err(ChainError::Option {
                option: "known",
                reason,
            }) => reason,
            Err(other) => panic!("{other}"),
            Ok(_) => "nothing".into(),
        }
    };
    assert_eq!(refused(vec![0.0; 63]), "x_0 has 63 values instead of 64");
    let mut image = vec![0.0; 64];
    assert_eq!(refused(image.clone()), "nothing");
    image[9] = f32::NAN;
    assert_eq!(refused(image), "x_0 holds NaN");
}

#[test]
fn interpolated_noise_is_as_long_as_noise() {
    let (a, b) = (
        NoiseStream::new(1).normal(784),
        NoiseStream::new(2).normal(784),
    );
    let length = |x: &[f32]| x.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
    assert_eq!(slerp(&a, &b, 0.0), a);
    assert_eq!(slerp(&a, &b, 1.0), b);
    for share in [0.25, 0.5, 0.75] {
        let between = slerp(&a, &b, share);
        let expected = (1.0 - share) * length(&a) + share * length(&b);
        assert!((length(&between) / expected - 1.0).abs() < 0.02, "{share}");
        // A straight line is shorter by a factor of about the square root of two in the middle.
        let line: Vec<f32> = a
            .iter()
            .zip(&b)
            .map(|(a, b)| a * (1.0 - share as f32) + b * share as f32)
            .collect();
        assert!(length(&between) > 1.15 * length(&line), "{share}");
    }
    assert_eq!(slerp(&a, &a, 0.3).len(), 784);
    assert!(largest_difference(&slerp(&a, &a, 0.3), &a) < 1e-5);
}
