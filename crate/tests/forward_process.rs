//! The forward process: step by step and at once, with and without its factor, and its posterior.

use walkback::diffusion::{
    Transition, add_noise, error_factor, forward_step, naive_forward_step, predicted_x_0,
    training_target,
};
use walkback::forward::ForwardWalk;
use walkback::likelihood::neighbours;
use walkback::noise::NoiseStream;
use walkback::schedule::{PredictionType, Schedule, SchedulerConfig};

fn schedule() -> Schedule {
    Schedule::new(&SchedulerConfig::default()).unwrap()
}

fn mean_and_variance(values: &[f32]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let squares = values.iter().map(|&v| (f64::from(v) - mean).powi(2));
    (mean, squares.sum::<f64>() / (n - 1.0))
}

/// Five standard errors of a sample's mean and variance around what they should be.
#[track_caller]
fn assert_distribution(values: &[f32], mean: f64, variance: f64, what: &str) {
    let n = values.len() as f64;
    let (found_mean, found_variance) = mean_and_variance(values);
    let mean_error = 5.0 * (variance / n).sqrt() + 1e-6;
    let variance_error = 5.0 * variance * (2.0 / (n - 1.0)).sqrt() + 1e-9;
    assert!(
        (found_mean - mean).abs() < mean_error,
        "{what}: mean {found_mean}, not {mean}"
    );
    assert!(
        (found_variance - variance).abs() < variance_error,
        "{what}: variance {found_variance}, not {variance}"
    );
}

#[test]
fn an_error_of_the_output_is_one_of_x_0_hat_times_its_factor() {
    for &prediction_type in PredictionType::ALL {
        for alpha_cumprod in [0.999, 0.5, 0.02] {
            let (x_0, eps, error) = ([0.7], [-1.2], 0.25);
            let [mut x_t, mut target, mut x_0_hat] = [[0.0]; 3];
            add_noise(&x_0, &eps, alpha_cumprod, &mut x_t);
            training_target(prediction_type, &x_0, &eps, alpha_cumprod, &mut target);
            let output = [target[0] + error];
            predicted_x_0(prediction_type, &x_t, &output, alpha_cumprod, &mut x_0_hat);
            let expected = f64::from(error) * error_factor(prediction_type, alpha_cumprod);
            let found = f64::from(x_0[0] - x_0_hat[0]);
            assert!(
                (found - expected).abs() < 1e-5,
                "{prediction_type}: {found}, not {expected}"
            );
        }
    }
}

#[test]
fn stepwise_and_closed_form_have_one_mean_and_one_variance() {
    let (schedule, n, x_0) = (schedule(), 16_384, 0.7);
    let (mut stepwise, mut at_once) = (vec![x_0; n], vec![0.0; n]);
    let (mut walk, mut jump) = (NoiseStream::new(1), NoiseStream::new(2));
    let image = vec![x_0; n];
    for (t, (&beta, &alpha_cumprod)) in schedule
        .betas
        .iter()
        .zip(&schedule.alphas_cumprod)
        .enumerate()
    {
        let before = stepwise.clone();
        forward_step(&before, &walk.normal(n), beta, &mut stepwise);
        if [0, 1, 10, 100, 250, 500, 999].contains(&t) {
            add_noise(&image, &jump.normal(n), alpha_cumprod, &mut at_once);
            let mean = alpha_cumprod.sqrt() * f64::from(x_0);
            for (values, what) in [(&stepwise, "stepwise"), (&at_once, "closed form")] {
                assert_distribution(values, mean, 1.0 - alpha_cumprod, &format!("{what} at {t}"));
            }
        }
    }
}

#[test]
fn without_the_factor_the_variance_grows_by_the_sum_of_the_betas() {
    let (schedule, n) = (schedule(), 65_536);
    let sum: f64 = schedule.betas.iter().sum();
    assert!((sum - 10.05).abs() < 1e-9);
    // Half the pixels black, half white: variance 1.
    let mut x: Vec<f32> = (0..n)
        .map(|i| if i % 2 == 0 { -1.0 } else { 1.0 })
        .collect();
    let (_, of_x_0) = mean_and_variance(&x);
    let mut stream = NoiseStream::new(3);
    for &beta in &schedule.betas {
        let before = x.clone();
        naive_forward_step(&before, &stream.normal(n), beta, &mut x);
    }
    let (_, found) = mean_and_variance(&x);
    let error = 5.0 * (of_x_0 + sum) * (2.0 / n as f64).sqrt();
    assert!((found - (of_x_0 + 10.05)).abs() < error, "{found}");
}

/// Mean and variance of q(x_{t-1} | x_t, x_0), by Bayes' rule and a sum over a fine grid.
fn posterior_on_a_grid(transition: Transition, x_0: f64, x_t: f64) -> (f64, f64) {
    let log_density = |x: f64, mean: f64, variance: f64| -(x - mean).powi(2) / (2.0 * variance);
    let (prev, alpha, beta) = (
        transition.alpha_cumprod_prev,
        transition.alpha(),
        transition.beta(),
    );
    let log_weight = |x: f64| {
        log_density(x, prev.sqrt() * x_0, 1.0 - prev) + log_density(x_t, alpha.sqrt() * x, beta)
    };
    let grid = || (-400_000..=400_000).map(|i| f64::from(i) * 2e-5);
    // Where x_0 and x_t hardly belong together every weight underflows: measure from the largest.
    let largest = grid().map(log_weight).fold(f64::NEG_INFINITY, f64::max);
    let (mut mass, mut first, mut second) = (0.0, 0.0, 0.0);
    for x in grid() {
        let weight = (log_weight(x) - largest).exp();
        mass += weight;
        first += weight * x;
        second += weight * x * x;
    }
    let mean = first / mass;
    (mean, second / mass - mean * mean)
}

#[test]
fn posterior_matches_bayes() {
    let schedule = schedule();
    for t in [1, 5, 50, 500, 999] {
        // The last is a step of a respaced chain.
        let strided = Transition {
            alpha_cumprod: schedule.alphas_cumprod[t],
            alpha_cumprod_prev: schedule.alphas_cumprod[t / 2],
        };
        for transition in [neighbours(&schedule, t).unwrap(), strided] {
            for (x_0, x_t) in [(0.3, -0.5), (-1.0, 1.2)] {
                let (mean, variance) = posterior_on_a_grid(transition, x_0, x_t);
                let mut ours = [0.0];
                transition.posterior_mean(&[x_0 as f32], &[x_t as f32], &mut ours);
                assert!((f64::from(ours[0]) - mean).abs() < 1e-6, "{t}: mean {mean}");
                let found = transition.posterior_variance();
                assert!(
                    (found / variance - 1.0).abs() < 1e-6,
                    "{t}: variance {variance}"
                );
            }
        }
    }
}

#[test]
fn the_walk_back_with_a_known_x_0_follows_q_and_ends_in_x_0() {
    let (schedule, walks, x_0) = (schedule(), 4096, -0.4_f32);
    let image = vec![x_0; walks];
    let mut stream = NoiseStream::new(4);
    let mut x_t = vec![0.0; walks];
    let last = *schedule.alphas_cumprod.last().unwrap();
    add_noise(&image, &stream.normal(walks), last, &mut x_t);
    for t in (0..schedule.num_train_timesteps()).rev() {
        let now = x_t.clone();
        let transition = neighbours(&schedule, t).unwrap();
        transition.posterior_step(&image, &now, &stream.normal(walks), &mut x_t);
        let level = transition.alpha_cumprod_prev;
        let mean = level.sqrt() * f64::from(x_0);
        assert_distribution(&x_t, mean, 1.0 - level, &format!("after timestep {t}"));
    }
    assert!(x_t.iter().all(|x| (x - x_0).abs() < 1e-6));
}

#[test]
fn the_mean_from_eps_is_the_posterior_mean_of_its_x_0() {
    let schedule = schedule();
    let (x_t, eps) = ([0.9_f32, -0.2, 0.4], [0.5_f32, -1.5, 0.1]);
    for t in [0, 3, 300, 999] {
        let transition = neighbours(&schedule, t).unwrap();
        let (mut x_0, mut by_x_0, mut by_eps) = ([0.0; 3], [0.0; 3], [0.0; 3]);
        walkback::diffusion::x_0_from_eps(&x_t, &eps, transition.alpha_cumprod, &mut x_0);
        transition.posterior_mean(&x_0, &x_t, &mut by_x_0);
        transition.mean_from_eps(&x_t, &eps, &mut by_eps);
        for (a, b) in by_x_0.iter().zip(by_eps) {
            assert!((a - b).abs() < 2e-6, "{t}: {a} and {b}");
        }
    }
}

#[test]
fn walks_side_by_side_tend_to_the_closed_form_and_end_with_the_chain() {
    let (schedule, walks) = (schedule(), 20_000);
    let image = [-1.0, 0.25, 0.8];
    let mut walk = ForwardWalk::new(&image, walks, schedule.betas.clone(), 5, false).unwrap();
    assert_eq!(walk.moments(), (image.to_vec(), vec![0.0; 3]));
    for (steps, t) in [(1, 1), (249, 250), (500, 750), (1000, 1000)] {
        walk.advance(steps);
        assert_eq!(walk.t(), t);
        let alpha_cumprod = schedule.alphas_cumprod[t - 1];
        let (signal, noise) = (alpha_cumprod.sqrt(), (1.0 - alpha_cumprod).sqrt());
        let error = 5.0 * noise / (walks as f64).sqrt() + 1e-6;
        let (mean, deviation) = walk.moments();
        for ((mean, deviation), x_0) in mean.iter().zip(deviation).zip(image) {
            assert!(
                (f64::from(*mean) - signal * f64::from(x_0)).abs() < error,
                "{t}: {mean}"
            );
            assert!(
                (f64::from(deviation) - noise).abs() < error,
                "{t}: {deviation}"
            );
        }
    }
    assert_eq!(walk.x_t().len(), 3 * walks);
    assert!(ForwardWalk::new(&image, 1, vec![0.1, 1.5], 0, false).is_err());
}
