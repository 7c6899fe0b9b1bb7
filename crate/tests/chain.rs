//! The chain: its noise, its labels and guidance, its starts, and what it refuses.

use std::cell::RefCell;

use crate::common::{Formula, dummy, unconditional, walk};
use pollster::block_on;
use walkback::chain::{Chain, ChainError, ChainOptions, Denoiser, ModelSpec, Start};
use walkback::noise::NoiseStream;
use walkback::sampler::SamplerKind;
use walkback::schedule::{SchedulerConfig, Spacing, VarianceType};

#[derive(Debug, thiserror::Error)]
#[error("the device is gone")]
struct Gone;

/// What a network was asked: the images' shape, the timestep, the labels.
type Question = ([usize; 4], usize, Option<Vec<usize>>);

/// Says each image's label divided by 100, everywhere; remembers what it was asked.
#[derive(Default)]
struct Labelled {
    asked: RefCell<Vec<Question>>,
    broken: bool,
}

impl Denoiser for Labelled {
    type Error = Gone;

    async fn predict(
        &self,
        _x_t: &[f32],
        shape: [usize; 4],
        timestep: usize,
        labels: Option<&[usize]>,
    ) -> Result<Vec<f32>, Gone> {
        if self.broken {
            return Err(Gone);
        }
        let labels = labels.map(<[usize]>::to_vec);
        self.asked
            .borrow_mut()
            .push((shape, timestep, labels.clone()));
        let per_image = shape[1] * shape[2] * shape[3];
        let labels = labels.unwrap_or(vec![0; shape[0]]);
        Ok(labels
            .iter()
            .flat_map(|label| vec![*label as f32 / 100.0; per_image])
            .collect())
    }
}

/// Ten classes and a null label.
fn digits() -> ModelSpec {
    ModelSpec {
        num_class_embeds: Some(11),
        null_label: Some(10),
        ..unconditional(1, 4, 4)
    }
}

fn ten_steps() -> ChainOptions {
    ChainOptions {
        num_inference_steps: 10,
        ..ChainOptions::default()
    }
}

fn new(spec: &ModelSpec, options: ChainOptions) -> Result<Chain, ChainError> {
    Chain::new(&SchedulerConfig::default(), spec, options)
}

#[test]
fn x_t_is_the_first_draw_of_the_stream_and_every_step_draws_once() {
    let options = ChainOptions {
        seed: 7,
        count: 3,
        ..ten_steps()
    };
    let mut chain = new(&unconditional(2, 4, 5), options).unwrap();
    assert_eq!(chain.shape(), [3, 2, 4, 5]);
    let mut stream = NoiseStream::new(7);
    assert_eq!(chain.x_t(), stream.normal(120));

    // A network that sees no noise at all: x_0-hat is x_t scaled up and clipped.
    let silent = Formula(|x: &[f32], _: [usize; 4], _: f32| vec![0.0; x.len()]);
    let step = block_on(chain.step(&silent)).unwrap();
    assert_eq!((step.index, step.timestep, step.done), (0, 900, false));
    let schedule = walkback::schedule::Schedule::new(&SchedulerConfig::default()).unwrap();
    let transition = walkback::diffusion::Transition {
        alpha_cumprod: schedule.alphas_cumprod[900],
        alpha_cumprod_prev: schedule.alphas_cumprod[800],
    };
    let mut expected = vec![0.0; 120];
    let before = NoiseStream::new(7).normal(120);
    transition.posterior_step(&step.x_0, &before, &stream.normal(120), &mut expected);
    assert_eq!(step.x_prev, expected);
    assert!(step.x_0.iter().all(|x| x.abs() <= 1.0));
    assert_eq!(step.eps, vec![0.0; 120]);
}

#[test]
fn a_seed_means_one_walk() {
    let run = |seed| {
        let options = ChainOptions {
            seed,
            ..ten_steps()
        };
        walk(
            new(&unconditional(1, 4, 4), options).unwrap(),
            &Formula(dummy),
        )
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}

#[test]
fn a_finished_chain_says_so() {
    let mut chain = new(&unconditional(1, 4, 4), ten_steps()).unwrap();
    for index in 0..10 {
        assert_eq!((chain.index(), chain.is_done()), (index, false));
        block_on(chain.step(&Formula(dummy))).unwrap();
    }
    assert!(chain.is_done());
    let error = block_on(chain.step(&Formula(dummy))).unwrap_err();
    assert!(matches!(error, ChainError::Done(10)));
}

#[test]
fn without_a_label_a_conditional_model_gets_the_null_label() {
    let model = Labelled::default();
    let options = ChainOptions {
        count: 2,
        guidance_scale: 4.0,
        ..ten_steps()
    };
    walk(new(&digits(), options).unwrap(), &model);
    for (shape, _, labels) in model.asked.take() {
        assert_eq!((shape, labels), ([2, 1, 4, 4], Some(vec![10, 10])));
    }
}

#[test]
fn guidance_is_one_batch_with_the_labels_first() {
    let model = Labelled::default();
    let options = ChainOptions {
        count: 2,
        labels: Some(vec![3, 7]),
        guidance_scale: 2.5,
        ..ten_steps()
    };
    let mut chain = new(&digits(), options).unwrap();
    let step = block_on(chain.step(&model)).unwrap();
    let asked = model.asked.take();
    assert_eq!(asked, [([4, 1, 4, 4], 900, Some(vec![3, 7, 10, 10]))]);
    // eps_null + w (eps_label - eps_null)
    for (image, label) in step.eps.chunks(16).zip([0.03, 0.07]) {
        let expected = 0.10 + 2.5 * (label - 0.10);
        assert!(image.iter().all(|eps| (eps - expected).abs() < 1e-6));
    }
}

#[test]
fn guidance_of_1_is_the_plain_conditional_model() {
    let model = Labelled::default();
    let options = ChainOptions {
        labels: Some(vec![4]),
        ..ten_steps()
    };
    let mut chain = new(&digits(), options).unwrap();
    let step = block_on(chain.step(&model)).unwrap();
    assert_eq!(model.asked.take(), [([1, 1, 4, 4], 900, Some(vec![4]))]);
    assert!(step.eps.iter().all(|eps| (eps - 0.04).abs() < 1e-7));
}

#[test]
fn a_guided_model_with_learned_variance_keeps_the_labels_variance() {
    let scheduler = SchedulerConfig {
        variance_type: VarianceType::Learned,
        ..SchedulerConfig::default()
    };
    let spec = ModelSpec {
        out_channels: 2,
        ..digits()
    };
    let options = |labels, guidance_scale| ChainOptions {
        labels: Some(labels),
        guidance_scale,
        ..ten_steps()
    };
    // One prediction whatever the label, and a variance that is the first half's place in the batch.
    let network = |variances: [f32; 2]| {
        Formula(move |x: &[f32], shape: [usize; 4], _: f32| {
            let halves = [variances[0], variances[1]];
            let per_image = x.len() / shape[0];
            (0..shape[0])
                .flat_map(|i| [vec![0.1; per_image], vec![halves[i]; per_image]].concat())
                .collect()
        })
    };
    let run = |variances, guidance_scale| {
        let chain = Chain::new(&scheduler, &spec, options(vec![3], guidance_scale)).unwrap();
        let mut chain = chain;
        block_on(chain.step(&network(variances))).unwrap().x_prev
    };
    let plain = run([0.04, 0.0], 1.0);
    let guided = run([0.04, 9.0], 3.0);
    assert!(crate::common::largest_difference(&plain, &guided) < 1e-6);
}

#[test]
fn a_chain_starts_at_any_timestep_and_goes_on_in_its_list() {
    let start = |timestep, sampler| {
        let options = ChainOptions {
            from: Some(Start {
                x_t: vec![0.3; 16],
                timestep,
            }),
            sampler,
            ..ten_steps()
        };
        let chain = new(&unconditional(1, 4, 4), options).unwrap();
        assert_eq!(chain.x_t(), [0.3; 16]);
        let timesteps = chain.timesteps().to_vec();
        assert!(walk(chain, &Formula(dummy)).last().unwrap().done);
        timesteps
    };
    for sampler in [SamplerKind::Ddpm, SamplerKind::Ddim] {
        assert_eq!(start(300, sampler), [300, 200, 100, 0]);
        assert_eq!(start(250, sampler), [250, 200, 100, 0]);
        assert_eq!(start(0, sampler), [0]);
    }
    assert_eq!(start(250, SamplerKind::DpmSolver), [250, 200, 100]);
}

#[test]
fn a_ddim_start_between_two_timesteps_goes_to_the_next_one() {
    // All of x_t is noise that the network sees: each state is then sqrt(1 - abar) of its level.
    let schedule = walkback::schedule::Schedule::new(&SchedulerConfig::default()).unwrap();
    let level = |t: usize| (1.0 - schedule.alphas_cumprod[t]).sqrt() as f32;
    let options = ChainOptions {
        from: Some(Start {
            x_t: vec![level(250); 16],
            timestep: 250,
        }),
        sampler: SamplerKind::Ddim,
        ..ten_steps()
    };
    let ones = Formula(|x: &[f32], _: [usize; 4], _: f32| vec![1.0; x.len()]);
    let steps = walk(new(&unconditional(1, 4, 4), options).unwrap(), &ones);
    for (step, next) in steps.iter().zip([200, 100, 0]) {
        assert!((step.x_prev[0] - level(next)).abs() < 1e-6, "{step:?}");
    }
    assert!(steps[3].x_prev[0].abs() < 1e-6);
}

#[test]
fn dpm_solver_walks_linspace_unless_told_otherwise() {
    let timesteps = |spacing| {
        let options = ChainOptions {
            sampler: SamplerKind::DpmSolver,
            spacing,
            ..ten_steps()
        };
        new(&unconditional(1, 4, 4), options).unwrap().timesteps()[0]
    };
    assert_eq!(timesteps(None), 999);
    assert_eq!(timesteps(Some(Spacing::Leading)), 900);
}

#[test]
fn a_failed_step_leaves_the_chain_where_it_was() {
    let mut chain = new(&unconditional(1, 4, 4), ten_steps()).unwrap();
    let mut undisturbed = new(&unconditional(1, 4, 4), ten_steps()).unwrap();
    let model = Labelled::default();
    let broken = Labelled {
        broken: true,
        ..Labelled::default()
    };
    for _ in 0..3 {
        let error = block_on(chain.step(&broken)).unwrap_err();
        assert!(error.to_string().contains("the device is gone"), "{error}");
        let (a, b) = (
            block_on(chain.step(&model)).unwrap(),
            block_on(undisturbed.step(&model)).unwrap(),
        );
        assert_eq!(a, b);
    }
}

#[test]
fn what_a_network_must_not_say_is_an_error() {
    let say = |value: f32, extra: usize| {
        Formula(move |x: &[f32], _: [usize; 4], _: f32| vec![value; x.len() + extra])
    };
    let mut chain = new(&unconditional(1, 4, 4), ten_steps()).unwrap();
    let error = block_on(chain.step(&say(f32::NAN, 0))).unwrap_err();
    assert!(matches!(
        error,
        ChainError::NotFinite {
            timestep: 900,
            step: 1,
            ..
        }
    ));
    let error = block_on(chain.step(&say(0.0, 1))).unwrap_err();
    assert!(matches!(
        error,
        ChainError::Output {
            found: 17,
            expected: 16,
            ..
        }
    ));

    let scheduler = SchedulerConfig {
        variance_type: VarianceType::Learned,
        ..SchedulerConfig::default()
    };
    let spec = ModelSpec {
        out_channels: 2,
        ..unconditional(1, 4, 4)
    };
    let mut chain = Chain::new(&scheduler, &spec, ten_steps()).unwrap();
    let error = block_on(chain.step(&say(-0.5, 16))).unwrap_err();
    assert!(error.to_string().contains("-0.5"), "{error}");
}
