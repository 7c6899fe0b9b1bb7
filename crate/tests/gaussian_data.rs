//! Where the data are gaussian the best network is a formula, and everything can be checked to the end:
//! every sampler must draw from the data, and an inverted image must come back.

use crate::common::{Formula, largest_difference, unconditional, walk};
use walkback::chain::{Chain, ChainOptions, Start};
use walkback::sampler::SamplerKind;
use walkback::schedule::{Schedule, SchedulerConfig, VarianceType};

const MEAN: f64 = 0.3;
const DEVIATION: f64 = 0.2;

fn unclipped() -> SchedulerConfig {
    SchedulerConfig {
        clip_sample: false,
        ..SchedulerConfig::default()
    }
}

/// E[eps | x_t] for x_0 ~ N(m, s^2): sqrt(1 - abar) (x_t - sqrt(abar) m) / (abar s^2 + 1 - abar).
fn best_network() -> impl Fn(&[f32], [usize; 4], f32) -> Vec<f32> {
    let schedule = Schedule::new(&unclipped()).unwrap();
    move |x_t, _, time| {
        let abar = schedule.alphas_cumprod[time.round() as usize];
        let scale = (1.0 - abar).sqrt() / (abar * DEVIATION.powi(2) + 1.0 - abar);
        let eps = |x: &f32| (scale * (f64::from(*x) - abar.sqrt() * MEAN)) as f32;
        x_t.iter().map(eps).collect()
    }
}

#[test]
fn every_sampler_draws_from_the_data() {
    for (sampler, steps, eta, variance_type) in [
        (SamplerKind::Ddpm, 1000, 0.0, VarianceType::FixedSmall),
        (SamplerKind::Ddpm, 1000, 0.0, VarianceType::FixedLarge),
        (SamplerKind::Ddim, 250, 0.0, VarianceType::FixedSmall),
        (SamplerKind::Ddim, 1000, 1.0, VarianceType::FixedSmall),
        (SamplerKind::DpmSolver, 50, 0.0, VarianceType::FixedSmall),
        (SamplerKind::Euler, 250, 0.0, VarianceType::FixedSmall),
        (
            SamplerKind::EulerAncestral,
            1000,
            0.0,
            VarianceType::FixedSmall,
        ),
        (SamplerKind::Heun, 100, 0.0, VarianceType::FixedSmall),
        (SamplerKind::UniPc, 50, 0.0, VarianceType::FixedSmall),
    ] {
        let scheduler = SchedulerConfig {
            variance_type,
            ..unclipped()
        };
        let options = ChainOptions {
            seed: 1,
            sampler,
            num_inference_steps: steps,
            eta,
            ..ChainOptions::default()
        };
        let chain = Chain::new(&scheduler, &unconditional(1, 64, 64), options).unwrap();
        let steps = walk(chain, &Formula(best_network()));
        let values = &steps.last().unwrap().x_prev;
        let n = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let squares = values.iter().map(|&v| (f64::from(v) - mean).powi(2));
        let deviation = (squares.sum::<f64>() / n).sqrt();
        // Four standard errors of 4,096 values, and what the discrete steps cost.
        assert!(
            (mean - MEAN).abs() < 0.0125 + 0.003,
            "{sampler}: mean {mean}"
        );
        assert!(
            (deviation - DEVIATION).abs() < 0.009 + 0.006,
            "{sampler}: {deviation}"
        );
    }
}

#[test]
fn inversion_and_sampling_give_the_image_back() {
    let image: Vec<f32> = (0..784).map(|i| (i % 28) as f32 / 14.0 - 1.0).collect();
    let run = |sampler, steps, x: Vec<f32>, timestep| {
        let options = ChainOptions {
            sampler,
            num_inference_steps: steps,
            from: Some(Start { x_t: x, timestep }),
            ..ChainOptions::default()
        };
        let chain = Chain::new(&unclipped(), &unconditional(1, 28, 28), options).unwrap();
        let last = walk(chain, &Formula(best_network())).pop().unwrap();
        (last.x_prev, last.timestep)
    };
    let there_and_back = |steps| {
        let (noise, timestep) = run(SamplerKind::DdimInverse, steps, image.clone(), 0);
        let (back, _) = run(SamplerKind::Ddim, steps, noise, timestep);
        largest_difference(&back, &image)
    };
    // The inversion takes eps-hat from the wrong end of each step, an error of first order: these
    // pixels are up to 6.5 standard deviations from the mean of the data, and the error shrinks
    // like the length of the steps.
    let (rough, fine, finest) = (
        there_and_back(250),
        there_and_back(500),
        there_and_back(1000),
    );
    assert!(rough < 0.06, "largest difference {rough} with 250 steps");
    assert!((1.7..2.3).contains(&(rough / fine)), "{rough} to {fine}");
    assert!((1.7..2.3).contains(&(fine / finest)), "{fine} to {finest}");
}
