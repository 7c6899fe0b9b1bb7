//! The best possible answers: against Bayes' rule and integrals where those are known, and against other answers.

#![cfg(feature = "native")]

use crate::common::{Formula, unconditional};
use std::f64::consts::TAU;
use std::path::Path;
use walkback::chain::ModelSpec;
use walkback::data::Dataset;
use walkback::data::idx::Split;
use walkback::denoiser::Denoiser;
use walkback::diffusion::training_target;
use walkback::eval::optimum::{Optimum, OptimumError, Plan, mean_x_0, optimum, times};
use walkback::noise::NoiseStream;
use walkback::schedule::{PredictionType, Schedule, SchedulerConfig};

/// Two images of one pixel, -1 and 1.
fn two_points() -> Dataset {
    Dataset {
        images: vec![0, 255],
        labels: vec![0, 1],
        height: 1,
        width: 1,
        channels: 1,
    }
}

/// 100 digits, 10 of each class.
fn digits() -> Dataset {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/mnist-500");
    let all = Dataset::from_dir(&folder, Split::Train).unwrap();
    all.select(&all.first_of_each_class(10))
}

fn compared(
    network: &impl Denoiser,
    scheduler: &SchedulerConfig,
    spec: &ModelSpec,
    data: &Dataset,
    draws: usize,
) -> Optimum {
    let plan = Plan { draws, seed: 1 };
    optimum(network, scheduler, spec, data, plan, |_, _| ()).unwrap()
}

fn predicting(prediction_type: PredictionType) -> SchedulerConfig {
    SchedulerConfig {
        prediction_type,
        ..SchedulerConfig::default()
    }
}

/// What a network of formulas answers, for x_t, its shape and the timestep.
type Answers = Box<dyn Fn(&[f32], [usize; 4], f32) -> Vec<f32>>;

/// A network that answers with the mean of the images at `among`, and with the noise that this implies.
fn mean_of(data: &Dataset, among: Vec<usize>, config: &SchedulerConfig) -> Formula<Answers> {
    let (data, schedule) = (data.clone(), Schedule::new(config).unwrap());
    let prediction_type = config.prediction_type;
    Formula(Box::new(move |x_t: &[f32], _: [usize; 4], time: f32| {
        let abar = schedule.alphas_cumprod[time as usize];
        let x_0 = mean_x_0(x_t, &data, &among, abar);
        let eps: Vec<f32> = x_t
            .iter()
            .zip(&x_0)
            .map(|(x_t, x_0)| ((f64::from(*x_t) - abar.sqrt() * x_0) / (1.0 - abar).sqrt()) as f32)
            .collect();
        let x_0: Vec<f32> = x_0.iter().map(|x| *x as f32).collect();
        let mut output = vec![0.0; x_t.len()];
        training_target(prediction_type, &x_0, &eps, abar, &mut output);
        output
    }))
}

#[test]
fn the_mean_of_two_images_is_bayes_rule() {
    // 1 pixel, and more than the lanes of the sum hold.
    for size in [1, 37] {
        let images: Vec<u8> = (0..2 * size).map(|i| (i * 89 % 256) as u8).collect();
        let data = Dataset {
            images,
            labels: vec![0, 0],
            height: 1,
            width: size,
            channels: 1,
        };
        let [a, b] = [data.image(0), data.image(1)];
        let x_t = NoiseStream::new(2).normal(3 * size);
        for abar in [0.9, 0.5, 0.01] {
            let found = mean_x_0(&x_t, &data, &[0, 1], abar);
            for (x_t, found) in x_t.chunks(size).zip(found.chunks(size)) {
                let distance = |x_i: &[f32]| -> f64 {
                    let off = |(x, y): (&f32, &f32)| f64::from(*x) - abar.sqrt() * f64::from(*y);
                    x_t.iter().zip(x_i).map(|pair| off(pair).powi(2)).sum()
                };
                let odds = ((distance(&b) - distance(&a)) / (2.0 * (1.0 - abar))).exp();
                let of_a = odds / (1.0 + odds);
                for ((a, b), found) in a.iter().zip(&b).zip(found) {
                    let mean = of_a * f64::from(*a) + (1.0 - of_a) * f64::from(*b);
                    assert!((found - mean).abs() < 1e-5, "{found}, not {mean}");
                }
            }
        }
    }
}

#[test]
fn where_x_0_is_one_of_two_points_the_error_is_an_integral() {
    let config = SchedulerConfig::default();
    let schedule = Schedule::new(&config).unwrap();
    let found = compared(
        &Formula(|x_t: &[f32], _: [usize; 4], _: f32| vec![0.0; x_t.len()]),
        &config,
        &unconditional(1, 1, 1),
        &two_points(),
        20_000,
    );
    assert_eq!((found.images, found.knows_label), (2, false));
    let mut held = 0;
    for at in &found.curve {
        let abar = schedule.alphas_cumprod[at.timestep];
        let snr = abar / (1.0 - abar);
        // Where little noise is left, few draws of so many make an error at all.
        if snr > 4.0 {
            continue;
        }
        // x_0 is 1, and the mean of x_0 is tanh(sqrt(abar) x_t / (1 - abar)); -1 is the same turned round.
        let step = 1e-3;
        let truth: f64 = (-9000..9000)
            .map(|i| {
                let eps = f64::from(i) * step;
                let x_t = abar.sqrt() + (1.0 - abar).sqrt() * eps;
                let off = 1.0 - (abar.sqrt() * x_t / (1.0 - abar)).tanh();
                snr * off.powi(2) * (-eps * eps / 2.0).exp() / TAU.sqrt() * step
            })
            .sum();
        let room = 2.0 * at.optimum.half_width;
        assert!(
            (at.optimum.mean - truth).abs() <= room && room < 0.2 * truth,
            "{at:?}, not {truth}"
        );
        // An answer of zeros errs by all of the noise.
        assert!((at.network.mean - 1.0).abs() <= 2.0 * at.network.half_width);
        held += 1;
    }
    assert!(held > 20, "{held} timesteps");
}

#[test]
fn a_network_that_gives_the_best_answer_has_its_error_whatever_it_predicts() {
    let data = digits();
    let everything: Vec<usize> = (0..data.len()).collect();
    for prediction_type in [
        PredictionType::Epsilon,
        PredictionType::Sample,
        PredictionType::VPrediction,
    ] {
        let config = predicting(prediction_type);
        let network = mean_of(&data, everything.clone(), &config);
        let found = compared(&network, &config, &unconditional(1, 28, 28), &data, 20);
        let curve: Vec<usize> = found.curve.iter().map(|at| at.timestep).collect();
        assert_eq!(curve, times(1000));
        for at in found.curve {
            let off = (at.network.mean - at.optimum.mean).abs();
            assert!(off < 1e-3 * at.optimum.mean + 1e-7, "{at:?}");
        }
    }
}

/// A network that reads the labels, and answers with the mean of the images of each.
struct OfLabels(Dataset);

impl Denoiser for OfLabels {
    type Error = std::convert::Infallible;

    async fn predict(
        &self,
        x_t: &[f32],
        shape: [usize; 4],
        timestep: usize,
        labels: Option<&[usize]>,
    ) -> Result<Vec<f32>, Self::Error> {
        let config = SchedulerConfig::default();
        let labels = labels.expect("labels");
        assert_eq!(labels.len(), shape[0]);
        let mut output = Vec::with_capacity(x_t.len());
        for (x_t, label) in x_t.chunks(x_t.len() / shape[0]).zip(labels) {
            let of_label = |i: &usize| usize::from(self.0.labels[*i]) == *label;
            let among = (0..self.0.len()).filter(of_label).collect();
            let network = mean_of(&self.0, among, &config);
            output.extend(network.predict(x_t, shape, timestep, None).await?);
        }
        Ok(output)
    }
}

#[test]
fn a_network_is_shown_the_label_of_each_image() {
    let data = digits();
    let spec = ModelSpec {
        num_class_embeds: Some(11),
        ..unconditional(1, 28, 28)
    };
    let config = SchedulerConfig::default();
    // More than it is asked about at once.
    let found = compared(&OfLabels(data.clone()), &config, &spec, &data, 130);
    for at in found.curve {
        let off = (at.network.mean - at.optimum.mean).abs();
        assert!(off < 1e-3 * at.optimum.mean + 1e-7, "{at:?}");
    }
}

#[test]
fn no_other_answer_errs_less_on_average() {
    let data = digits();
    let config = SchedulerConfig::default();
    let spec = ModelSpec {
        num_class_embeds: Some(11),
        ..unconditional(1, 28, 28)
    };
    let some = |wanted: fn(usize) -> bool| (0..data.len()).filter(|i| wanted(*i)).collect();
    // Without the label; with a half of the images; and with one image only.
    let others: [Vec<usize>; 3] = [some(|_| true), some(|i| i % 2 == 0), some(|i| i == 0)];
    for among in others {
        let found = compared(
            &mean_of(&data, among, &config),
            &config,
            &spec,
            &data,
            data.len(),
        );
        assert!(found.knows_label);
        let mut clear = 0;
        for at in found.curve {
            let room = at.optimum.half_width + at.network.half_width + 1e-9;
            assert!(at.network.mean >= at.optimum.mean - room, "{at:?}");
            clear += usize::from(at.network.mean > at.optimum.mean + room);
        }
        assert!(clear > 3, "{clear} timesteps");
    }
}

#[test]
fn what_cannot_be_compared_is_said() {
    let zeros = |length: usize| Formula(move |_: &[f32], _: [usize; 4], _: f32| vec![0.0; length]);
    let config = SchedulerConfig::default();
    let spec = unconditional(1, 1, 1);
    let ask = |length: usize, data: &Dataset, draws: usize| {
        let plan = Plan { draws, seed: 0 };
        optimum(&zeros(length), &config, &spec, data, plan, |_, _| ()).map(|found| found.draws)
    };
    let data = two_points();
    assert_eq!(ask(2, &data, 2), Ok(2));
    assert_eq!(ask(2, &data, 1), Err(OptimumError::Draws(1)));
    assert_eq!(ask(2, &data.select(&[]), 2), Err(OptimumError::NoImages));
    assert_eq!(ask(1, &data, 2), Err(OptimumError::Output(0)));
}
