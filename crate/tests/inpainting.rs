//! RePaint: what is kept is kept, what is made fits, and what cannot be asked is refused.

use crate::common::{Formula, unconditional, walk};
use walkback::chain::{Chain, ChainError, ChainOptions, Inpaint, Start, Step};
use walkback::noise::NoiseStream;
use walkback::sampler::{SamplerKind, SamplerOptions};
use walkback::schedule::{Schedule, SchedulerConfig, Spacing};

const SIDE: usize = 8;
const PIXELS: usize = SIDE * SIDE;

/// Keeps the left half.
fn left_half() -> Vec<f32> {
    let keep = |i: usize| if i % SIDE < SIDE / 2 { 1.0 } else { 0.0 };
    (0..PIXELS).map(keep).collect()
}

/// An image that is no one value anywhere.
fn image() -> Vec<f32> {
    (0..PIXELS).map(|i| (i as f32 * 0.7).sin() * 0.9).collect()
}

fn options(resamplings: usize) -> ChainOptions {
    ChainOptions {
        seed: 3,
        num_inference_steps: 20,
        inpaint: Some(Inpaint {
            x_0: image(),
            mask: left_half(),
            resamplings,
        }),
        ..ChainOptions::default()
    }
}

/// The noise in x_t if every pixel of the clean image had the mean of the visible half: a network that carries what it
/// sees on the left over to the right.
fn carries_over(x_t: &[f32], _: [usize; 4], timestep: f32) -> Vec<f32> {
    let schedule = Schedule::new(&SchedulerConfig::default()).unwrap();
    let (signal, noise) = {
        let alpha_cumprod = schedule.alphas_cumprod[timestep as usize];
        (
            alpha_cumprod.sqrt() as f32,
            (1.0 - alpha_cumprod).sqrt() as f32,
        )
    };
    let mask = left_half();
    let left: f32 = x_t.iter().zip(&mask).map(|(x, keep)| x * keep).sum();
    let x_0 = (left / mask.iter().sum::<f32>() / signal).clamp(-1.0, 1.0);
    x_t.iter().map(|x| (x - signal * x_0) / noise).collect()
}

fn inpainted(options: ChainOptions) -> Vec<f32> {
    let chain = Chain::new(
        &SchedulerConfig::default(),
        &unconditional(1, SIDE, SIDE),
        options,
    );
    walk(chain.unwrap(), &Formula(carries_over))
        .pop()
        .unwrap()
        .x_prev
}

#[test]
fn kept_pixels_come_out_to_the_bit() {
    for resamplings in [1, 3] {
        for sampler in [SamplerKind::Ddpm, SamplerKind::Ddim] {
            let result = inpainted(ChainOptions {
                sampler,
                ..options(resamplings)
            });
            for ((x, kept), keep) in result.iter().zip(image()).zip(left_half()) {
                assert_eq!(
                    *x == kept,
                    keep == 1.0,
                    "{sampler}, {resamplings} resamplings"
                );
            }
        }
    }
}

#[test]
fn they_do_so_where_the_sampler_ends_in_a_little_noise() {
    let scheduler = SchedulerConfig {
        set_alpha_to_one: false,
        ..SchedulerConfig::default()
    };
    let options = ChainOptions {
        sampler: SamplerKind::Ddim,
        ..options(2)
    };
    let chain = Chain::new(&scheduler, &unconditional(1, SIDE, SIDE), options).unwrap();
    assert!(chain.alphas_cumprod().last() < Some(&1.0));
    let end = walk(chain, &Formula(carries_over)).pop().unwrap().x_prev;
    for ((x, kept), keep) in end.iter().zip(image()).zip(left_half()) {
        assert_eq!(*x == kept, keep == 1.0);
    }
}

#[test]
fn what_is_made_follows_from_what_is_kept() {
    let mean = |values: &[f32], side: f32| {
        let mask = left_half();
        let here = || values.iter().zip(&mask).filter(|(_, keep)| **keep == side);
        here().map(|(x, _)| x).sum::<f32>() / here().count() as f32
    };
    let result = inpainted(options(3));
    let (left, right) = (mean(&result, 1.0), mean(&result, 0.0));
    assert!((left - right).abs() < 0.05, "left {left}, right {right}");
}

#[test]
fn every_level_but_the_last_is_walked_as_often_as_asked() {
    let chain = |resamplings| {
        let model = unconditional(1, SIDE, SIDE);
        Chain::new(&SchedulerConfig::default(), &model, options(resamplings)).unwrap()
    };
    let (once, thrice) = (chain(1), chain(3));
    assert_eq!(once.timesteps().len(), 20);
    let mut expected: Vec<usize> = once.timesteps()[..19]
        .iter()
        .flat_map(|&t| [t, t, t])
        .collect();
    expected.push(once.timesteps()[19]);
    assert_eq!(thrice.timesteps(), expected);
}

/// A network that sees x_0 = 0 in everything: a state that fits it is noise of variance 1 - abar.
fn sees_nothing(scheduler: &SchedulerConfig) -> impl Fn(&[f32], [usize; 4], f32) -> Vec<f32> {
    let schedule = Schedule::new(scheduler).unwrap();
    move |x_t, _, timestep| {
        let noise = (1.0 - schedule.alphas_cumprod[timestep as usize]).sqrt() as f32;
        x_t.iter().map(|x| x / noise).collect()
    }
}

/// The first two steps of a walk from x_0 = 0 at the noise level of timestep `start`, both at `start`, with a mask that keeps
/// every other pixel; and the level that the chain says the second one ends at.
fn level_walked_twice(
    (sampler, spacing, steps): (SamplerKind, Spacing, usize),
    start: usize,
) -> ([Step; 2], f64) {
    let scheduler = SchedulerConfig {
        clip_sample: false,
        ..SchedulerConfig::default()
    };
    let schedule = Schedule::new(&scheduler).unwrap();
    let noise = (1.0 - schedule.alphas_cumprod[start]).sqrt() as f32;
    let x_t = NoiseStream::new(7).normal(LARGE * LARGE);
    let options = ChainOptions {
        seed: 3,
        sampler,
        spacing: Some(spacing),
        num_inference_steps: steps,
        from: Some(Start {
            x_t: x_t.iter().map(|z| z * noise).collect(),
            timestep: start,
        }),
        inpaint: Some(Inpaint {
            x_0: vec![0.0; LARGE * LARGE],
            mask: (0..LARGE * LARGE).map(|i| (i % 2) as f32).collect(),
            resamplings: 2,
        }),
        ..ChainOptions::default()
    };
    let mut chain = Chain::new(&scheduler, &unconditional(1, LARGE, LARGE), options).unwrap();
    let network = Formula(sees_nothing(&scheduler));
    let steps = [(); 2].map(|()| pollster::block_on(chain.step(&network)).unwrap());
    assert_eq!(steps.clone().map(|step| step.timestep), [start, start]);
    (steps, chain.alphas_cumprod()[2])
}

/// Side of images whose variance says something.
const LARGE: usize = 128;

/// The low timesteps of a walk, where neighbouring levels differ most; not the last, which is walked once.
fn starts((sampler, spacing, steps): (SamplerKind, Spacing, usize)) -> Vec<usize> {
    let options = SamplerOptions {
        kind: sampler,
        num_inference_steps: steps,
        eta: 0.0,
        spacing: Some(spacing),
        start: None,
    };
    let sampler = walkback::sampler::sampler(&SchedulerConfig::default(), &options).unwrap();
    let low = sampler.timesteps().iter().rev().skip(1);
    low.copied().take_while(|&t| t <= 100).take(20).collect()
}

/// Every way to walk with a mask in which a step may end elsewhere than at the next timestep.
const WALKS: [(SamplerKind, Spacing, usize); 6] = [
    (SamplerKind::Ddpm, Spacing::Leading, 20),
    (SamplerKind::Ddpm, Spacing::Linspace, 30),
    (SamplerKind::Ddim, Spacing::Leading, 20),
    (SamplerKind::Ddim, Spacing::Linspace, 30),
    (SamplerKind::Ddim, Spacing::Linspace, 600),
    (SamplerKind::Ddim, Spacing::Trailing, 600),
];

/// The variances of what is made and of what is kept.
fn variances(step: &Step) -> [f64; 2] {
    [0, 1].map(|first| {
        let values = step.x_prev.iter().skip(first).step_by(2);
        values.map(|x| f64::from(*x).powi(2)).sum::<f64>() * 2.0 / step.x_prev.len() as f64
    })
}

/// Whether a variance found in half of an image is the one expected, within six standard errors.
fn is_nearly(found: f64, expected: f64) -> bool {
    let values = (LARGE * LARGE / 2) as f64;
    (found - expected).abs() <= 6.0 * (2.0 / values).sqrt() * expected
}

#[test]
fn what_is_added_again_is_what_the_step_took_away() {
    let schedule = Schedule::new(&SchedulerConfig::default()).unwrap();
    for walk in WALKS {
        let (sampler, spacing, steps) = walk;
        for start in starts(walk) {
            let ([again, down], level) = level_walked_twice(walk, start);
            let case = format!("{sampler}, {spacing}, {steps} steps, t = {start}");
            let expected = 1.0 - schedule.alphas_cumprod[start];
            for found in variances(&again) {
                assert!(
                    is_nearly(found, expected),
                    "{case}: {found}, expected {expected}"
                );
            }
            // What is kept is then as noisy as what is made.
            for found in variances(&down) {
                let expected = 1.0 - level;
                assert!(
                    is_nearly(found, expected),
                    "{case}: {found}, expected {expected}"
                );
            }
        }
    }
}

#[test]
fn impossible_requests_are_refused_with_the_reason() {
    let refused = |change: &dyn Fn(&mut ChainOptions)| {
        let mut options = options(1);
        change(&mut options);
        let model = unconditional(1, SIDE, SIDE);
        match Chain::new(&SchedulerConfig::default(), &model, options) {
            Err(ChainError::Option { option, reason }) => {
                assert_eq!(option, "inpaint");
                reason
            }
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("accepted"),
        }
    };
    let inpaint = |change: &dyn Fn(&mut Inpaint)| {
        refused(&|options| change(options.inpaint.as_mut().unwrap()))
    };
    assert!(inpaint(&|i| i.resamplings = 0).contains("from 1 to 100"));
    assert!(inpaint(&|i| i.resamplings = 101).contains("from 1 to 100"));
    assert!(inpaint(&|i| i.mask.truncate(5)).contains("mask has 5 values instead of 64"));
    assert!(inpaint(&|i| i.mask[9] = 1.5).contains("mask holds 1.5"));
    assert!(inpaint(&|i| i.mask[9] = f32::NAN).contains("mask holds NaN"));
    assert!(inpaint(&|i| i.x_0[0] = f32::INFINITY).contains("x_0 holds inf"));
    assert!(inpaint(&|i| i.x_0.clear()).contains("x_0 has 0 values"));
    assert!(refused(&|o| o.sampler = SamplerKind::DpmSolver).contains("ddpm and ddim"));
}
