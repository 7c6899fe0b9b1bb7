//! Schedulers that state noise levels, EDM's and those of score networks: every state of walks with a network, against
//! diffusers. `tests/conformance/make_fixtures.py` says what the cases are.

use crate::common::{assert_walks, fixture, floats, largest_difference};
use burn::tensor::Device;
use safetensors::SafeTensors;
use serde::Deserialize;
use walkback::chain::{Chain, ChainOptions};
use walkback::folder;
use walkback::learn::{Beginning, BeginningError};
use walkback::pipeline::{Pipeline, PipelineError};
use walkback::schedule::SchedulerConfig;

/// Relative to the largest value of the state, which diffusers computes in single precision.
const TOLERANCE: f32 = 1e-4;

#[derive(Deserialize)]
struct Levels {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    sampler: String,
    steps: usize,
    config: serde_json::Value,
}

fn text(path: &str) -> String {
    String::from_utf8(fixture(path)).unwrap()
}

/// The network of the fixtures with a scheduler's file.
fn model(scheduler: &str) -> Result<Pipeline, PipelineError> {
    let (config, weights) = if scheduler.contains("ScoreSdeVe") {
        (
            "networks/skip/config.json",
            "networks/skip/weights.safetensors",
        )
    } else {
        (
            "files/safetensors/unet/config.json",
            "files/safetensors/unet/diffusion_pytorch_model.safetensors",
        )
    };
    let weights = fixture(weights);
    Pipeline::from_bytes(&text(config), scheduler, None, &weights, &Device::flex())
}

#[test]
fn every_walk_over_stated_levels_is_diffusers() {
    let index: Levels = serde_json::from_slice(&fixture("levels.json")).unwrap();
    let bytes = fixture("levels.safetensors");
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    assert!(index.cases.len() > 20, "{} cases", index.cases.len());
    for case in index.cases {
        let name = &case.name;
        let model = model(&case.config.to_string()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let (expected, shape) = floats(&tensors, &format!("{name}.trajectory"));
        let states: Vec<&[f32]> = expected.chunks(expected.len() / shape[0]).collect();
        let options = ChainOptions {
            seed: 5,
            count: 2,
            sampler: case.sampler.parse().unwrap(),
            num_inference_steps: case.steps,
            ..ChainOptions::default()
        };
        let chain = Chain::new(model.scheduler(), &model.spec(), options)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(chain.timesteps().len() + 1, shape[0], "{name}");
        assert!(largest_difference(chain.x_t(), states[0]) < 1e-5, "{name}");
        assert_walks(name, chain, &model, &states, TOLERANCE);
    }
}

#[test]
fn stated_levels_are_written_as_they_were_read() {
    let index: Levels = serde_json::from_slice(&fixture("levels.json")).unwrap();
    for case in index.cases {
        let config = SchedulerConfig::from_json(&case.config.to_string()).unwrap();
        let written = SchedulerConfig::from_json(&config.to_json());
        // DPM-Solver's own keys have no place in the class that is written.
        let expected = SchedulerConfig {
            solver_order: 2,
            ..config
        };
        assert_eq!(written, Ok(expected), "{}", case.name);
    }
}

#[test]
fn levels_that_are_none_are_refused_by_their_key() {
    for (keys, said) in [
        (
            r#""sigma_min": 0"#,
            "`sigma_min`: is 0; it must be positive",
        ),
        (
            r#""sigma_min": 90"#,
            "`sigma_min`: is 90; it must be below `sigma_max`, 80",
        ),
        (
            r#""sigma_data": -1"#,
            "`sigma_data`: is -1; it must be positive",
        ),
        (r#""rho": 0"#, "`rho`: is 0; it must be positive"),
        (
            r#""prediction_type": "sample""#,
            "`prediction_type` = sample is not supported; with this class use epsilon or v_prediction",
        ),
        (
            r#""sigma_schedule": "lu""#,
            "`sigma_schedule` = lu is not supported; use karras or exponential",
        ),
    ] {
        let text = format!(r#"{{"_class_name": "EDMEulerScheduler", {keys}}}"#);
        let refused = SchedulerConfig::from_json(&text).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("scheduler configuration: {said}")
        );
    }
}

#[test]
fn what_stands_in_for_the_sampler_of_score_networks_is_said() {
    let notes = |class: &str| SchedulerConfig::notes(&format!(r#"{{"_class_name": "{class}"}}"#));
    assert_eq!(notes("EDMEulerScheduler"), Vec::<String>::new());
    let said = notes("ScoreSdeVeScheduler").join(" ");
    assert!(
        said.starts_with("The sampler of ScoreSdeVeScheduler is not supported"),
        "{said}"
    );
}

#[test]
fn edm_gives_a_fourier_embedding_no_time_that_it_takes() {
    let refused = Pipeline::from_bytes(
        &text("networks/skip/config.json"),
        r#"{"_class_name": "EDMEulerScheduler"}"#,
        None,
        &fixture("networks/skip/weights.safetensors"),
        &Device::flex(),
    );
    assert_eq!(refused.err(), Some(PipelineError::LogarithmOfNegative));
}

#[test]
fn a_network_that_is_given_sigma_is_not_trained() {
    let folder = tempfile::tempdir().unwrap();
    let file = |path: &str| {
        let from = format!("files/safetensors/{path}");
        let to = folder.path().join(path);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(to, fixture(&from)).unwrap();
    };
    file("unet/config.json");
    file("unet/diffusion_pytorch_model.safetensors");
    let scheduler = folder.path().join("scheduler/scheduler_config.json");
    std::fs::create_dir_all(scheduler.parent().unwrap()).unwrap();
    std::fs::write(scheduler, r#"{"_class_name": "EDMEulerScheduler"}"#).unwrap();
    let beginning = Beginning::from_model(folder::read(folder.path()).unwrap());
    assert!(matches!(beginning.err(), Some(BeginningError::Sigma)));
}
