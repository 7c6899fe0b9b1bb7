//! What a chain refuses before it starts, each by the name of its option.

mod common;

use common::unconditional;
use walkback::chain::{Chain, ChainOptions, ModelSpec, Start};
use walkback::sampler::SamplerKind;
use walkback::schedule::SchedulerConfig;

#[test]
fn options_that_a_model_cannot_follow_are_refused_by_name() {
    let unlabelled = unconditional(1, 4, 4);
    let digits = ModelSpec {
        num_class_embeds: Some(11),
        null_label: Some(10),
        ..unconditional(1, 4, 4)
    };
    let no_null = ModelSpec {
        null_label: None,
        ..digits.clone()
    };
    let doubled = ModelSpec {
        out_channels: 2,
        ..unconditional(1, 4, 4)
    };
    let options = || ChainOptions {
        num_inference_steps: 10,
        ..ChainOptions::default()
    };
    let from = |values, timestep| ChainOptions {
        from: Some(Start {
            x: vec![0.0; values],
            timestep,
        }),
        ..options()
    };
    let labels = |labels: &[usize]| ChainOptions {
        labels: Some(labels.to_vec()),
        ..options()
    };
    let guided = |guidance_scale| ChainOptions {
        guidance_scale,
        ..labels(&[3])
    };
    let inverse = |from| ChainOptions {
        sampler: SamplerKind::DdimInverse,
        from,
        ..options()
    };
    let cases = [
        (
            "count",
            &unlabelled,
            ChainOptions {
                count: 0,
                ..options()
            },
        ),
        (
            "count",
            &unlabelled,
            ChainOptions {
                count: usize::MAX,
                ..options()
            },
        ),
        ("labels", &unlabelled, labels(&[3])),
        ("labels", &digits, labels(&[11])),
        ("labels", &digits, labels(&[1, 2])),
        ("labels", &no_null, options()),
        ("guidance_scale", &no_null, guided(2.0)),
        (
            "guidance_scale",
            &unlabelled,
            ChainOptions {
                guidance_scale: 2.0,
                ..options()
            },
        ),
        ("guidance_scale", &digits, guided(f64::NAN)),
        ("guidance_scale", &digits, guided(f64::INFINITY)),
        (
            "guidance_rescale",
            &digits,
            ChainOptions {
                guidance_rescale: 1.5,
                ..guided(2.0)
            },
        ),
        ("variance_type", &doubled, options()),
        ("from", &unlabelled, from(15, 100)),
        ("timestep 1000", &unlabelled, from(16, 1000)),
        ("from", &unlabelled, inverse(None)),
        ("from", &unlabelled, inverse(from(16, 5).from)),
        (
            "num_inference_steps",
            &unlabelled,
            ChainOptions {
                num_inference_steps: 0,
                ..options()
            },
        ),
        (
            "num_inference_steps",
            &unlabelled,
            ChainOptions {
                num_inference_steps: 1001,
                ..options()
            },
        ),
    ];
    for (name, spec, options) in cases {
        let Err(error) = Chain::new(&SchedulerConfig::default(), spec, options) else {
            panic!("{name} was accepted")
        };
        assert!(error.to_string().contains(name), "{name}: {error}");
    }
}
