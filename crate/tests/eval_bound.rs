//! The bound on images: term by term against what is known of it, and estimated against summed up.

#![cfg(feature = "native")]

use crate::common::fixture;
use burn::tensor::Device;
use std::path::Path;
use walkback::data::Dataset;
use walkback::data::idx::Split;
use walkback::diffusion::add_noise;
use walkback::eval::bound::{Bound, BoundError, Plan, bound};
use walkback::eval::estimate::Estimate;
use walkback::likelihood::{
    LogVariance, TermError, Terms, bits_per_dim, bound_variance, decoder_term, prior_term,
};
use walkback::noise::NoiseStream;
use walkback::pipeline::{Labels, Pipeline};
use walkback::schedule::{PredictionType, Schedule, SchedulerConfig, VarianceType};

/// A chain of 30 timesteps that ends in noise.
fn short_chain(variance_type: VarianceType) -> SchedulerConfig {
    SchedulerConfig {
        num_train_timesteps: 30,
        beta_start: 0.003,
        beta_end: 0.5,
        variance_type,
        ..SchedulerConfig::default()
    }
}

/// A network of `tests/conformance/` on that chain.
fn model(name: &str, variance_type: VarianceType, null: Option<usize>) -> Pipeline {
    let text = |path: &str| String::from_utf8(fixture(&format!("{name}/{path}"))).unwrap();
    let device = Device::flex();
    let pipeline = Pipeline::from_bytes(
        &text("unet/config.json"),
        &text("scheduler/scheduler_config.json"),
        None,
        &fixture(&format!("{name}/unet/diffusion_pytorch_model.safetensors")),
        &device,
    )
    .unwrap();
    let labels = Labels {
        names: pipeline.labels().names.iter().take(10).cloned().collect(),
        null,
    };
    let scheduler = short_chain(variance_type);
    Pipeline::new(pipeline.unet().clone(), scheduler, labels, &device)
}

/// `count` digits, cut to `side` pixels.
fn digits(count: usize, side: usize) -> Dataset {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/mnist-500");
    let all = Dataset::from_dir(&folder, Split::Train).unwrap();
    let some = all.select(&(0..count).collect::<Vec<_>>());
    let from = (28 - side) / 2;
    let cut = |i: usize| {
        let rows = some.pixels(i).chunks_exact(28).skip(from).take(side);
        rows.flat_map(|row| row[from..from + side].to_vec())
            .collect::<Vec<u8>>()
    };
    Dataset {
        images: (0..count).flat_map(cut).collect(),
        height: side,
        width: side,
        ..some.clone()
    }
}

fn judged(pipeline: &Pipeline, data: &Dataset, plan: Plan) -> Bound {
    bound(pipeline, data, plan, 1, |_, _| ()).unwrap()
}

#[track_caller]
fn assert_agree(a: Estimate, b: Estimate) {
    let room = a.half_width.hypot(b.half_width);
    assert!(room > 0.0 && (a.mean - b.mean).abs() <= room, "{a:?} {b:?}");
}

#[test]
fn a_network_that_knows_the_image_pays_for_its_grey_values_only() {
    let config = SchedulerConfig {
        prediction_type: PredictionType::Sample,
        ..SchedulerConfig::default()
    };
    let (terms, schedule) = (
        Terms::new(&config).unwrap(),
        Schedule::new(&config).unwrap(),
    );
    let x_0 = digits(1, 28).image(0);
    let eps = NoiseStream::new(0).normal(x_0.len());
    for t in [1, 10, 999] {
        let mut x_t = vec![0.0; x_0.len()];
        add_noise(&x_0, &eps, schedule.alphas_cumprod[t], &mut x_t);
        assert_eq!(terms.nats(&x_0, &x_t, &x_0, t).unwrap(), 0.0);
        // What lies outside [-1, 1] is clipped: here it comes back to the image, black and white.
        let sign: Vec<f32> = x_0.iter().map(|x| x.signum()).collect();
        let beyond: Vec<f32> = sign.iter().map(|x| 3.0 * x).collect();
        let mut x_t = vec![0.0; x_0.len()];
        add_noise(&sign, &eps, schedule.alphas_cumprod[t], &mut x_t);
        assert_eq!(terms.nats(&sign, &x_t, &beyond, t).unwrap(), 0.0);
    }
    let variance = LogVariance::Same(bound_variance(&schedule, 0).unwrap().ln());
    let found = terms.nats(&x_0, &x_0, &x_0, 0).unwrap();
    assert_eq!(found, decoder_term(&x_0, &x_0, variance));
}

#[test]
fn a_learned_variance_at_its_ends_is_a_fixed_one() {
    let nats = |variance_type, ends: Option<f32>, t| {
        let config = SchedulerConfig {
            variance_type,
            ..SchedulerConfig::default()
        };
        let x_0 = digits(1, 28).image(0);
        let eps = NoiseStream::new(2).normal(x_0.len());
        let alpha_cumprod = Schedule::new(&config).unwrap().alphas_cumprod[t];
        let mut x_t = vec![0.0; x_0.len()];
        add_noise(&x_0, &eps, alpha_cumprod, &mut x_t);
        let mut output: Vec<f32> = eps.iter().map(|e| 0.9 * e).collect();
        output.extend(ends.into_iter().flat_map(|v| vec![v; x_0.len()]));
        Terms::new(&config)
            .unwrap()
            .nats(&x_0, &x_t, &output, t)
            .unwrap()
    };
    use VarianceType::{FixedLarge, FixedSmall, LearnedRange};
    for t in [0, 1, 700] {
        let (small, low) = (nats(FixedSmall, None, t), nats(LearnedRange, Some(-1.0), t));
        assert!((low / small - 1.0).abs() < 1e-9, "{low} {small}");
    }
    for t in [1, 700] {
        let (large, high) = (nats(FixedLarge, None, t), nats(LearnedRange, Some(1.0), t));
        assert!((high / large - 1.0).abs() < 1e-9, "{high} {large}");
    }
    // The smaller variance decodes in any case.
    assert_eq!(nats(FixedLarge, None, 0), nats(FixedSmall, None, 0));
}

#[test]
fn strata_agree_with_the_whole_sum() {
    let data = digits(24, 16);
    let pipeline = model("class_conditional", VarianceType::FixedLarge, Some(10));
    let whole = judged(&pipeline, &data, Plan::Full { images: 24 });
    let strata = judged(&pipeline, &data, Plan::Strata { draws: 720 });
    assert_eq!((whole.terms, whole.images), (720, 24));
    for (whole, strata) in [
        (&whole.unconditional, &strata.unconditional),
        (&whole.conditional, &strata.conditional),
    ] {
        let (whole, strata) = (whole.as_ref().unwrap(), strata.as_ref().unwrap());
        assert_agree(whole.total, strata.total);
        for (a, b) in whole.rows.iter().zip(&strata.rows) {
            assert_agree(a.bits, b.bits);
        }
        // The rows and L_T are the total, nothing is left out and nothing counted twice.
        for column in [whole, strata] {
            let sum: f64 = column.rows.iter().map(|row| row.bits.mean).sum();
            assert!((sum + column.prior - column.total.mean).abs() < 1e-9);
        }
        let terms: f64 = whole.terms.iter().map(|term| term.bits.mean).sum();
        assert!((terms + whole.prior - whole.total.mean).abs() < 1e-9);
        assert_eq!(whole.terms.len(), 30);
    }
    assert_agree(
        whole.saved_by_label.unwrap(),
        strata.saved_by_label.unwrap(),
    );
    let last = *Schedule::new(pipeline.scheduler())
        .unwrap()
        .alphas_cumprod
        .last()
        .unwrap();
    let nats: f64 = (0..24).map(|i| prior_term(&data.image(i), last)).sum();
    let expected = bits_per_dim(nats, 24 * 256);
    assert!((whole.conditional.unwrap().prior / expected - 1.0).abs() < 1e-9);
}

#[test]
fn a_learned_variance_has_a_bound() {
    let pipeline = model("learned_variance", VarianceType::LearnedRange, None);
    let found = judged(&pipeline, &digits(12, 28), Plan::Strata { draws: 120 });
    let column = found.unconditional.unwrap();
    assert!(column.total.mean > 0.0 && column.total.half_width > 0.0);
    assert_eq!((found.conditional, found.saved_by_label), (None, None));
}

#[test]
fn without_a_null_label_there_is_only_the_conditional_bound_and_one_seed_means_one_value() {
    let pipeline = model("class_conditional", VarianceType::FixedSmall, None);
    let (data, plan) = (digits(12, 16), Plan::Strata { draws: 120 });
    let found = judged(&pipeline, &data, plan);
    assert!(found.conditional.is_some() && found.unconditional.is_none());
    assert_eq!(found.saved_by_label, None);
    assert_eq!(judged(&pipeline, &data, plan), found);
    let other = bound(&pipeline, &data, plan, 2, |_, _| ()).unwrap();
    assert_ne!(other.conditional, found.conditional);
}

#[test]
fn what_has_no_bound_is_refused_by_name() {
    let data = digits(12, 16);
    let pipeline = model("class_conditional", VarianceType::FixedSmall, Some(10));
    let refused =
        |pipeline: &Pipeline, plan| bound(pipeline, &data, plan, 0, |_, _| ()).unwrap_err();
    for (plan, wanted) in [
        (Plan::Strata { draws: 0 }, "draws"),
        (Plan::Strata { draws: 99 }, "draws"),
        (Plan::Full { images: 9 }, "images"),
        (Plan::Full { images: 13 }, "images"),
    ] {
        let error = refused(&pipeline, plan);
        let BoundError::Count { option, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(option, wanted);
    }
    let plan = Plan::Strata { draws: 120 };
    let rebuilt = |scheduler: SchedulerConfig| {
        let labels = pipeline.labels().clone();
        Pipeline::new(
            pipeline.unet().clone(),
            scheduler,
            labels,
            pipeline.device(),
        )
    };
    let learned = rebuilt(short_chain(VarianceType::LearnedRange));
    assert!(matches!(
        refused(&learned, plan),
        BoundError::Channels { .. }
    ));
    let blind = rebuilt(SchedulerConfig {
        rescale_betas_zero_snr: true,
        ..short_chain(VarianceType::FixedSmall)
    });
    assert_eq!(
        refused(&blind, plan),
        BoundError::Term(TermError::NoSignal(29))
    );
}
