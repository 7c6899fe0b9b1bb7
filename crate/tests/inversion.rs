//! On the trained model, DDIM inversion and sampling give a real digit back (Song et al. 2020, section 4.3).

#![cfg(feature = "native")]

use crate::common::walk;
use burn::tensor::Device;
use std::path::Path;
use walkback::chain::{Chain, ChainOptions, Start};
use walkback::data::Dataset;
use walkback::data::idx::Split;
use walkback::folder;
use walkback::sampler::SamplerKind;
use walkback::schedule::SchedulerConfig;

const STEPS: usize = 250;

#[test]
fn inversion_and_sampling_give_a_digit_back() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let files = folder::read(&root.join("pretrained/mnist")).unwrap();
    let device = Device::flex();
    let pipeline = files.pipeline(&device).unwrap();
    let data = Dataset::from_dir(&root.join("data/mnist-500"), Split::Train).unwrap();
    let unclipped = SchedulerConfig {
        clip_sample: false,
        ..pipeline.scheduler().clone()
    };
    let digits = &data.first_of_each_class(1)[..3];
    let images: Vec<f32> = digits.iter().flat_map(|&digit| data.image(digit)).collect();
    let run = |sampler, x: Vec<f32>, timestep| {
        let options = ChainOptions {
            sampler,
            count: digits.len(),
            labels: Some((0..digits.len()).collect()),
            num_inference_steps: STEPS,
            from: Some(Start { x_t: x, timestep }),
            ..ChainOptions::default()
        };
        let chain = Chain::new(&unclipped, &pipeline.spec(), options).unwrap();
        let last = walk(chain, &pipeline).pop().unwrap();
        (last.x_prev, last.timestep)
    };
    let (noise, timestep) = run(SamplerKind::DdimInverse, images.clone(), 0);
    let mean_square = noise.iter().map(|x| x * x).sum::<f32>() / noise.len() as f32;
    println!("mean square of the noise: {mean_square}");
    // Below that of true noise: in an image that has none, the better the network, the less of it does it see at first.
    assert!(
        (0.25..1.5).contains(&mean_square),
        "this is no noise: mean square {mean_square}"
    );
    let pairs = noise
        .chunks(data.image_len())
        .zip(images.chunks(data.image_len()));
    for (noise, image) in pairs {
        // Digits on black have a mean near -0.8, and a correlation of 1 with themselves. Of what the inversion gives, a trace
        // of the digit is left, up to 0.42 was measured.
        let mean = mean_of(noise);
        let correlation = correlation(noise, image);
        println!("mean of the noise: {mean}, correlation with the digit: {correlation}");
        assert!(mean.abs() < 0.3, "this is no noise: mean {mean}");
        assert!(
            correlation.abs() < 0.6,
            "the digit can be seen: correlation {correlation}"
        );
    }
    let (back, _) = run(SamplerKind::Ddim, noise, timestep);
    let error = images
        .iter()
        .zip(&back)
        .map(|(a, b)| (a - b) * (a - b))
        .sum::<f32>();
    let error = (error / images.len() as f32).sqrt();
    println!("root of the mean squared difference after {STEPS} steps there and back: {error}");
    // 0.012 and 0.028 were measured, of two models; the rest is room for a third.
    assert!(error < 0.05, "{error}");
}

fn mean_of(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len() as f32
}

/// Pearson's correlation of two images, pixel by pixel.
fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let (mean_a, mean_b) = (mean_of(a), mean_of(b));
    let covariance = |a: &[f32], mean_a: f32, b: &[f32], mean_b: f32| {
        let products = a.iter().zip(b).map(|(x, y)| (x - mean_a) * (y - mean_b));
        products.sum::<f32>()
    };
    let variances = covariance(a, mean_a, a, mean_a) * covariance(b, mean_b, b, mean_b);
    covariance(a, mean_a, b, mean_b) / variances.sqrt()
}
