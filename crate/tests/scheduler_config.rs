//! `scheduler_config.json`: what is read and what is ignored. What is refused is in `malformed/`.

use crate::common::fixture;
use serde_json::{Value, json};
use walkback::sampler::{SamplerError, SamplerKind, SamplerOptions, StepInput, sampler};
use walkback::schedule::{
    BetaSchedule, PredictionType, ScheduleError, SchedulerConfig, Spacing, VarianceType,
};

fn read(value: &Value) -> Result<SchedulerConfig, ScheduleError> {
    SchedulerConfig::from_json(&value.to_string())
}

#[test]
fn the_reference_folders_are_the_default() {
    for folder in ["plain", "class_conditional", "cifar_style"] {
        let bytes = fixture(&format!("{folder}/scheduler/scheduler_config.json"));
        let text = String::from_utf8(bytes).unwrap();
        let config = SchedulerConfig::from_json(&text).unwrap();
        assert_eq!(config, SchedulerConfig::default(), "{folder}");
        let same = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(same(&config.to_json()), same(&text), "{folder}");
    }
}

#[test]
fn learned_range_is_read_from_its_folder() {
    let bytes = fixture("learned_variance/scheduler/scheduler_config.json");
    let config = SchedulerConfig::from_json(&String::from_utf8(bytes).unwrap()).unwrap();
    assert_eq!(config.variance_type, VarianceType::LearnedRange);
}

#[test]
fn missing_keys_and_nulls_take_the_default() {
    let config = read(&json!({ "beta_schedule": null, "variance_type": null })).unwrap();
    assert_eq!(config, silent());
}

/// The default of a file that says nothing.
fn silent() -> SchedulerConfig {
    SchedulerConfig {
        clip_sample_stated: false,
        ..SchedulerConfig::default()
    }
}

#[test]
fn heun_clips_only_where_the_file_says_so() {
    let largest = |file: Value, kind| {
        let options = SamplerOptions {
            kind,
            num_inference_steps: 10,
            eta: 0.0,
            spacing: None,
            start: None,
        };
        let sampler = sampler(&read(&file).unwrap(), &options).unwrap();
        let input = StepInput {
            count: 1,
            x_t: &[0.5; 4],
            model_output: &[-9.0; 4],
            noise: None,
            x_0_before: None,
            x_0_two_before: None,
        };
        sampler.step(0, &input).unwrap().x_0[0]
    };
    let silent = json!({ "_class_name": "EulerDiscreteScheduler" });
    let stated = json!({ "_class_name": "DDPMScheduler", "clip_sample": true });
    assert!(largest(silent.clone(), SamplerKind::Heun) > 1.0);
    assert_eq!(largest(stated, SamplerKind::Heun), 1.0);
    // DDIM clips of its own accord.
    assert_eq!(largest(silent, SamplerKind::Ddim), 1.0);
}

#[test]
fn what_does_not_predict_epsilon_in_an_old_file_predicts_x_0() {
    for (file, expected) in [
        (json!({ "predict_epsilon": false }), PredictionType::Sample),
        // diffusers 0.9 to 0.12 wrote both.
        (
            json!({ "predict_epsilon": false, "prediction_type": "epsilon" }),
            PredictionType::Sample,
        ),
        (
            json!({ "predict_epsilon": false, "prediction_type": "v_prediction" }),
            PredictionType::VPrediction,
        ),
        (json!({ "predict_epsilon": true }), PredictionType::Epsilon),
        (json!({ "predict_epsilon": null }), PredictionType::Epsilon),
        (
            json!({ "predict_epsilon": true, "prediction_type": "sample" }),
            PredictionType::Sample,
        ),
    ] {
        assert_eq!(read(&file).unwrap().prediction_type, expected, "{file}");
    }
}

#[test]
fn a_dpm_solver_folder_is_read_with_its_own_default_spacing() {
    let text = r#"{ "_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -Infinity,
        "note": "quotes \" and -Infinity in a string stay", "variance_type": null }"#;
    let config = SchedulerConfig::from_json(text).unwrap();
    assert_eq!(config.timestep_spacing, Spacing::Linspace);
    assert_eq!(config.lambda_min_clipped, Some(f64::NEG_INFINITY));
}

#[test]
fn every_scheduler_that_states_a_noise_schedule_is_read() {
    for (class, spacing, built) in [
        ("DDPMScheduler", Spacing::Leading, true),
        ("DDIMScheduler", Spacing::Leading, true),
        ("DDIMInverseScheduler", Spacing::Leading, true),
        ("DPMSolverMultistepScheduler", Spacing::Linspace, true),
        ("EulerDiscreteScheduler", Spacing::Linspace, true),
        ("EulerAncestralDiscreteScheduler", Spacing::Linspace, true),
        ("HeunDiscreteScheduler", Spacing::Linspace, true),
        ("UniPCMultistepScheduler", Spacing::Linspace, true),
        ("DPMSolverSinglestepScheduler", Spacing::Linspace, false),
        ("DEISMultistepScheduler", Spacing::Linspace, false),
        ("LMSDiscreteScheduler", Spacing::Linspace, false),
        ("PNDMScheduler", Spacing::Leading, false),
    ] {
        let file = json!({
            "_class_name": class, "num_train_timesteps": 300, "beta_schedule": "scaled_linear",
            "prediction_type": "v_prediction",
            // What a solver that is not built would make of it is of no account.
            "solver_type": match class {
                "UniPCMultistepScheduler" => "bh2",
                "DEISMultistepScheduler" => "logrho",
                _ => "midpoint",
            },
        });
        let config = read(&file).unwrap();
        assert_eq!(config.timestep_spacing, spacing, "{class}");
        assert_eq!(config.beta_schedule, BetaSchedule::ScaledLinear, "{class}");
        assert_eq!(
            config.prediction_type,
            PredictionType::VPrediction,
            "{class}"
        );
        let notes = SchedulerConfig::notes(&file.to_string());
        assert_eq!(
            notes.iter().any(|note| note.contains(class)
                && note.contains("DDPM, or the sampler that you choose, walks")),
            !built,
            "{class}"
        );
    }
}

#[test]
fn what_a_file_asks_of_its_own_solver_and_is_not_built_is_said_and_its_schedule_read() {
    let dpm = "DPMSolverMultistepScheduler";
    for (class, key, value, says) in [
        (
            dpm,
            "algorithm_type",
            json!("sde-dpmsolver++"),
            "algorithm_type sde-dpmsolver++",
        ),
        (dpm, "solver_type", json!("heun"), "solver_type heun"),
        (dpm, "solver_order", json!(3), "solver_order 3"),
        (dpm, "use_lu_lambdas", json!(true), "use_lu_lambdas"),
        (
            "UniPCMultistepScheduler",
            "solver_type",
            json!("bh1"),
            "solver_type bh1",
        ),
        (
            "EulerDiscreteScheduler",
            "interpolation_type",
            json!("log_linear"),
            "interpolation_type log_linear",
        ),
        (
            "HeunDiscreteScheduler",
            "use_exponential_sigmas",
            json!(true),
            "use_exponential_sigmas",
        ),
    ] {
        let plain = json!({ "_class_name": class, "beta_schedule": "scaled_linear" });
        let mut asks = plain.clone();
        asks[key] = value;
        assert_eq!(read(&asks).unwrap(), read(&plain).unwrap(), "{asks}");
        let notes = SchedulerConfig::notes(&asks.to_string()).join(" ");
        let said = format!("asks for {says}, which is not supported");
        assert!(notes.contains(&said), "{notes}");
        assert!(SchedulerConfig::notes(&plain.to_string()).is_empty());
    }
    let ends = json!({ "_class_name": "EulerDiscreteScheduler", "use_karras_sigmas": true, "sigma_min": 0.03 });
    let notes = SchedulerConfig::notes(&ends.to_string()).join(" ");
    assert!(notes.contains("asks for sigma_min 0.03,"), "{notes}");
    // What is built is not said.
    let built = json!({
        "_class_name": "UniPCMultistepScheduler", "solver_type": "bh2", "solver_order": 2,
        "use_karras_sigmas": true, "use_beta_sigmas": null,
    });
    assert!(SchedulerConfig::notes(&built.to_string()).is_empty());
}

#[test]
fn dpm_solver_leaves_the_start_of_a_cosine_schedule_out_unless_told_otherwise() {
    let first = |value: Value| {
        let config = read(&value).unwrap();
        let kind = SamplerKind::DpmSolver;
        let walk = build_sampler(&config, |options| options.kind = kind).unwrap();
        // What is exported says the same in diffusers' words.
        let exported = SchedulerConfig::from_json(&config.to_json()).unwrap();
        let again = build_sampler(&exported, |options| options.kind = kind).unwrap();
        assert_eq!(walk, again);
        walk[0]
    };
    let cosine = json!({ "beta_schedule": "squaredcos_cap_v2" });
    let all = json!({ "beta_schedule": "squaredcos_cap_v2", "lambda_min_clipped": "-Infinity" });
    let some = json!({ "beta_schedule": "squaredcos_cap_v2", "lambda_min_clipped": -5.1 });
    let noted = |value: &Value| {
        let notes = SchedulerConfig::notes(&value.to_string());
        notes
            .iter()
            .any(|note| note.contains("begins where lambda is -5.1"))
    };
    assert!(noted(&cosine));
    assert!(!noted(&some) && !noted(&all) && !noted(&json!({})));
    assert_eq!(first(cosine), first(some));
    assert_eq!(first(all.clone()), 999);
    assert!(first(json!({ "beta_schedule": "squaredcos_cap_v2" })) < 999);
    assert_eq!(first(json!({})), 999);
}

#[test]
fn keys_that_change_no_number_are_ignored() {
    let config = read(&json!({
        "_diffusers_version": "0.30.0", "skip_prk_steps": true, "flow_shift": 3.0,
        "use_karras_sigmas": false, "time_shift_type": "exponential",
    }));
    assert_eq!(config.unwrap(), silent());
}

fn build_sampler(
    config: &SchedulerConfig,
    change: impl Fn(&mut SamplerOptions),
) -> Result<Vec<usize>, SamplerError> {
    let mut options = SamplerOptions {
        kind: SamplerKind::Ddim,
        num_inference_steps: 10,
        eta: 0.0,
        spacing: None,
        start: None,
    };
    change(&mut options);
    sampler(config, &options).map(|sampler| sampler.timesteps().to_vec())
}

#[test]
fn a_walk_on_levels_that_the_file_spaces_may_begin_anywhere() {
    let config = read(&json!({ "use_karras_sigmas": true })).unwrap();
    for kind in [SamplerKind::DpmSolver, SamplerKind::UniPc] {
        let from = |start| {
            let options =
                |options: &mut SamplerOptions| (options.kind, options.start) = (kind, start);
            build_sampler(&config, options).unwrap()
        };
        let (whole, half) = (from(None), from(Some(500)));
        assert_eq!((whole[0], whole.len()), (999, 10));
        assert_eq!(half[0], 500);
        let below: Vec<usize> = whole.into_iter().filter(|t| *t < 500).collect();
        assert_eq!(half[1..], below, "{kind}");
    }
}

#[test]
fn epsilon_says_nothing_where_no_signal_is_left() {
    let trailing = |prediction_type| SchedulerConfig {
        rescale_betas_zero_snr: true,
        timestep_spacing: Spacing::Trailing,
        prediction_type,
        ..SchedulerConfig::default()
    };
    let error = build_sampler(&trailing(PredictionType::Epsilon), |_| {}).unwrap_err();
    assert_eq!(error, SamplerError::NoSignal(999));
    for fine in [PredictionType::VPrediction, PredictionType::Sample] {
        assert_eq!(build_sampler(&trailing(fine), |_| {}).unwrap()[0], 999);
    }
}

#[test]
fn every_name_reads_back() {
    for schedule in BetaSchedule::ALL {
        assert_eq!(schedule.to_string().parse(), Ok(*schedule));
    }
    for kind in SamplerKind::ALL {
        assert_eq!(kind.to_string().parse(), Ok(*kind));
    }
    let error = "ddpn".parse::<SamplerKind>().unwrap_err();
    assert!(error.contains("ddpn") && error.contains("dpm++"), "{error}");
}

#[test]
fn a_null_switch_is_off_as_in_diffusers() {
    let json = r#"{ "clip_sample": null, "set_alpha_to_one": null, "lower_order_final": null }"#;
    let config = SchedulerConfig::from_json(json).unwrap();
    assert!(!config.clip_sample && !config.set_alpha_to_one && !config.lower_order_final);
}
