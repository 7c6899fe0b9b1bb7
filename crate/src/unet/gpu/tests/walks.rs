//! A walk that stays on the GPU ends where the one that comes back to the host after every evaluation does.

use super::network;
use crate::chain::{Chain, ChainOptions, InBatches, Inpaint, Start, Step};
use crate::denoiser::{Denoiser, Leg, Reached};
use crate::noise::NoiseStream;
use crate::pipeline::{Labels, Pipeline, PipelineError};
use crate::sampler::SamplerKind;
use crate::schedule::{BetaSchedule, PredictionType, SchedulerConfig, VarianceType};
use crate::unet::UNetConfig;
use crate::unet::config::TimeEmbeddingType;
use crate::unet::gpu::native::Gpu;
use burn::tensor::Device;
use cubecl::future::block_on;
use std::cell::Cell;
use std::num::NonZeroUsize;

/// Of the largest number of a tensor: single precision against double, in the sampler's arithmetic and what the network makes
/// of the difference.
const TOLERANCE: f32 = 2e-3;
const STEPS: usize = 7;

/// A model, and how often it was asked for an answer or took steps itself.
struct Watched<'a> {
    model: &'a Pipeline,
    /// Whether it may take steps itself.
    walks: bool,
    answers: Cell<usize>,
    steps: Cell<usize>,
}

impl Denoiser for Watched<'_> {
    type Error = PipelineError;

    async fn predict(
        &self,
        x_t: &[f32],
        shape: [usize; 4],
        timestep: usize,
        labels: Option<&[usize]>,
    ) -> Result<Vec<f32>, PipelineError> {
        self.predict_at(x_t, shape, timestep as f32, labels).await
    }

    async fn predict_at(
        &self,
        x_t: &[f32],
        shape: [usize; 4],
        time: f32,
        labels: Option<&[usize]>,
    ) -> Result<Vec<f32>, PipelineError> {
        self.answers.set(self.answers.get() + 1);
        self.model.predict_at(x_t, shape, time, labels).await
    }

    async fn walk(&self, leg: Leg<'_>) -> Result<Option<Reached>, PipelineError> {
        if !self.walks {
            return Ok(None);
        }
        let steps = leg.steps;
        let reached = self.model.walk(leg).await?;
        if reached.is_some() {
            self.steps.set(self.steps.get() + steps);
        }
        Ok(reached)
    }
}

/// A small model on the GPU.
fn model(scheduler: SchedulerConfig, change: impl FnOnce(&mut UNetConfig)) -> Pipeline {
    let unet = network(|config| {
        config.sample_size = [8, 8];
        config.num_class_embeds = Some(3);
        change(config);
    });
    let labels = Labels {
        names: Vec::new(),
        null: unet.config().num_class_embeds.map(|_| 2),
    };
    let mut model = Pipeline::new(unet, scheduler, labels, &Device::flex());
    let gpu = Gpu::get().expect("a GPU, or a software driver for Vulkan");
    model.compute_on(gpu.client.clone()).expect("an engine");
    model
}

/// The model, which may walk itself.
fn on_device(model: &Pipeline) -> Watched<'_> {
    Watched {
        model,
        walks: true,
        answers: Cell::new(0),
        steps: Cell::new(0),
    }
}

/// The model, which may not.
fn by_host(model: &Pipeline) -> Watched<'_> {
    Watched {
        walks: false,
        ..on_device(model)
    }
}

fn options(sampler: SamplerKind, guidance_scale: f64) -> ChainOptions {
    ChainOptions {
        seed: 5,
        count: 3,
        labels: Some(vec![0, 1, 0]),
        guidance_scale,
        sampler,
        num_inference_steps: STEPS,
        eta: 0.6,
        from: (sampler == SamplerKind::DdimInverse).then(|| Start {
            x_t: NoiseStream::new(1).normal(3 * 64),
            timestep: 0,
        }),
        ..ChainOptions::default()
    }
}

fn chain(model: &Pipeline, options: ChainOptions) -> Chain {
    Chain::new(model.scheduler(), &model.spec(), options).expect("a chain")
}

fn advance(chain: &mut Chain, model: &impl Denoiser, steps: usize) -> Step {
    block_on(chain.advance(model, steps)).expect("steps")
}

/// Each tensor of `found` within the tolerance of that of `expected`.
fn assert_close(name: &str, found: &Step, expected: &Step) {
    let place = |step: &Step| (step.index, step.timestep, step.done);
    assert_eq!(place(found), place(expected), "{name}");
    let at = expected.index;
    for (what, found, expected) in [
        ("x_t", &found.x_t, &expected.x_t),
        ("x_prev", &found.x_prev, &expected.x_prev),
        ("x_0", &found.x_0, &expected.x_0),
        ("eps", &found.eps, &expected.eps),
    ] {
        assert_eq!(found.len(), expected.len(), "{name}, {what}");
        let largest = expected.iter().fold(1.0_f32, |most, x| most.max(x.abs()));
        for (a, b) in found.iter().zip(expected) {
            let close = (a - b).abs() < TOLERANCE * largest;
            assert!(close, "{name}, step {at}, {what}: {a} is not {b}");
        }
    }
}

/// Walks on the device and by way of the host, and compares every step.
fn walks_alike(name: &str, model: &Pipeline, options: &ChainOptions) {
    let (there, here) = (on_device(model), by_host(model));
    let mut found = chain(model, options.clone());
    let mut expected = chain(model, options.clone());
    while !expected.is_done() {
        let expected = advance(&mut expected, &here, 1);
        assert_close(name, &advance(&mut found, &there, 1), &expected);
    }
    let steps = found.timesteps().len();
    assert_eq!(there.steps.get(), steps, "{name}: steps on the device");
    assert_eq!(there.answers.get(), 0, "{name}: answers that came back");
}

#[test]
fn every_sampler_walks_on_the_device_as_by_way_of_the_host() {
    for &prediction_type in PredictionType::ALL {
        let scheduler = SchedulerConfig {
            prediction_type,
            // An inversion has to know the noise of where it starts.
            set_alpha_to_one: false,
            ..SchedulerConfig::default()
        };
        let model = model(scheduler, |_| {});
        for &sampler in SamplerKind::ALL {
            for guidance_scale in [1.0, 2.5] {
                let name = format!("{prediction_type}, {sampler}, guidance {guidance_scale}");
                walks_alike(&name, &model, &options(sampler, guidance_scale));
            }
        }
    }
}

/// A scheduler's file.
fn scheduler(json: &str) -> SchedulerConfig {
    SchedulerConfig::from_json(json).expect("a configuration")
}

#[test]
fn every_kind_of_network_walks_on_the_device_as_by_way_of_the_host() {
    let cosine = SchedulerConfig {
        beta_schedule: BetaSchedule::SquaredcosCapV2,
        clip_sample: false,
        ..SchedulerConfig::default()
    };
    let learned = SchedulerConfig {
        variance_type: VarianceType::LearnedRange,
        ..SchedulerConfig::default()
    };
    let edm = scheduler(r#"{"_class_name": "EDMEulerScheduler"}"#);
    let score = scheduler(r#"{"_class_name": "ScoreSdeVeScheduler", "num_train_timesteps": 100}"#);
    let unconditional = |sampler| ChainOptions {
        labels: None,
        ..options(sampler, 1.0)
    };
    type Change = fn(&mut UNetConfig);
    let colour: Change = |c| (c.in_channels, c.out_channels) = (3, 3);
    let twice: Change = |c| (c.in_channels, c.out_channels) = (3, 6);
    let centred: Change = |c| c.center_input_sample = true;
    let divided: Change = |c| {
        *c = UNetConfig {
            time_embedding_type: TimeEmbeddingType::Fourier,
            num_class_embeds: None,
            ..c.clone()
        }
    };
    for (name, scheduler, change, options) in [
        (
            "cosine",
            cosine.clone(),
            colour,
            options(SamplerKind::Ddpm, 3.0),
        ),
        ("centred", cosine, centred, options(SamplerKind::UniPc, 3.0)),
        (
            "learned",
            learned.clone(),
            twice,
            options(SamplerKind::Ddpm, 1.0),
        ),
        (
            "learned, guided",
            learned.clone(),
            twice,
            options(SamplerKind::Ddpm, 3.0),
        ),
        (
            "learned, ddim",
            learned,
            twice,
            options(SamplerKind::Ddim, 3.0),
        ),
        ("edm", edm, colour, options(SamplerKind::Euler, 1.5)),
        (
            "score",
            score,
            divided,
            unconditional(SamplerKind::EulerAncestral),
        ),
    ] {
        walks_alike(name, &model(scheduler, change), &options);
    }
}

#[test]
fn many_steps_at_once_have_the_bits_of_as_many_one_by_one() {
    let model = model(SchedulerConfig::default(), |_| {});
    for (sampler, guidance_scale) in [
        (SamplerKind::Ddpm, 1.0),
        (SamplerKind::Ddim, 2.0),
        (SamplerKind::DpmSolver, 1.0),
        (SamplerKind::Heun, 1.0),
        (SamplerKind::UniPc, 2.0),
    ] {
        let options = options(sampler, guidance_scale);
        let there = on_device(&model);
        let mut singly = chain(&model, options.clone());
        let mut at_once = chain(&model, options.clone());
        for steps in [1, 3, 2, usize::MAX] {
            let last = advance(&mut at_once, &there, steps);
            let all: Vec<Step> = (singly.index()..at_once.index())
                .map(|_| advance(&mut singly, &there, 1))
                .collect();
            assert_eq!(all.last(), Some(&last), "{sampler}");
            assert_eq!(at_once.state(), singly.state(), "{sampler}");
            // Taken up from there by another, without what is on the device.
            let other = chain(&model, options.clone()).resume(at_once.state());
            let mut other = other.expect("a chain");
            if !other.is_done() {
                let further = advance(&mut other, &there, 1);
                let mut singly = chain(&model, options.clone());
                let expected = advance(&mut singly, &there, at_once.index() + 1);
                assert_eq!(further, expected, "{sampler}, resumed");
            }
        }
        assert!(at_once.is_done(), "{sampler}");
        assert_eq!(there.answers.get(), 0, "{sampler}: answers that came back");
    }
}

#[test]
fn what_else_is_asked_between_two_steps_changes_neither() {
    let model = model(SchedulerConfig::default(), |_| {});
    let there = on_device(&model);
    let options = options(SamplerKind::Ddim, 1.0);
    let labels = options.labels.clone();
    let mut alone = chain(&model, options.clone());
    let expected: Vec<Step> = (0..STEPS).map(|_| advance(&mut alone, &there, 1)).collect();
    let mut disturbed = chain(&model, options.clone());
    let mut other = chain(&model, ChainOptions { seed: 9, ..options });
    for (i, expected) in expected.iter().enumerate() {
        assert_eq!(&advance(&mut disturbed, &there, 1), expected, "step {i}");
        // As many images at once, so in the same memory.
        if i % 2 == 0 {
            let x_t = NoiseStream::new(2).normal(3 * 64);
            let asked = model.predict(&x_t, disturbed.shape(), 400, labels.as_deref());
            block_on(asked).expect("an answer");
        } else {
            advance(&mut other, &there, 1);
        }
    }
}

#[test]
fn more_images_than_are_evaluated_at_once_walk_in_turns() {
    let model = model(SchedulerConfig::default(), |_| {});
    for guidance_scale in [1.0, 2.0] {
        let there = on_device(&model);
        let options = options(SamplerKind::Ddpm, guidance_scale);
        let mut whole = chain(&model, options.clone());
        let mut in_turns = chain(&model, options);
        // Three images, or six halves of pairs, two at a time.
        let few = InBatches {
            model: &there,
            at_most: NonZeroUsize::new(2).expect("2"),
        };
        let expected = advance(&mut whole, &there, STEPS);
        assert_close("in turns", &advance(&mut in_turns, &few, STEPS), &expected);
        assert_eq!(there.answers.get(), 0, "answers that came back");
    }
}

#[test]
fn what_the_device_cannot_do_the_host_does_to_the_bit() {
    let usual = || model(SchedulerConfig::default(), |_| {});
    let thresholding = SchedulerConfig {
        thresholding: true,
        ..SchedulerConfig::default()
    };
    let rescaled = ChainOptions {
        guidance_rescale: 0.7,
        ..options(SamplerKind::Ddim, 2.0)
    };
    let inpainted = ChainOptions {
        inpaint: Some(Inpaint {
            x_0: vec![0.5; 3 * 64],
            mask: [vec![1.0; 32], vec![0.0; 32]].concat(),
            resamplings: 2,
        }),
        ..options(SamplerKind::Ddpm, 1.0)
    };
    for (name, model, options) in [
        (
            "thresholding",
            model(thresholding, |_| {}),
            options(SamplerKind::Ddpm, 1.0),
        ),
        ("rescaled guidance", usual(), rescaled),
        ("inpainting", usual(), inpainted),
    ] {
        let (there, here) = (on_device(&model), by_host(&model));
        let found = advance(&mut chain(&model, options.clone()), &there, usize::MAX);
        let expected = advance(&mut chain(&model, options), &here, usize::MAX);
        assert_eq!(found, expected, "{name}");
        assert_eq!(there.steps.get(), 0, "{name}: steps on the device");
    }
}

#[test]
fn a_walk_that_meets_what_is_no_number_stops_where_the_host_says() {
    let model = model(SchedulerConfig::default(), |_| {});
    let options = options(SamplerKind::Ddpm, 1.0);
    let (there, here) = (on_device(&model), by_host(&model));
    let mut found = chain(&model, options.clone());
    let mut expected = chain(&model, options.clone());
    advance(&mut found, &there, 2);
    advance(&mut expected, &here, 2);
    // So far beyond what single precision holds that the network's first sums are infinite.
    let far = |before: Chain| {
        let mut state = before.state();
        state.x_t.fill(f32::MAX);
        let new = chain(&model, options.clone());
        new.resume(state).expect("a chain")
    };
    let (mut found, mut expected) = (far(found), far(expected));
    let at = found.state();
    let error = |chain: &mut Chain, model: &Watched<'_>| {
        block_on(chain.advance(model, 3))
            .expect_err("an error")
            .to_string()
    };
    let said = error(&mut found, &there);
    assert_eq!(said, error(&mut expected, &here));
    assert!(said.contains("step 3 of 7"), "{said}");
    assert_eq!(found.state(), at);
}
