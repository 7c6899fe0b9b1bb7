//! What the judging rests on: distances against their closed forms, intervals against what they promise.

#![cfg(feature = "native")]

use burn::tensor::Device;
use rand_mt::Mt64;
use walkback::chain::ModelSpec;
use walkback::data::Dataset;
use walkback::eval::estimate::Estimate;
use walkback::eval::frechet::{FrechetError, Moments, distance};
use walkback::eval::nearest::{self, Summary, nearest};
use walkback::eval::rate::Rate;
use walkback::eval::samples::Setting;
use walkback::eval::{check_fit, choose_per_class};
use walkback::noise::NoiseStream;
use walkback::sampler::SamplerKind;

#[track_caller]
fn assert_close(found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance,
        "{found}, not {expected}"
    );
}

fn diagonal(mean: &[f64], variances: &[f64]) -> Moments {
    let d = mean.len();
    let mut covariance = vec![0.0; d * d];
    (0..d).for_each(|i| covariance[i * d + i] = variances[i]);
    Moments {
        mean: mean.to_vec(),
        covariance,
    }
}

/// Q^T S Q for the rotation Q that turns the plane of each two neighbouring axes a little.
fn turned(moments: &Moments) -> Moments {
    let d = moments.mean.len();
    let (mut mean, mut a) = (moments.mean.clone(), moments.covariance.clone());
    for p in 0..d - 1 {
        let (s, c) = (0.3 + p as f64).sin_cos();
        let turn = |x: &mut f64, y: &mut f64| (*x, *y) = (c * *x + s * *y, c * *y - s * *x);
        let [x, y] = mean.get_disjoint_mut([p, p + 1]).unwrap();
        turn(x, y);
        for k in 0..d {
            let [x, y] = a.get_disjoint_mut([k * d + p, k * d + p + 1]).unwrap();
            turn(x, y);
        }
        for k in 0..d {
            let [x, y] = a.get_disjoint_mut([p * d + k, (p + 1) * d + k]).unwrap();
            turn(x, y);
        }
    }
    Moments {
        mean,
        covariance: a,
    }
}

#[test]
fn the_distance_of_diagonal_gaussians_is_the_sum_over_axes() {
    let (m_1, v_1) = ([0.0, 1.0, -2.0, 0.5], [1.0, 4.0, 0.25, 1e-6]);
    let (m_2, v_2) = ([0.5, 1.0, 1.0, 0.5], [9.0, 4.0, 0.0, 1.0]);
    let (a, b) = (diagonal(&m_1, &v_1), diagonal(&m_2, &v_2));
    let axis = |i: usize| (m_1[i] - m_2[i]).powi(2) + (v_1[i].sqrt() - v_2[i].sqrt()).powi(2);
    let expected: f64 = (0..4).map(axis).sum();
    assert_close(distance(&a, &b), expected, 1e-12);
    assert_close(distance(&b, &a), expected, 1e-12);
    // Turning space changes no distance.
    assert_close(distance(&turned(&a), &turned(&b)), expected, 1e-9);
}

#[test]
fn a_shifted_set_is_as_far_as_the_shift() {
    let d = 5;
    let features = NoiseStream::new(3).normal(200 * d);
    let shift = [0.5_f32, -1.0, 0.0, 2.0, 0.25];
    let shifted: Vec<f32> = features
        .iter()
        .enumerate()
        .map(|(i, x)| x + shift[i % d])
        .collect();
    let (a, b) = (
        Moments::of(&features, d).unwrap(),
        Moments::of(&shifted, d).unwrap(),
    );
    let expected: f64 = shift.iter().map(|s| f64::from(s * s)).sum();
    assert_close(distance(&a, &b), expected, 1e-5);
    assert_close(distance(&a, &a), 0.0, 1e-10);
}

#[test]
fn moments_are_those_of_the_numbers() {
    let moments = Moments::of(&[1.0, 0.0, 3.0, 2.0, 5.0, 1.0], 2).unwrap();
    assert_eq!(moments.mean, [3.0, 1.0]);
    for (found, expected) in moments.covariance.iter().zip([4.0, 1.0, 1.0, 1.0]) {
        assert_close(*found, expected, 1e-12);
    }
    assert_eq!(Moments::of(&[1.0, 2.0], 2), Err(FrechetError::TooFew(1)));
    assert_eq!(
        Moments::of(&[1.0, f32::NAN], 1),
        Err(FrechetError::NotFinite)
    );
}

#[test]
fn intervals_hold_the_truth_as_often_as_they_say() {
    // Three strata of skewed (exponential) values, the widths and means of a bound in small.
    let strata = [(1.0, 0.8, 60), (5.0, 0.05, 30), (100.0, 0.001, 20)];
    let truth: f64 = strata.iter().map(|(weight, mean, _)| weight * mean).sum();
    let mut rng = Mt64::new(5);
    let mut exponential = |mean: f64| {
        let unit = (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        -mean * (-unit).ln_1p()
    };
    let (mut held, mut mean, trials) = (0, 0.0, 4000);
    for _ in 0..trials {
        let drawn = strata.map(|(weight, mean, n)| {
            let values: Vec<f64> = (0..n).map(|_| exponential(mean)).collect();
            (weight, values)
        });
        let found = Estimate::of_strata(drawn.iter().map(|(w, values)| (*w, &values[..])));
        held += usize::from((found.mean - truth).abs() <= found.half_width);
        mean += found.mean / f64::from(trials);
    }
    let share = held as f64 / f64::from(trials);
    assert!((0.93..0.965).contains(&share), "{share}");
    // Without bias: five standard errors of the mean over the trials.
    assert_close(mean, truth, 5.0 * 0.12 / f64::from(trials).sqrt());
}

#[test]
fn a_known_sum_has_no_interval() {
    let found = Estimate::of_strata([(2.0, &[1.5; 4][..]), (1.0, &[0.5; 2][..])]).plus(1.0);
    assert_eq!((found.mean, found.half_width), (4.5, 0.0));
}

#[test]
fn rates_count_hits_and_have_wilsons_interval() {
    let rate = Rate::of_labels(&[0, 1, 2, 2], &[0, 1, 1, 2]);
    assert_eq!((rate.hits, rate.of), (3, 4));
    // 96 of 100: Wilson's interval is 0.9016 to 0.9843.
    let [low, high] = Rate::new(96, 100).interval;
    assert_close(low, 0.9016, 1e-4);
    assert_close(high, 0.9843, 1e-4);
    let each = Rate::of_each_class(&[0, 1, 2, 2], &[0, 1, 1, 2], 3);
    assert_eq!(each.iter().map(|r| r.hits).collect::<Vec<_>>(), [1, 1, 1]);
    assert_eq!(each.iter().map(|r| r.of).collect::<Vec<_>>(), [1, 2, 1]);
}

/// Images of 3 x 5 pixels that are noise, with labels 0, 1, 2 by turns.
fn noise_images(count: usize, seed: u32) -> Dataset {
    let mut rng = Mt64::new(u64::from(seed));
    Dataset {
        images: (0..count * 15).map(|_| rng.next_u64() as u8).collect(),
        labels: (0..count).map(|i| (i % 3) as u8).collect(),
        height: 3,
        width: 5,
        channels: 1,
    }
}

#[test]
fn the_nearest_image_is_the_nearest_and_a_copy_is_at_0() {
    let among = noise_images(1300, 1);
    let mut images = noise_images(40, 2);
    images.images[..15].copy_from_slice(among.pixels(1234));
    let found = nearest(&images, &among, &Device::flex(), |_, _| ());
    assert_eq!((found[0].index, found[0].distance), (1234, 0.0));
    for (i, neighbour) in found.iter().enumerate() {
        let squares = |j: usize| -> f64 {
            let (a, b) = (images.image(i), among.image(j));
            a.iter()
                .zip(&b)
                .map(|(a, b)| f64::from(a - b).powi(2))
                .sum()
        };
        let least = (0..among.len()).map(squares).fold(f64::INFINITY, f64::min);
        assert_close(neighbour.distance, (least / 15.0).sqrt(), 1e-6);
    }
    assert_eq!(nearest::distance(&[0; 7], &[255; 7]), 2.0);
    let summary = Summary::of(&found).unwrap();
    assert_eq!(summary.least, 0.0);
    assert!(summary.five_percent <= summary.median);
    assert_eq!(Summary::of(&[]), None);
}

#[test]
fn a_choice_has_as_many_of_each_class_and_follows_from_its_seed() {
    let data = noise_images(100, 3);
    let chosen = choose_per_class(&data, 20, 7);
    let labels: Vec<u8> = chosen.iter().map(|&i| data.labels[i]).collect();
    assert_eq!(labels, [[0; 20], [1; 20], [2; 20]].concat());
    let mut distinct = chosen.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 60);
    assert_eq!(choose_per_class(&data, 20, 7), chosen);
    assert_ne!(choose_per_class(&data, 20, 8), chosen);
    assert_eq!(choose_per_class(&data, 1000, 7).len(), 100);
}

#[test]
fn settings_read_and_write_themselves() {
    let setting: Setting = "ddim:30:2.5:0.5".parse().unwrap();
    assert_eq!(setting.sampler, SamplerKind::Ddim);
    assert_eq!(setting.num_inference_steps, Some(30));
    assert_eq!((setting.guidance_scale, setting.eta), (2.5, 0.5));
    for (text, whole) in [
        ("ddpm", "ddpm:250:1"),
        ("ddim:50:2", "ddim:50:2"),
        ("dpm++", "dpm++:20:1"),
        ("ddim::2", "ddim:50:2"),
        ("ddim:30:2.5:0.5", "ddim:30:2.5:0.5"),
    ] {
        let setting: Setting = text.parse().unwrap();
        assert_eq!(setting.with_steps(1000).to_string(), whole);
    }
    let short: Setting = "ddpm".parse().unwrap();
    assert_eq!(
        short.with_steps(100).to_string(),
        "ddpm:100:1",
        "no more steps than T"
    );
    for (text, part) in [
        ("plms", "ddpm"),
        ("ddpm:many", "number of steps"),
        ("ddpm:10:w", "guidance"),
        ("ddim:10:1:1:1", "at most"),
        ("ddim_inverse", "starts from images"),
    ] {
        let error = text.parse::<Setting>().unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn data_must_be_such_as_the_model_draws() {
    let data = noise_images(9, 4);
    let spec = |height, num_class_embeds| ModelSpec {
        channels: 1,
        height,
        width: 5,
        out_channels: 1,
        num_class_embeds,
        null_label: None,
    };
    assert_eq!(check_fit(&spec(3, Some(4)), 3, &data, "test"), Ok(()));
    // An unconditional model draws any class.
    assert_eq!(check_fit(&spec(3, None), 0, &data, "test"), Ok(()));
    let error = check_fit(&spec(8, None), 0, &data, "test").unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("1 x 8 x 5") && text.contains("1 x 3 x 5"),
        "{text}"
    );
    let error = check_fit(&spec(3, Some(2)), 2, &data, "training").unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("3 classes") && text.contains("knows 2"),
        "{text}"
    );
}

#[test]
fn a_cast_of_colour_is_seen_in_the_means_of_the_channels() {
    let red = Dataset {
        images: [[255; 4], [51; 4], [0; 4], [255; 4], [153; 4], [0; 4]].concat(),
        labels: vec![0, 1],
        height: 2,
        width: 2,
        channels: 3,
    };
    let means = red.channel_means();
    assert_eq!(means.len(), 3);
    for (found, expected) in means.into_iter().zip([1.0, -0.2, -1.0]) {
        assert_close(found, expected, 1e-12);
    }
    let mut twice = red.clone();
    twice.extend(&red);
    assert_eq!(
        (twice.len(), twice.channel_means()),
        (4, red.channel_means())
    );
}
