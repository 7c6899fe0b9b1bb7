//! A chain that is interrupted goes on as if it had not been, one that is too large is asked about in parts, and one that
//! gives what is not a number stops and says where.

use std::cell::RefCell;
use std::convert::Infallible;
use std::num::NonZeroUsize;

use crate::common::{Formula, dummy, unconditional, walk};
use pollster::block_on;
use walkback::chain::{
    Chain, ChainError, ChainOptions, ChainState, Denoiser, InBatches, Inpaint, ModelSpec, Start,
};
use walkback::sampler::SamplerKind;
use walkback::schedule::SchedulerConfig;

const STEPS: usize = 8;

fn options(sampler: SamplerKind, eta: f64) -> ChainOptions {
    ChainOptions {
        seed: 11,
        count: 2,
        sampler,
        eta,
        num_inference_steps: STEPS,
        ..ChainOptions::default()
    }
}

fn new(options: ChainOptions) -> Chain {
    // Nine values an image: draws of fewer than 16 leave half a pair behind, which has to be found again too.
    Chain::new(
        &SchedulerConfig::default(),
        &unconditional(1, 3, 3),
        options,
    )
    .unwrap()
}

/// Interrupts the walk after every step, and compares the rest with the walk that was left alone.
fn goes_on_from_everywhere(options: &ChainOptions) {
    let undisturbed = walk(new(options.clone()), &Formula(dummy));
    for interrupted in 0..=undisturbed.len() {
        let mut chain = new(options.clone());
        for _ in 0..interrupted {
            block_on(chain.step(&Formula(dummy))).unwrap();
        }
        let resumed = new(options.clone()).resume(chain.state()).unwrap();
        assert_eq!(resumed.index(), interrupted);
        assert_eq!(resumed.x_t(), chain.x_t());
        let rest = walk(resumed, &Formula(dummy));
        assert_eq!(
            rest,
            undisturbed[interrupted..],
            "{options:?} after {interrupted}"
        );
    }
}

#[test]
fn a_resumed_chain_takes_the_steps_that_were_left() {
    goes_on_from_everywhere(&options(SamplerKind::Ddpm, 0.0));
    goes_on_from_everywhere(&options(SamplerKind::Ddim, 0.0));
    goes_on_from_everywhere(&options(SamplerKind::Ddim, 0.7));
    goes_on_from_everywhere(&options(SamplerKind::DpmSolver, 0.0));
    goes_on_from_everywhere(&options(SamplerKind::Euler, 0.0));
    goes_on_from_everywhere(&options(SamplerKind::EulerAncestral, 0.0));
    goes_on_from_everywhere(&options(SamplerKind::Heun, 0.0));
    goes_on_from_everywhere(&options(SamplerKind::UniPc, 0.0));
    let from = |timestep| {
        Some(Start {
            x_t: (0..18).map(|i| i as f32 / 18.0).collect(),
            timestep,
        })
    };
    goes_on_from_everywhere(&ChainOptions {
        from: from(0),
        ..options(SamplerKind::DdimInverse, 0.0)
    });
    goes_on_from_everywhere(&ChainOptions {
        from: from(500),
        ..options(SamplerKind::Ddpm, 0.0)
    });
    goes_on_from_everywhere(&ChainOptions {
        inpaint: Some(Inpaint {
            x_0: vec![0.5; 18],
            mask: (0..9).map(|i| f32::from(i % 2 == 0)).collect(),
            resamplings: 3,
        }),
        ..options(SamplerKind::Ddpm, 0.0)
    });
}

#[test]
fn a_state_that_no_such_chain_was_in_is_refused() {
    let state = || ChainState {
        index: 2,
        x_t: vec![0.0; 18],
        x_0_before: Some(vec![0.0; 18]),
        x_0_two_before: Some(vec![0.0; 18]),
    };
    let refusal = |chain: Chain, state| chain.resume(state).err().unwrap().to_string();
    let fresh = || new(options(SamplerKind::Ddpm, 0.0));
    assert!(fresh().resume(state()).is_ok());
    for (state, says) in [
        (
            ChainState {
                index: 9,
                ..state()
            },
            "the walk has only 8 steps",
        ),
        (
            ChainState {
                index: 0,
                ..state()
            },
            "for index 1 and above",
        ),
        (
            ChainState {
                index: 1,
                ..state()
            },
            "for index 2 and above",
        ),
        (
            ChainState {
                x_t: vec![0.0; 17],
                ..state()
            },
            "x_t has 17 values",
        ),
        (
            ChainState {
                x_t: vec![f32::NAN; 18],
                ..state()
            },
            "x_t holds NaN",
        ),
    ] {
        let sentence = refusal(fresh(), state);
        assert!(sentence.contains(says), "{sentence}");
    }
    let mut walked = fresh();
    block_on(walked.step(&Formula(dummy))).unwrap();
    let sentence = refusal(walked, state());
    assert!(sentence.contains("has already made steps"), "{sentence}");
}

/// Each image's mean plus its label, everywhere; remembers how many images it was asked about at once.
#[derive(Default)]
struct MeanAndLabel {
    asked: RefCell<Vec<usize>>,
}

impl Denoiser for MeanAndLabel {
    type Error = Infallible;

    async fn predict(
        &self,
        x_t: &[f32],
        shape: [usize; 4],
        _timestep: usize,
        labels: Option<&[usize]>,
    ) -> Result<Vec<f32>, Infallible> {
        self.asked.borrow_mut().push(shape[0]);
        let size = x_t.len() / shape[0];
        let images = x_t.chunks(size).zip(labels.unwrap());
        Ok(images
            .flat_map(|(image, label)| {
                let mean = image.iter().sum::<f32>() / size as f32;
                vec![mean + *label as f32; size]
            })
            .collect())
    }
}

#[test]
fn a_network_asked_in_small_batches_gives_the_same_walk() {
    let spec = ModelSpec {
        num_class_embeds: Some(4),
        null_label: Some(3),
        ..unconditional(1, 4, 4)
    };
    let options = ChainOptions {
        count: 5,
        labels: Some(vec![0, 1, 2, 1, 0]),
        guidance_scale: 2.0,
        ..options(SamplerKind::Ddpm, 0.0)
    };
    let chain = || Chain::new(&SchedulerConfig::default(), &spec, options.clone()).unwrap();
    let whole = walk(chain(), &MeanAndLabel::default());
    for at_most in [1, 3, 10, usize::MAX] {
        let model = MeanAndLabel::default();
        let at_most = NonZeroUsize::new(at_most).unwrap();
        let parts = InBatches {
            model: &model,
            at_most,
        };
        assert_eq!(walk(chain(), &parts), whole);
        let largest = *model.asked.borrow().iter().max().unwrap();
        assert_eq!(largest, at_most.get().min(10));
    }
}

/// Says `value` at one timestep and nothing at the others.
fn says_at(timestep: usize, value: f32) -> impl Denoiser<Error = Infallible> {
    Formula(move |x: &[f32], _: [usize; 4], t: f32| {
        vec![if t == timestep as f32 { value } else { 0.0 }; x.len()]
    })
}

#[test]
fn a_walk_stops_at_the_step_that_gives_no_number() {
    for value in [f32::NAN, f32::INFINITY] {
        let mut chain = new(options(SamplerKind::Ddpm, 0.0));
        let timestep = chain.timesteps()[3];
        let model = says_at(timestep, value);
        for _ in 0..3 {
            block_on(chain.step(&model)).unwrap();
        }
        let before = chain.state();
        let error = block_on(chain.step(&model)).unwrap_err();
        let sentence = error.to_string();
        assert!(
            sentence.starts_with(&format!(
                "the walk stopped at step 4 of 8, timestep {timestep}: "
            )),
            "{sentence}"
        );
        assert!(
            sentence.contains("the network's output holds"),
            "{sentence}"
        );
        assert_eq!(chain.state(), before, "the last good state is kept");
    }
}

#[test]
fn numbers_that_overflow_on_the_way_stop_the_walk_too() {
    let scheduler = SchedulerConfig {
        clip_sample: false,
        ..SchedulerConfig::default()
    };
    let spec = unconditional(1, 3, 3);
    let mut chain = Chain::new(&scheduler, &spec, options(SamplerKind::Ddpm, 0.0)).unwrap();
    let model = says_at(chain.timesteps()[0], f32::MAX);
    let error = block_on(chain.step(&model)).unwrap_err();
    assert!(
        matches!(
            error,
            ChainError::NotFinite {
                step: 1,
                what: "x_0",
                ..
            }
        ),
        "{error}"
    );
}
