//! What training minimises: the weights, the bound, and which part of the output each of them moves.

#![cfg(feature = "native")]

use burn::tensor::{Device, Tensor, TensorData};
use walkback::diffusion::{add_noise, predicted_x_0, training_target};
use walkback::likelihood::{
    LogVariance, bits_per_dim, bound_variance, decoder_term, neighbours, transition_term,
};
use walkback::noise::NoiseStream;
use walkback::schedule::{PredictionType, Schedule, SchedulerConfig};
use walkback::train::batches::Batch;
use walkback::train::bound::{Guess, bound_term};
use walkback::train::loss::{Loss, Objective, min_snr_weight};

/// Two channels of 2 x 3, at both ends of the chain and between.
const IMAGE: usize = 12;
const TIMESTEPS: [usize; 4] = [0, 1, 400, 999];

fn schedule() -> Schedule {
    Schedule::new(&SchedulerConfig::default()).unwrap()
}

/// 8-bit images, black and white included, noised at each of the timesteps; and an output near the target, with v.
fn batch(prediction_type: PredictionType) -> (Batch, Vec<f32>) {
    let schedule = schedule();
    let all = TIMESTEPS.len() * IMAGE;
    let mut noise = NoiseStream::new(7);
    let x_0: Vec<f32> = (0..all)
        .map(|i| [0, 255, 130, 31][i % 4] as f32 / 127.5 - 1.0)
        .collect();
    let eps = noise.normal(all);
    let (mut x_t, mut target) = (vec![0.0; all], vec![0.0; all]);
    for (i, &t) in TIMESTEPS.iter().enumerate() {
        let (image, abar) = (i * IMAGE..(i + 1) * IMAGE, schedule.alphas_cumprod[t]);
        let (x_0, eps) = (&x_0[image.clone()], &eps[image.clone()]);
        add_noise(x_0, eps, abar, &mut x_t[image.clone()]);
        training_target(prediction_type, x_0, eps, abar, &mut target[image]);
    }
    // [n, 2c, h, w]: the prediction, then v.
    let error = noise.normal(2 * all);
    let mut output = Vec::new();
    for i in 0..TIMESTEPS.len() {
        let image = i * IMAGE..(i + 1) * IMAGE;
        output.extend(image.clone().map(|j| target[j] + 0.3 * error[j]));
        output.extend(image.map(|j| error[all + j]));
    }
    let batch = Batch {
        eps: Vec::new(),
        x_0,
        x_t,
        target,
        timesteps: TIMESTEPS.to_vec(),
        labels: vec![0; TIMESTEPS.len()],
    };
    (batch, output)
}

/// One term of the bound in nats, put together from the terms of `likelihood` alone.
fn term_by_definition(prediction_type: PredictionType, guess: Guess<'_>) -> f64 {
    let (schedule, t) = (schedule(), guess.timestep);
    let step = neighbours(&schedule, t).unwrap();
    let [mut x_0_hat, mut mean, mut truth] = [(); 3].map(|()| vec![0.0; IMAGE]);
    let abar = schedule.alphas_cumprod[t];
    predicted_x_0(
        prediction_type,
        guess.x_t,
        guess.prediction,
        abar,
        &mut x_0_hat,
    );
    step.posterior_mean(&x_0_hat, guess.x_t, &mut mean);
    step.posterior_mean(guess.x_0, guess.x_t, &mut truth);
    let (small, large) = (bound_variance(&schedule, t).unwrap(), schedule.betas[t]);
    // Eq. 15 of Nichol & Dhariwal 2021.
    let log_variance = |&v: &f32| {
        let f = (f64::from(v) + 1.0) / 2.0;
        f * large.ln() + (1.0 - f) * small.ln()
    };
    let log_variances: Vec<f64> = guess.v.iter().map(log_variance).collect();
    let each = LogVariance::Each(&log_variances);
    match t {
        0 => decoder_term(guess.x_0, &mean, each),
        _ => transition_term(&truth, step.posterior_variance(), &mean, each),
    }
}

fn guesses<'a>(batch: &'a Batch, output: &'a [f32]) -> impl Iterator<Item = Guess<'a>> {
    batch.timesteps.iter().enumerate().map(|(i, &timestep)| {
        let image = i * IMAGE..(i + 1) * IMAGE;
        let (prediction, v) = output[2 * i * IMAGE..2 * (i + 1) * IMAGE].split_at(IMAGE);
        Guess {
            x_0: &batch.x_0[image.clone()],
            x_t: &batch.x_t[image],
            timestep,
            prediction,
            v,
        }
    })
}

#[test]
fn the_bound_of_a_learned_variance_is_the_sum_of_its_terms() {
    for &prediction_type in PredictionType::ALL {
        let (batch, output) = batch(prediction_type);
        for guess in guesses(&batch, &output) {
            let mut slope = [0.0; IMAGE];
            let bits = bound_term(&schedule(), prediction_type, guess, &mut slope).unwrap();
            let expected = bits_per_dim(term_by_definition(prediction_type, guess), IMAGE);
            let error = (bits - expected).abs() / expected.abs();
            assert!(
                error < 1e-9,
                "t = {}: {bits}, not {expected}",
                guess.timestep
            );
        }
    }
}

#[test]
fn its_slope_is_that_of_finite_differences() {
    // Small enough for the curvature of exp, and a power of two, so that v + STEP has no rounding.
    const STEP: f32 = 1.0 / 1024.0;
    for &prediction_type in PredictionType::ALL {
        let (batch, output) = batch(prediction_type);
        for guess in guesses(&batch, &output) {
            let v: Vec<f32> = guess.v.iter().map(|v| (v * 64.0).round() / 64.0).collect();
            let guess = Guess { v: &v, ..guess };
            let mut slope = [0.0; IMAGE];
            bound_term(&schedule(), prediction_type, guess, &mut slope).unwrap();
            for (i, slope) in slope.into_iter().enumerate() {
                let bits = |step: f32| {
                    let mut v = v.clone();
                    v[i] += step;
                    let guess = Guess { v: &v, ..guess };
                    bits_per_dim(term_by_definition(prediction_type, guess), IMAGE)
                };
                let expected = (bits(STEP) - bits(-STEP)) / f64::from(2.0 * STEP);
                let error = (f64::from(slope) - expected).abs();
                assert!(
                    error < 1e-5 * expected.abs() + 1e-9,
                    "t = {}, pixel {i}: {slope}, not {expected}",
                    guess.timestep
                );
            }
        }
    }
}

/// The loss of an output, and its gradient.
fn loss_and_gradient(loss: Loss, prediction_type: PredictionType) -> (f64, Vec<f32>) {
    let (batch, mut output) = batch(prediction_type);
    let mut channels = 4;
    if loss != Loss::Hybrid {
        output = output.chunks(IMAGE).step_by(2).flatten().copied().collect();
        channels = 2;
    }
    let objective = Objective {
        loss,
        prediction_type,
        schedule: schedule(),
    };
    let shape = [TIMESTEPS.len(), channels, 2, 3];
    let device = Device::flex().autodiff();
    let output = Tensor::<4>::from_data(TensorData::new(output, shape), &device).require_grad();
    let loss = objective.evaluate(output.clone(), &batch).unwrap();
    let grads = loss.backward();
    let gradient = output.grad(&grads).unwrap().into_data();
    (loss.into_scalar::<f64>(), gradient.iter::<f32>().collect())
}

#[test]
fn the_hybrid_loss_moves_the_mean_as_the_simple_one_and_the_variance_as_the_bound() {
    for &prediction_type in PredictionType::ALL {
        let (simple, of_simple) = loss_and_gradient(Loss::Simple, prediction_type);
        let (hybrid, of_hybrid) = loss_and_gradient(Loss::Hybrid, prediction_type);
        let (batch, output) = batch(prediction_type);
        let mut bits = 0.0;
        for (i, guess) in guesses(&batch, &output).enumerate() {
            let (of_mean, of_v) = of_hybrid[2 * i * IMAGE..2 * (i + 1) * IMAGE].split_at(IMAGE);
            assert_eq!(of_mean, &of_simple[i * IMAGE..(i + 1) * IMAGE]);
            let mut slope = [0.0; IMAGE];
            bits += bound_term(&schedule(), prediction_type, guess, &mut slope).unwrap();
            // 0.001 T times the mean over the batch: with T = 1000 and 4 images, a quarter.
            for (of_v, slope) in of_v.iter().zip(slope) {
                let expected = slope / 4.0;
                assert!((of_v - expected).abs() <= 1e-6 * expected.abs());
            }
        }
        let error = (hybrid - simple - bits / 4.0).abs();
        assert!(error < 1e-5 * hybrid.abs(), "{hybrid}: off by {error}");
    }
}

#[test]
fn min_snr_weighs_the_error_of_x_0_alike_whatever_is_predicted() {
    // eps and v errors are SNR and SNR + 1 times that of x_0 (Salimans & Ho 2022, section 4).
    for snr in [1e-4, 0.3, 4.999, 5.0, 7.0, 1e4] {
        let weight = |prediction_type| min_snr_weight(prediction_type, snr);
        let of_x_0 = weight(PredictionType::Sample);
        assert_eq!(of_x_0, snr.min(5.0));
        assert!((weight(PredictionType::Epsilon) * snr - of_x_0).abs() < 1e-9 * of_x_0);
        let of_v = weight(PredictionType::VPrediction) * (snr + 1.0);
        assert!((of_v - of_x_0).abs() < 1e-9 * of_x_0);
    }
    // Zero terminal SNR.
    let at_zero = |prediction_type| min_snr_weight(prediction_type, 0.0);
    assert_eq!(at_zero(PredictionType::Epsilon), 1.0);
    assert_eq!(at_zero(PredictionType::Sample), 0.0);
    assert_eq!(at_zero(PredictionType::VPrediction), 0.0);
}

#[test]
fn min_snr_weighs_each_image_by_its_own_timestep() {
    for &prediction_type in PredictionType::ALL {
        let (_, simple) = loss_and_gradient(Loss::Simple, prediction_type);
        let (_, weighted) = loss_and_gradient(Loss::MinSnr, prediction_type);
        for (i, &t) in TIMESTEPS.iter().enumerate() {
            let weight = min_snr_weight(prediction_type, schedule().snr(t)) as f32;
            for j in i * IMAGE..(i + 1) * IMAGE {
                let expected = simple[j] * weight;
                assert!((weighted[j] - expected).abs() <= 1e-6 * expected.abs());
            }
        }
    }
}
