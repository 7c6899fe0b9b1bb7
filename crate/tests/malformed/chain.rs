//! What a chain refuses before it starts, each by the name of its option.

use super::table::Table;
use crate::common::unconditional;
use walkback::chain::{Chain, ChainOptions, ModelSpec, Start};
use walkback::sampler::SamplerKind;
use walkback::schedule::SchedulerConfig;

#[test]
fn every_impossible_chain_has_its_sentence() {
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
    let large = unconditional(3, 65_536, 65_536);
    let base = ChainOptions {
        num_inference_steps: 10,
        ..ChainOptions::default()
    };
    let count = |count| ChainOptions {
        count,
        ..base.clone()
    };
    let steps = |num_inference_steps| ChainOptions {
        num_inference_steps,
        ..base.clone()
    };
    let eta = |eta| ChainOptions {
        sampler: SamplerKind::Ddim,
        eta,
        ..base.clone()
    };
    let labels = |labels: &[usize]| ChainOptions {
        labels: Some(labels.to_vec()),
        ..base.clone()
    };
    let guided = |guidance_scale| ChainOptions {
        guidance_scale,
        ..labels(&[3])
    };
    let unlabelled_guidance = ChainOptions {
        guidance_scale: 2.0,
        ..base.clone()
    };
    let rescaled = |guidance_rescale| ChainOptions {
        guidance_rescale,
        ..guided(2.0)
    };
    let from = |x: &[f32], timestep| ChainOptions {
        from: Some(Start {
            x_t: x.to_vec(),
            timestep,
        }),
        ..base.clone()
    };
    let inverse = |options: ChainOptions| ChainOptions {
        sampler: SamplerKind::DdimInverse,
        ..options
    };
    let mut table = Table::default();
    for (case, spec, options, expected) in [
        (
            "no image",
            &unlabelled,
            count(0),
            "count: is 0; a chain walks at least one image",
        ),
        (
            "too many images",
            &unlabelled,
            count(usize::MAX),
            "count: images of shape [18446744073709551615, 1, 4, 4] do not fit into memory; walk fewer at once",
        ),
        (
            "too large an image",
            &large,
            count(1),
            "count: images of shape [1, 3, 65536, 65536] do not fit into memory; walk fewer at once",
        ),
        (
            "a label for a model without",
            &unlabelled,
            labels(&[3]),
            "labels: this model has no classes; leave labels out",
        ),
        (
            "a label that there is not",
            &digits,
            labels(&[11]),
            "labels: there is no label 11; use 0 to 10",
        ),
        (
            "two labels for one image",
            &digits,
            labels(&[1, 2]),
            "labels: 2 labels for 1 images",
        ),
        (
            "no label and no null label",
            &no_null,
            base.clone(),
            "labels: this model is class-conditional and has no null label; give a label",
        ),
        (
            "guidance without a null label",
            &no_null,
            guided(2.0),
            "guidance_scale: this model has no null label, so guidance is not possible; use 1",
        ),
        (
            "guidance without classes",
            &unlabelled,
            unlabelled_guidance,
            "guidance_scale: this model has no null label, so guidance is not possible; use 1",
        ),
        (
            "guidance = NaN",
            &digits,
            guided(f64::NAN),
            "guidance_scale: is NaN; it must be a number",
        ),
        (
            "guidance = infinity",
            &digits,
            guided(f64::INFINITY),
            "guidance_scale: is inf; it must be a number",
        ),
        (
            "a rescale above 1",
            &digits,
            rescaled(1.5),
            "guidance_rescale: is 1.5; it must lie in [0, 1]",
        ),
        (
            "a rescale that is no number",
            &digits,
            rescaled(f64::NAN),
            "guidance_rescale: is NaN; it must lie in [0, 1]",
        ),
        (
            "a variance that the model does not have",
            &doubled,
            base.clone(),
            "variance_type: fixed_small needs a model with 1 output channels for 1 input channels, this one has 2",
        ),
        (
            "a start of another size",
            &unlabelled,
            from(&[0.0; 15], 100),
            "from: x_t has 15 values instead of 16",
        ),
        (
            "a start that is no number",
            &unlabelled,
            from(&[f32::NAN; 16], 100),
            "from: x_t holds NaN",
        ),
        (
            "a start outside the chain",
            &unlabelled,
            from(&[0.0; 16], 1000),
            "timestep 1000 is outside the chain of 1000 timesteps",
        ),
        (
            "an inversion of nothing",
            &unlabelled,
            inverse(base.clone()),
            "from: an inversion starts from images",
        ),
        (
            "an inversion of noise",
            &unlabelled,
            inverse(from(&[0.0; 16], 5)),
            "from: timestep is 5; an inversion starts from clean images, at 0",
        ),
        (
            "no step",
            &unlabelled,
            steps(0),
            "num_inference_steps is 0; it must be between 1 and 1000",
        ),
        (
            "more steps than T",
            &unlabelled,
            steps(1001),
            "num_inference_steps is 1001; it must be between 1 and 1000",
        ),
        (
            "negative noise",
            &unlabelled,
            eta(-0.5),
            "eta is -0.5; it must lie in [0, 1]",
        ),
    ] {
        let chain = Chain::new(&SchedulerConfig::default(), spec, options);
        table.holds(case, chain.map(|_| ()), expected);
    }
    table.end(22);
}
