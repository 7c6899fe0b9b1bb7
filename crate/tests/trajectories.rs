//! Whole sampling loops of diffusers, network and all: every state of every loop in the folders of
//! `tests/conformance`, from the same seed.

use crate::common::{fixture, floats, indices, largest_difference, walk};
use burn::tensor::Device;
use safetensors::SafeTensors;
use walkback::chain::{Chain, ChainOptions};
use walkback::pipeline::Pipeline;
use walkback::sampler::SamplerKind;
use walkback::schedule::{BetaSchedule, SchedulerConfig, VarianceType};

/// Largest difference of a value at any step: single precision, summed in another order.
const TOLERANCE: f32 = 2e-3;

/// A loop as `tests/conformance/make_fixtures.py` runs it: each scheduler class with its defaults.
struct Loop {
    name: &'static str,
    sampler: SamplerKind,
    steps: usize,
    eta: f64,
    cosine: bool,
}

const LOOPS: [Loop; 5] = [
    Loop {
        name: "ddpm_20",
        sampler: SamplerKind::Ddpm,
        steps: 20,
        eta: 0.0,
        cosine: false,
    },
    Loop {
        name: "ddim_10_eta0",
        sampler: SamplerKind::Ddim,
        steps: 10,
        eta: 0.0,
        cosine: false,
    },
    Loop {
        name: "ddim_10_eta1",
        sampler: SamplerKind::Ddim,
        steps: 10,
        eta: 1.0,
        cosine: false,
    },
    Loop {
        name: "dpmpp2m_10",
        sampler: SamplerKind::DpmSolver,
        steps: 10,
        eta: 0.0,
        cosine: false,
    },
    Loop {
        name: "ddpm_20_cosine",
        sampler: SamplerKind::Ddpm,
        steps: 20,
        eta: 0.0,
        cosine: true,
    },
];

fn pipeline(folder: &str) -> Pipeline {
    let text = |path: &str| String::from_utf8(fixture(&format!("{folder}/{path}"))).unwrap();
    let weights = fixture(&format!(
        "{folder}/unet/diffusion_pytorch_model.safetensors"
    ));
    Pipeline::from_bytes(
        &text("unet/config.json"),
        &text("scheduler/scheduler_config.json"),
        None,
        &weights,
        &Device::flex(),
    )
    .unwrap()
}

/// Walks the loops that the folder has; returns how many there were.
fn compare(folder: &str) -> usize {
    let pipeline = pipeline(folder);
    let bytes = fixture(&format!("{folder}/io.safetensors"));
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let names = tensors.names();
    let recorded = |l: &&Loop| names.contains(&format!("{}.trajectory", l.name).as_str());
    let mut loops = 0;
    for Loop {
        name,
        sampler,
        steps,
        eta,
        cosine,
    } in LOOPS.iter().filter(recorded)
    {
        let (expected, shape) = floats(&tensors, &format!("{name}.trajectory"));
        let states: Vec<&[f32]> = expected.chunks(shape[1..].iter().product()).collect();
        let scheduler = if *cosine {
            SchedulerConfig {
                beta_schedule: BetaSchedule::SquaredcosCapV2,
                variance_type: VarianceType::FixedLarge,
                ..pipeline.scheduler().clone()
            }
        } else {
            pipeline.scheduler().clone()
        };
        let options = ChainOptions {
            seed: 11,
            count: shape[1],
            labels: pipeline.spec().num_class_embeds.map(|_| vec![3; shape[1]]),
            sampler: *sampler,
            num_inference_steps: *steps,
            eta: *eta,
            ..ChainOptions::default()
        };
        let chain = Chain::new(&scheduler, &pipeline.spec(), options).unwrap();
        assert_eq!(chain.shape().as_slice(), &shape[1..]);
        assert_eq!(
            chain.timesteps(),
            indices(&tensors, &format!("{name}.timesteps"))
        );
        assert!(
            largest_difference(chain.x_t(), states[0]) < 1e-6,
            "{folder} {name}: x_T"
        );
        let walked = walk(chain, &pipeline);
        assert_eq!(walked.len() + 1, states.len());
        let mut largest = 0.0_f32;
        for step in walked {
            let difference = largest_difference(&step.x_prev, states[step.index + 1]);
            assert!(
                difference < TOLERANCE,
                "{folder} {name}, step {}: {difference}",
                step.index
            );
            largest = largest.max(difference);
        }
        println!("{folder} {name}: largest difference {largest:.1e}");
        loops += 1;
    }
    loops
}

#[test]
fn plain() {
    assert_eq!(compare("plain"), 5);
}

#[test]
fn class_conditional() {
    assert_eq!(compare("class_conditional"), 5);
}

#[test]
fn cifar_style() {
    assert_eq!(compare("cifar_style"), 5);
}

#[test]
fn learned_variance() {
    assert_eq!(compare("learned_variance"), 1);
}
