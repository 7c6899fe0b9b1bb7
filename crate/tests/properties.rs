//! What holds for every schedule, every state and every walk.

use crate::common::{Formula, dummy, unconditional, walk};
use proptest::prelude::*;
use walkback::chain::{Chain, ChainOptions, Start};
use walkback::diffusion::{
    Transition, add_noise, eps_from_v, eps_from_x_0, target_factors, training_target, velocity,
    x_0_from_eps, x_0_from_v,
};
use walkback::likelihood::neighbours;
use walkback::sampler::{
    Ddim, Ddpm, Sampler, SamplerKind, SamplerOptions, StepInput, dynamic_threshold, guidance,
};
use walkback::schedule::{
    BetaSchedule, FinalSigmas, PredictionType, Schedule, SchedulerConfig, Spacing, VarianceType,
};

fn one_of<T: Copy + std::fmt::Debug>(all: &'static [T]) -> impl Strategy<Value = T> {
    (0..all.len()).prop_map(|i| all[i])
}

/// Configurations of chains of 1 to 300 timesteps.
fn configurations() -> impl Strategy<Value = SchedulerConfig> {
    let millionths = |from: u32, to: u32| (from..to).prop_map(|m| f64::from(m) / 1e6);
    let betas = (
        one_of(BetaSchedule::ALL),
        millionths(10, 20_000),
        millionths(20_000, 300_000),
    );
    let reading = (one_of(PredictionType::ALL), any::<bool>(), any::<bool>());
    let steps = (
        one_of(Spacing::ALL),
        1..300_usize,
        any::<bool>(),
        any::<bool>(),
    );
    let solver = (
        1..=2_usize,
        one_of(FinalSigmas::ALL),
        any::<bool>(),
        any::<bool>(),
    );
    (betas, reading, steps, solver)
        .prop_map(|(betas, reading, steps, solver)| SchedulerConfig {
            beta_schedule: betas.0,
            beta_start: betas.1,
            beta_end: betas.2,
            prediction_type: reading.0,
            clip_sample: reading.1,
            thresholding: reading.2,
            timestep_spacing: steps.0,
            num_train_timesteps: steps.1,
            set_alpha_to_one: steps.2,
            rescale_betas_zero_snr: steps.3,
            solver_order: solver.0,
            final_sigmas_type: solver.1,
            lower_order_final: solver.2,
            euler_at_final: solver.3,
            ..SchedulerConfig::default()
        })
        .prop_map(without_what_flow_ignores)
}

/// Flow matching has no betas of its own, and its files say nothing of any.
fn without_what_flow_ignores(config: SchedulerConfig) -> SchedulerConfig {
    if config.prediction_type != PredictionType::Flow {
        return config;
    }
    let default = SchedulerConfig::default();
    SchedulerConfig {
        beta_schedule: default.beta_schedule,
        beta_start: default.beta_start,
        beta_end: default.beta_end,
        rescale_betas_zero_snr: false,
        ..config
    }
}

fn images() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(-1.0..1.0_f32, 24)
}

fn near(a: &[f32], b: &[f32], tolerance: f32) -> Result<(), TestCaseError> {
    prop_assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        let scale = 1.0_f32.max(a.abs()).max(b.abs());
        prop_assert!((a - b).abs() <= tolerance * scale, "{} and {}", a, b);
    }
    Ok(())
}

fn options(kind: SamplerKind, num_inference_steps: usize) -> SamplerOptions {
    SamplerOptions {
        kind,
        num_inference_steps,
        eta: 0.0,
        spacing: Some(Spacing::Leading),
        start: None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn alphas_cumprod_fall_from_1_towards_0(config in configurations()) {
        let schedule = Schedule::new(&config).unwrap();
        let mut before = 1.0;
        for (t, &alpha_cumprod) in schedule.alphas_cumprod.iter().enumerate() {
            prop_assert!(alpha_cumprod < before, "at {}", t);
            prop_assert!(alpha_cumprod >= 0.0);
            let snr = schedule.snr(t);
            prop_assert!((alpha_cumprod - snr / (1.0 + snr)).abs() < 1e-12);
            before = alpha_cumprod;
        }
        if config.rescale_betas_zero_snr && config.num_train_timesteps > 1 {
            prop_assert_eq!(before, 0.0);
        }
    }

    #[test]
    fn the_closed_form_is_the_product_of_the_steps(config in configurations()) {
        let schedule = Schedule::new(&config).unwrap();
        let (mut signal, mut variance) = (1.0, 0.0);
        for (&beta, &alpha_cumprod) in schedule.betas.iter().zip(&schedule.alphas_cumprod) {
            signal *= (1.0 - beta).sqrt();
            variance = (1.0 - beta) * variance + beta;
            prop_assert!((signal - alpha_cumprod.sqrt()).abs() < 1e-12);
            prop_assert!((variance - (1.0 - alpha_cumprod)).abs() < 1e-12);
        }
    }

    #[test]
    fn the_target_is_what_its_factors_make_of_image_and_noise(
        x_0 in images(), eps in images(), alpha_cumprod in 0.01..0.999_f64, prediction_type in one_of(PredictionType::ALL),
    ) {
        let mut target = vec![0.0; 24];
        training_target(prediction_type, &x_0, &eps, alpha_cumprod, &mut target);
        let [of_x_0, of_eps] = target_factors(prediction_type, alpha_cumprod).map(|factor| factor as f32);
        let made: Vec<f32> = x_0.iter().zip(&eps).map(|(x_0, eps)| of_x_0 * x_0 + of_eps * eps).collect();
        near(&made, &target, 1e-5)?;
    }

    #[test]
    fn conversions_undo_each_other(x_0 in images(), eps in images(), alpha_cumprod in 0.01..0.999_f64) {
        let (mut x_t, mut v) = (vec![0.0; 24], vec![0.0; 24]);
        add_noise(&x_0, &eps, alpha_cumprod, &mut x_t);
        velocity(&x_0, &eps, alpha_cumprod, &mut v);
        let mut found = vec![0.0; 24];
        x_0_from_eps(&x_t, &eps, alpha_cumprod, &mut found);
        near(&found, &x_0, 1e-5)?;
        x_0_from_v(&x_t, &v, alpha_cumprod, &mut found);
        near(&found, &x_0, 1e-5)?;
        eps_from_x_0(&x_t, &x_0, alpha_cumprod, &mut found);
        near(&found, &eps, 1e-5)?;
        eps_from_v(&x_t, &v, alpha_cumprod, &mut found);
        near(&found, &eps, 1e-5)?;

        let alpha_cumprod_prev = alpha_cumprod.sqrt();
        let step = Transition { alpha_cumprod, alpha_cumprod_prev };
        let mut mean = vec![0.0; 24];
        step.posterior_mean(&x_0, &x_t, &mut mean);
        step.x_0_from_mean(&x_t, &mean, &mut found);
        near(&found, &x_0, 1e-4)?;
        step.mean_from_eps(&x_t, &eps, &mut mean);
        step.eps_from_mean(&x_t, &mean, &mut found);
        near(&found, &eps, 1e-4)?;
    }

    #[test]
    fn a_respaced_chain_of_all_steps_is_the_chain(config in configurations(), spacing in one_of(Spacing::ALL)) {
        let config = SchedulerConfig { prediction_type: PredictionType::VPrediction, ..config };
        let schedule = Schedule::new(&config).unwrap();
        let count = config.num_train_timesteps;
        let options = SamplerOptions { spacing: Some(spacing), ..options(SamplerKind::Ddpm, count) };
        let ddpm = Ddpm::new(&config, &options).unwrap();
        prop_assert!(ddpm.timesteps().iter().copied().eq((0..count).rev()));
        for (index, &t) in ddpm.timesteps().iter().enumerate() {
            let transition = ddpm.transition(index).unwrap();
            prop_assert_eq!(transition, neighbours(&schedule, t).unwrap());
            prop_assert!((transition.beta() - schedule.betas[t]).abs() < 1e-12);
        }
    }

    #[test]
    fn ddim_with_eta_1_is_ddpm(x_t in images(), eps in images(), z in images(), steps in 1..60_usize) {
        let config = SchedulerConfig { clip_sample: false, ..SchedulerConfig::default() };
        let ddpm = Ddpm::new(&config, &options(SamplerKind::Ddpm, steps)).unwrap();
        let ddim = SamplerOptions { eta: 1.0, ..options(SamplerKind::Ddim, steps) };
        let ddim = Ddim::new(&config, &ddim).unwrap();
        for index in 0..steps {
            // The variance, and then the whole step.
            let (a, b) = (ddpm.transition(index).unwrap(), ddim.transition(index).unwrap());
            prop_assert_eq!(a.posterior_variance(), b.posterior_variance());
            let input = StepInput {
                count: 1,
                x_t: &x_t,
                model_output: &eps,
                noise: Some(&z),
                x_0_before: None,
                x_0_two_before: None,
            };
            let (a, b) = (ddpm.step(index, &input).unwrap(), ddim.step(index, &input).unwrap());
            near(&a.x_prev, &b.x_prev, 2e-5)?;
            near(&a.x_0, &b.x_0, 1e-6)?;
        }
    }

    #[test]
    fn a_configuration_survives_being_written_and_read(config in configurations(), variance_type in one_of(VarianceType::ALL)) {
        let learned_flow = config.prediction_type == PredictionType::Flow && variance_type.is_learned();
        prop_assume!(!learned_flow);
        let config = SchedulerConfig { variance_type, ..config };
        let read = SchedulerConfig::from_json(&config.to_json()).unwrap();
        // Where nothing is said of it, what is meant is written.
        prop_assert_eq!(read.lambda_min(), config.lambda_min());
        let lambda_min_clipped = read.lambda_min_clipped;
        prop_assert_eq!(read, SchedulerConfig { lambda_min_clipped, ..config });
    }

    #[test]
    fn guidance_lies_on_the_line_through_both_outputs(label in images(), null in images(), w in -2.0..8.0_f64) {
        let mut out = vec![0.0; 24];
        guidance::guide(&label, &null, 1.0, &mut out);
        prop_assert_eq!(&out, &label);
        guidance::guide(&label, &null, 0.0, &mut out);
        prop_assert_eq!(&out, &null);
        guidance::guide(&label, &null, w, &mut out);
        let line: Vec<f32> = label.iter().zip(&null).map(|(l, n)| n + w as f32 * (l - n)).collect();
        near(&out, &line, 1e-5)?;
    }

    #[test]
    fn a_full_rescale_gives_the_contrast_of_the_label(label in images(), null in images(), w in 1.5..8.0_f64) {
        let deviation = |values: &[f32]| {
            let mean = values.iter().sum::<f32>() / values.len() as f32;
            (values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / values.len() as f32).sqrt()
        };
        let mut guided = vec![0.0; 24];
        guidance::guide(&label, &null, w, &mut guided);
        guidance::rescale(&mut guided, &label, 1.0);
        near(&[deviation(&guided)], &[deviation(&label)], 1e-4)?;
    }

    #[test]
    fn thresholding_keeps_images_in_range(mut image in prop::collection::vec(-9.0..9.0_f32, 1..50), ratio in 0.0..=1.0_f64) {
        let before = image.clone();
        dynamic_threshold(&mut image, ratio, 100.0);
        prop_assert!(image.iter().all(|v| v.abs() <= 1.0));
        if before.iter().all(|v| v.abs() <= 1.0) {
            prop_assert_eq!(image, before);
        }
    }

    #[test]
    fn every_walk_that_is_allowed_stays_finite(
        config in configurations(),
        sampler in one_of(SamplerKind::ALL),
        steps in 0..330_usize,
        eta in 0.0..=1.0_f64,
        start in prop::option::of(0..330_usize),
        seed in any::<u64>(),
    ) {
        let inverse = sampler == SamplerKind::DdimInverse;
        let start = if inverse { Some(0) } else { start };
        let options = ChainOptions {
            seed,
            count: 2,
            sampler,
            num_inference_steps: steps,
            eta,
            spacing: Some(config.timestep_spacing),
            from: start.map(|timestep| Start { x_t: vec![0.5; 8], timestep }),
            ..ChainOptions::default()
        };
        let total = config.num_train_timesteps;
        let Ok(chain) = Chain::new(&config, &unconditional(1, 2, 2), options) else {
            let blind = config.rescale_betas_zero_snr && config.prediction_type == PredictionType::Epsilon;
            let solver = matches!(sampler, SamplerKind::DpmSolver | SamplerKind::UniPc);
            let solver_leading = solver && config.timestep_spacing == Spacing::Leading;
            let inverse_linspace = inverse && config.timestep_spacing == Spacing::Linspace;
            let no_noise = inverse && config.prediction_type == PredictionType::Sample && config.set_alpha_to_one;
            let impossible = !(1..=total).contains(&steps) || start.is_some_and(|t| t >= total);
            prop_assert!(impossible || blind || inverse_linspace || no_noise || (solver_leading && steps == total));
            return Ok(());
        };
        prop_assert!(chain.timesteps().iter().all(|&t| t < total));
        let evaluations = if sampler == SamplerKind::Heun { 2 } else { 1 };
        prop_assert!(chain.timesteps().len() <= evaluations * (steps + 1));
        for step in walk(chain, &Formula(dummy)) {
            prop_assert!(step.x_prev.iter().chain(&step.x_0).chain(&step.eps).all(|v| v.is_finite()));
        }
    }
}
