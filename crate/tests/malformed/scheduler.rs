//! `scheduler_config.json`, and a sampler's options.

use super::table::Table;
use serde_json::json;
use walkback::sampler::{SamplerKind, SamplerOptions, sampler};
use walkback::schedule::{Schedule, ScheduleError, SchedulerConfig};

/// Reading and building the tables.
fn read(text: &str) -> Result<(), ScheduleError> {
    Schedule::new(&SchedulerConfig::from_json(text)?).map(|_| ())
}

#[test]
fn every_malformed_scheduler_has_its_sentence() {
    let mut table = Table::default();
    for (key, value, expected) in [
        (
            "_class_name",
            json!("CMStochasticIterativeScheduler"),
            "scheduler configuration: `_class_name` = CMStochasticIterativeScheduler is not supported; use a scheduler that states its noise schedule, such as DDPMScheduler or EDMEulerScheduler",
        ),
        (
            "beta_schedule",
            json!("laplace"),
            "scheduler configuration: `beta_schedule`: `laplace` is not known; use one of `linear`, `scaled_linear`, `squaredcos_cap_v2`, `sigmoid`",
        ),
        (
            "prediction_type",
            json!("flow_prediction"),
            "scheduler configuration: `prediction_type`: `flow_prediction` is not known; use one of `epsilon`, `sample`, `v_prediction`, `flow`",
        ),
        (
            "variance_type",
            json!("medium"),
            "scheduler configuration: `variance_type`: `medium` is not known; use one of `fixed_small`, `fixed_small_log`, `fixed_large`, `fixed_large_log`, `learned`, `learned_range`",
        ),
        (
            "timestep_spacing",
            json!("log"),
            "scheduler configuration: `timestep_spacing`: `log` is not known; use one of `leading`, `linspace`, `trailing`",
        ),
        (
            "num_train_timesteps",
            json!(0),
            "scheduler configuration: `num_train_timesteps`: is 0; a chain needs at least one timestep",
        ),
        (
            "num_train_timesteps",
            json!(-1),
            "scheduler configuration: `num_train_timesteps`: expected a whole number (0 or more), found -1",
        ),
        (
            "num_train_timesteps",
            json!(1_000_000_000),
            "scheduler configuration: `num_train_timesteps`: is 1000000000; at most 1000000 are accepted",
        ),
        (
            "num_train_timesteps",
            json!("1000"),
            "scheduler configuration: `num_train_timesteps`: expected a whole number (0 or more), found the text \"1000\"",
        ),
        (
            "beta_start",
            json!(-0.1),
            "scheduler configuration: `beta_start`: is -0.1; it must lie in (0, 1)",
        ),
        (
            "beta_start",
            json!(0),
            "scheduler configuration: `beta_start`: is 0; it must lie in (0, 1)",
        ),
        (
            "beta_start",
            json!("NaN"),
            "scheduler configuration: `beta_start`: expected a number, found the text \"NaN\"",
        ),
        (
            "beta_end",
            json!(1.5),
            "scheduler configuration: `beta_end`: is 1.5; it must lie in (0, 1)",
        ),
        (
            "trained_betas",
            json!([0.1, 0.2]),
            "scheduler configuration: `trained_betas`: has 2 values for `num_train_timesteps` = 1000",
        ),
        (
            "clip_sample_range",
            json!(-1),
            "scheduler configuration: `clip_sample_range`: is -1; it must be positive",
        ),
        (
            "sample_max_value",
            json!(0),
            "scheduler configuration: `sample_max_value`: is 0; it must be positive",
        ),
        (
            "dynamic_thresholding_ratio",
            json!(1.1),
            "scheduler configuration: `dynamic_thresholding_ratio`: is 1.1; it must lie in [0, 1]",
        ),
        (
            "solver_order",
            json!(0),
            "scheduler configuration: `solver_order` = 0 is not supported; use 1 or 2",
        ),
        (
            "solver_type",
            json!(2),
            "scheduler configuration: `solver_type`: expected a text, found 2",
        ),
        (
            "use_beta_sigmas",
            json!("yes"),
            "scheduler configuration: `use_beta_sigmas`: expected true or false, found the text \"yes\"",
        ),
        (
            "timestep_type",
            json!("continuous"),
            "scheduler configuration: `timestep_type` = continuous is not supported; use discrete",
        ),
        (
            "shift_terminal",
            json!(0.02),
            "scheduler configuration: `shift_terminal` = a number is not supported; set it to null",
        ),
        (
            "shift",
            json!(0),
            "scheduler configuration: `shift`: is 0; it must be positive",
        ),
        (
            "use_flow_sigmas",
            json!(true),
            "scheduler configuration: `use_flow_sigmas` = true is not supported; set it to false",
        ),
        (
            "final_sigmas_type",
            json!("one"),
            "scheduler configuration: `final_sigmas_type`: `one` is not known; use `zero` or `sigma_min`",
        ),
        (
            "lambda_min_clipped",
            json!("NaN"),
            "scheduler configuration: `lambda_min_clipped`: expected a number, found the text \"NaN\"",
        ),
        (
            "steps_offset",
            json!(-3),
            "scheduler configuration: `steps_offset`: expected a whole number (0 or more), found -3",
        ),
    ] {
        let text = json!({ key: value }).to_string();
        table.holds(&text, read(&text), expected);
    }
    for (text, expected) in [
        (
            "",
            "the scheduler configuration is not a JSON object: the text ends too early (line 1, column 0)",
        ),
        (
            "[]",
            "the scheduler configuration is not a JSON object: expected an object, found a list (line 1, column 0)",
        ),
        (
            "{",
            "the scheduler configuration is not a JSON object: the text ends too early (line 1, column 1)",
        ),
        (
            r#"{"beta_start": 1e-4,}"#,
            "the scheduler configuration is not a JSON object: trailing comma (line 1, column 21)",
        ),
        (
            r#"{"beta_start": NaN}"#,
            "scheduler configuration: `beta_start`: expected a number, found the text \"NaN\"",
        ),
        (
            r#"{"num_train_timesteps": 3, "trained_betas": [0.1, -0.1, 0.2]}"#,
            "beta at timestep 1 is -0.1; every beta must lie in (0, 1), and only the last may be 1 (zero terminal SNR)",
        ),
        (
            r#"{"num_train_timesteps": 3, "trained_betas": [0.1, 0.2, 1.5]}"#,
            "beta at timestep 2 is 1.5; every beta must lie in (0, 1), and only the last may be 1 (zero terminal SNR)",
        ),
        (
            r#"{"num_train_timesteps": 3, "trained_betas": [0.0, 0.2, 0.3]}"#,
            "beta at timestep 0 is 0; every beta must lie in (0, 1), and only the last may be 1 (zero terminal SNR)",
        ),
        (
            r#"{"num_train_timesteps": 3, "trained_betas": [0.1, 1.0, 0.3]}"#,
            "beta at timestep 1 is 1; every beta must lie in (0, 1), and only the last may be 1 (zero terminal SNR)",
        ),
        (
            r#"{"num_train_timesteps": 3, "trained_betas": [0.1, 1e-20, 0.3]}"#,
            "beta at timestep 1 is 0.00000000000000000001; every beta must lie in (0, 1), and only the last may be 1 (zero terminal SNR)",
        ),
        (
            r#"{"beta_start": 0.99, "beta_end": 0.999}"#,
            "alphas_cumprod is 0 at timestep 159, before the last; use smaller betas",
        ),
    ] {
        table.holds(text, read(text), expected);
    }
    table.holds(
        "a beta that is no number",
        Schedule::from_betas(vec![0.1, f64::NAN]).map(|_| ()),
        "beta at timestep 1 is NaN; every beta must lie in (0, 1), and only the last may be 1 (zero terminal SNR)",
    );
    table.end(39);
}

#[test]
fn every_impossible_sampler_has_its_sentence() {
    let plain = SchedulerConfig::default();
    let offset = SchedulerConfig {
        steps_offset: 1,
        ..SchedulerConfig::default()
    };
    let of = |num_inference_steps, eta, start| SamplerOptions {
        kind: SamplerKind::Ddim,
        num_inference_steps,
        eta,
        spacing: None,
        start,
    };
    let mut table = Table::default();
    for (case, config, options, expected) in [
        (
            "no step",
            &plain,
            of(0, 0.0, None),
            "num_inference_steps is 0; it must be between 1 and 1000",
        ),
        (
            "more steps than T",
            &plain,
            of(1001, 0.0, None),
            "num_inference_steps is 1001; it must be between 1 and 1000",
        ),
        (
            "eta below 0",
            &plain,
            of(10, -0.1, None),
            "eta is -0.1; it must lie in [0, 1]",
        ),
        (
            "eta above 1",
            &plain,
            of(10, 1.1, None),
            "eta is 1.1; it must lie in [0, 1]",
        ),
        (
            "eta that is no number",
            &plain,
            of(10, f64::NAN, None),
            "eta is NaN; it must lie in [0, 1]",
        ),
        (
            "a start outside the chain",
            &plain,
            of(10, 0.0, Some(1000)),
            "timestep 1000 is outside the chain of 1000 timesteps",
        ),
        (
            "an offset beyond the chain",
            &offset,
            of(1000, 0.0, None),
            "`leading` spacing with 1000 steps: steps_offset 1 leads to timestep 1000, beyond the last, 999",
        ),
    ] {
        table.holds(case, sampler(config, &options).map(|_| ()), expected);
    }
    table.end(7);
}
