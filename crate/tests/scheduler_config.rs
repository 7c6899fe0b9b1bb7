//! `scheduler_config.json`: what is read, what is ignored, and what is refused by its name.

mod common;

use common::fixture;
use serde_json::{Value, json};
use walkback::sampler::{SamplerError, SamplerKind, SamplerOptions, sampler};
use walkback::schedule::{
    BetaSchedule, PredictionType, Schedule, ScheduleError, SchedulerConfig, Spacing, VarianceType,
};

fn read(value: &Value) -> Result<SchedulerConfig, ScheduleError> {
    SchedulerConfig::from_json(&value.to_string())
}

/// Reading and building the tables.
fn build(value: &Value) -> Result<Schedule, ScheduleError> {
    Schedule::new(&read(value)?)
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
    assert_eq!(config, SchedulerConfig::default());
}

#[test]
fn a_dpm_solver_folder_is_read_with_its_own_default_spacing() {
    let text = r#"{ "_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -Infinity,
        "note": "quotes \" and -Infinity in a string stay", "variance_type": null }"#;
    let config = SchedulerConfig::from_json(text).unwrap();
    assert_eq!(config.timestep_spacing, Spacing::Linspace);
    assert_eq!(config.lambda_min_clipped, f64::NEG_INFINITY);
}

#[test]
fn keys_that_change_no_number_are_ignored() {
    let config = read(&json!({
        "_diffusers_version": "0.30.0", "skip_prk_steps": true, "flow_shift": 3.0,
        "use_karras_sigmas": false, "time_shift_type": "exponential",
    }));
    assert_eq!(config.unwrap(), SchedulerConfig::default());
}

#[test]
fn what_cannot_be_done_is_refused_by_name() {
    for (key, value) in [
        ("_class_name", json!("EulerDiscreteScheduler")),
        ("beta_schedule", json!("laplace")),
        ("prediction_type", json!("flow_prediction")),
        ("variance_type", json!("medium")),
        ("timestep_spacing", json!("log")),
        ("num_train_timesteps", json!(0)),
        ("num_train_timesteps", json!(-1)),
        ("num_train_timesteps", json!(1_000_000_000)),
        ("num_train_timesteps", json!("1000")),
        ("beta_start", json!(-0.1)),
        ("beta_start", json!(0)),
        ("beta_end", json!(1.5)),
        ("trained_betas", json!([0.1, 0.2])),
        ("clip_sample_range", json!(-1)),
        ("sample_max_value", json!(0)),
        ("dynamic_thresholding_ratio", json!(1.1)),
        ("solver_order", json!(3)),
        ("solver_type", json!("heun")),
        ("algorithm_type", json!("sde-dpmsolver++")),
        ("use_karras_sigmas", json!(true)),
        ("use_flow_sigmas", json!(true)),
        ("final_sigmas_type", json!("one")),
        ("lambda_min_clipped", json!("NaN")),
        ("steps_offset", json!(-3)),
    ] {
        let error = build(&json!({ key: value })).expect_err(key).to_string();
        assert!(error.contains(key), "{key}: {error}");
    }
}

#[test]
fn betas_outside_0_to_1_are_refused_with_their_timestep() {
    for (betas, timestep) in [
        (json!([0.1, -0.1, 0.2]), 1),
        (json!([0.1, 0.2, 1.5]), 2),
        (json!([0.0, 0.2, 0.3]), 0),
        (json!([0.1, 1.0, 0.3]), 1),
        (json!([0.1, 1e-20, 0.3]), 1),
    ] {
        match build(&json!({ "num_train_timesteps": 3, "trained_betas": betas })) {
            Err(ScheduleError::Beta {
                timestep: found, ..
            }) => assert_eq!(found, timestep),
            other => panic!("{other:?}"),
        }
    }
    let nan = Schedule::from_betas(vec![0.1, f64::NAN]);
    assert!(matches!(nan, Err(ScheduleError::Beta { timestep: 1, .. })));
    let underflow = Schedule::from_betas(vec![0.999; 500]);
    assert!(matches!(underflow, Err(ScheduleError::Underflow { .. })));
}

#[test]
fn what_is_not_json_is_refused() {
    for text in ["", "[]", "{", "{\"beta_start\": 1e-4,}"] {
        let error = SchedulerConfig::from_json(text).expect_err(text);
        assert!(matches!(error, ScheduleError::Json(_)), "{error}");
    }
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
fn samplers_refuse_impossible_options() {
    let config = SchedulerConfig::default();
    for steps in [0, 1001] {
        let error = build_sampler(&config, |o| o.num_inference_steps = steps).unwrap_err();
        assert!(error.to_string().contains("num_inference_steps"), "{error}");
    }
    for eta in [-0.1, 1.1, f64::NAN] {
        let error = build_sampler(&config, |o| o.eta = eta).unwrap_err();
        assert!(matches!(error, SamplerError::Eta(_)));
    }
    let error = build_sampler(&config, |o| o.start = Some(1000)).unwrap_err();
    assert!(error.to_string().contains("1000"), "{error}");
    let offset = SchedulerConfig {
        steps_offset: 1,
        ..config
    };
    let error = build_sampler(&offset, |o| o.num_inference_steps = 1000).unwrap_err();
    assert!(error.to_string().contains("steps_offset"), "{error}");
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
