//! Every sampler, on many configurations, against diffusers: its saved configuration goes in, the
//! timesteps and every state of the walk come out.
//!
//! The network is a formula, so that a difference is the sampler's. `tests/conformance/make_fixtures.py`
//! says what the cases are.

use crate::common::{
    Formula, assert_walks, dummy, fixture, floats, largest_difference, unconditional,
};
use safetensors::SafeTensors;
use serde::Deserialize;
use walkback::chain::{Chain, ChainOptions, ModelSpec, Start};
use walkback::sampler::{SamplerKind, dpm_solver_timesteps, timesteps};
use walkback::schedule::{PredictionType, Schedule, SchedulerConfig, Spacing, VarianceType};

/// Relative to the largest value of the state, which diffusers computes in single precision.
const TOLERANCE: f32 = 1e-4;
/// The same of states that diffusers keeps as x_0 + s eps, where s reaches 20,000 on the cosine schedule.
const SOLVER_TOLERANCE: f32 = 5e-4;

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<Case>,
    timesteps: Vec<List>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    sampler: String,
    steps: usize,
    eta: f64,
    timesteps: Vec<usize>,
    config: serde_json::Value,
}

#[derive(Deserialize)]
struct List {
    sampler: String,
    spacing: Spacing,
    total: usize,
    steps: usize,
    timesteps: Vec<i64>,
}

fn index() -> Fixture {
    serde_json::from_slice(&fixture("schedulers.json")).unwrap()
}

/// The formula, and behind it, where it is learned, a variance.
fn network(variance_type: VarianceType) -> impl Fn(&[f32], [usize; 4], f32) -> Vec<f32> {
    move |x_t, shape, time| {
        let per_image = x_t.len() / shape[0];
        let mut output = Vec::new();
        for x in x_t.chunks(per_image) {
            output.extend(dummy(x, shape, time));
            match variance_type {
                VarianceType::Learned => output.extend(x.iter().map(|x| 0.01 * x * x)),
                VarianceType::LearnedRange => output.extend(x.iter().map(|x| (3.0 * x).sin())),
                _ => {}
            }
        }
        output
    }
}

fn spec(variance_type: VarianceType) -> ModelSpec {
    ModelSpec {
        out_channels: if variance_type.is_learned() { 2 } else { 1 },
        ..unconditional(1, 4, 4)
    }
}

#[test]
fn every_walk_is_diffusers_walk() {
    let (index, bytes) = (index(), fixture("schedulers.safetensors"));
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    assert!(index.cases.len() > 90, "{} cases", index.cases.len());
    for case in index.cases {
        let name = &case.name;
        // The inversion's class is not one that a folder is written with.
        let text = case.config.to_string();
        let text = text.replace("DDIMInverseScheduler", "DDIMScheduler");
        let config = SchedulerConfig::from_json(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let (expected, shape) = floats(&tensors, &format!("{name}.trajectory"));
        let states: Vec<&[f32]> = expected.chunks(32).collect();
        assert_eq!(states.len(), shape[0]);

        let sampler: SamplerKind = case.sampler.parse().unwrap();
        let from = (sampler == SamplerKind::DdimInverse).then(|| Start {
            x_t: states[0].to_vec(),
            timestep: 0,
        });
        let options = ChainOptions {
            seed: 5,
            count: 2,
            sampler,
            num_inference_steps: case.steps,
            eta: case.eta,
            spacing: Some(config.timestep_spacing),
            from,
            ..ChainOptions::default()
        };
        let chain = Chain::new(&config, &spec(config.variance_type), options)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(chain.timesteps(), case.timesteps, "{name}");
        assert!(largest_difference(chain.x_t(), states[0]) < 1e-6, "{name}");
        assert_walks(
            name,
            chain,
            &Formula(network(config.variance_type)),
            &states,
            TOLERANCE,
        );
    }
}

/// [`dummy`], given x_t as a model of `config` is: in flow matching (1 - s) x_0 + s eps, at times that count from 1.
fn dummy_given(config: &SchedulerConfig) -> impl Fn(&[f32], [usize; 4], f32) -> Vec<f32> {
    let flow = config.prediction_type == PredictionType::Flow;
    let count = config.num_train_timesteps as f32;
    move |x_t, shape, time| {
        if !flow {
            return dummy(x_t, shape, time);
        }
        let s = (time + 1.0) / count;
        let scaled: Vec<f32> = x_t.iter().map(|x| x * (1.0 - s).hypot(s)).collect();
        dummy(&scaled, shape, time + 1.0)
    }
}

#[derive(Deserialize)]
struct Solvers {
    cases: Vec<SolverCase>,
}

#[derive(Deserialize)]
struct SolverCase {
    name: String,
    sampler: String,
    steps: usize,
    timesteps: Vec<f32>,
    config: serde_json::Value,
}

#[test]
fn every_solver_walks_as_diffusers_does() {
    let index: Solvers = serde_json::from_slice(&fixture("solvers.json")).unwrap();
    let bytes = fixture("solvers.safetensors");
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    assert!(index.cases.len() > 90, "{} cases", index.cases.len());
    for case in index.cases {
        let name = &case.name;
        let config = SchedulerConfig::from_json(&case.config.to_string())
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let (expected, shape) = floats(&tensors, &format!("{name}.trajectory"));
        let states: Vec<&[f32]> = expected.chunks(32).collect();
        let options = ChainOptions {
            seed: 5,
            count: 2,
            sampler: case.sampler.parse().unwrap(),
            num_inference_steps: case.steps,
            ..ChainOptions::default()
        };
        let chain = Chain::new(&config, &unconditional(1, 4, 4), options)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let nearest: Vec<usize> = case.timesteps.iter().map(|t| t.round() as usize).collect();
        assert_eq!(chain.timesteps(), nearest, "{name}");
        assert_eq!(chain.timesteps().len() + 1, shape[0], "{name}");
        assert!(largest_difference(chain.x_t(), states[0]) < 1e-5, "{name}");
        assert_walks(
            name,
            chain,
            &Formula(dummy_given(&config)),
            &states,
            SOLVER_TOLERANCE,
        );
    }
}

#[test]
fn alphas_cumprod_are_diffusers() {
    let bytes = fixture("schedulers.safetensors");
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    for (name, beta_schedule, rescale_betas_zero_snr) in [
        ("linear", "linear", false),
        ("scaled_linear", "scaled_linear", false),
        ("squaredcos_cap_v2", "squaredcos_cap_v2", false),
        ("sigmoid", "sigmoid", false),
        ("linear_zero_snr", "linear", true),
        ("squaredcos_cap_v2_zero_snr", "squaredcos_cap_v2", true),
    ] {
        let config = SchedulerConfig {
            beta_schedule: beta_schedule.parse().unwrap(),
            rescale_betas_zero_snr,
            ..SchedulerConfig::default()
        };
        let ours = Schedule::new(&config).unwrap().alphas_cumprod;
        let ours: Vec<f32> = ours.iter().map(|p| *p as f32).collect();
        let (theirs, _) = floats(&tensors, &format!("alphas_cumprod.{name}"));
        let difference = largest_difference(&ours, &theirs);
        assert!(difference < 2e-6, "{name}: {difference}");
    }
}

#[test]
fn every_list_of_timesteps_is_diffusers() {
    let index = index();
    assert!(index.timesteps.len() > 100);
    for list in index.timesteps {
        let config = SchedulerConfig {
            num_train_timesteps: list.total,
            ..SchedulerConfig::default()
        };
        let ours = if list.sampler == "dpm++" {
            let schedule = Schedule::new(&config).unwrap();
            dpm_solver_timesteps(&config, &schedule, list.spacing, list.steps)
        } else {
            timesteps(&config, list.spacing, list.steps)
        };
        // numpy.arange sometimes gives one value more than the steps asked for: a timestep of -1.
        let theirs: Vec<usize> = list
            .timesteps
            .iter()
            .filter_map(|&t| usize::try_from(t).ok())
            .collect();
        let (sampler, spacing, steps) = (list.sampler, list.spacing, list.steps);
        assert_eq!(
            ours.unwrap(),
            theirs,
            "{sampler} {spacing} {steps} of {}",
            list.total
        );
    }
}
