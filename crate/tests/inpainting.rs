//! RePaint: what is kept is kept, what is made fits, and what cannot be asked is refused.

mod common;

use common::{Formula, unconditional, walk};
use walkback::chain::{Chain, ChainError, ChainOptions, Inpaint};
use walkback::sampler::SamplerKind;
use walkback::schedule::{Schedule, SchedulerConfig};

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
fn carries_over(x_t: &[f32], _: [usize; 4], timestep: usize) -> Vec<f32> {
    let schedule = Schedule::new(&SchedulerConfig::default()).unwrap();
    let (signal, noise) = {
        let alpha_cumprod = schedule.alphas_cumprod[timestep];
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
        .x_t
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

#[test]
fn resampling_returns_to_the_noise_level_it_came_from() {
    // A network that always sees x_0 = 0, and a mask that keeps nothing: the state of a chain is then noise of
    // variance 1 - abar, before and after it was noised again.
    let scheduler = SchedulerConfig {
        clip_sample: false,
        ..SchedulerConfig::default()
    };
    let schedule = Schedule::new(&scheduler).unwrap();
    let nothing = move |x_t: &[f32], _: [usize; 4], timestep: usize| -> Vec<f32> {
        let noise = (1.0 - schedule.alphas_cumprod[timestep]).sqrt() as f32;
        x_t.iter().map(|x| x / noise).collect()
    };
    let side = 64;
    let options = ChainOptions {
        inpaint: Some(Inpaint {
            x_0: vec![0.0; side * side],
            mask: vec![0.0; side * side],
            resamplings: 4,
        }),
        ..options(1)
    };
    let chain = Chain::new(&scheduler, &unconditional(1, side, side), options).unwrap();
    let timesteps = chain.timesteps().to_vec();
    let steps = walk(chain, &Formula(nothing));
    let schedule = Schedule::new(&scheduler).unwrap();
    for (step, next) in steps.iter().zip(&timesteps[1..]) {
        let n = step.x_t.len() as f64;
        let variance = step.x_t.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / n;
        let expected = 1.0 - schedule.alphas_cumprod[*next];
        // Six standard errors of a variance of 4096 values.
        let tolerance = 6.0 * expected * (2.0 / n).sqrt();
        assert!(
            (variance - expected).abs() < tolerance,
            "after t = {}: variance {variance}, expected {expected}",
            step.timestep
        );
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
