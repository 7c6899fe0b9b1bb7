//! The terms of the bound, each against what it is by definition.

use walkback::diffusion::Transition;
use walkback::likelihood::{
    LogVariance, bits_per_dim, bound_variance, decoder_term, gaussian_kl, neighbours, prior_term,
    transition_term,
};
use walkback::schedule::{Schedule, SchedulerConfig};

fn schedule() -> Schedule {
    Schedule::new(&SchedulerConfig::default()).unwrap()
}

#[track_caller]
fn assert_close(found: f64, expected: f64, relative: f64) {
    let error = (found - expected).abs() / expected.abs().max(1e-300);
    assert!(error < relative, "{found}, not {expected}");
}

#[test]
fn the_divergence_of_two_gaussians_is_its_integral() {
    for (m1, lv1, m2, lv2) in [
        (0.0, 0.0, 1.0, 0.5),
        (-0.3, -2.0, 0.1, -1.0),
        (2.0, 1.0, 0.0, 0.0),
    ] {
        let log_density = |x: f64, m: f64, lv: f64| {
            -0.5 * ((x - m).powi(2) / lv.exp() + lv + (2.0 * std::f64::consts::PI).ln())
        };
        let step = 1e-3;
        let integral: f64 = (-30_000..30_000)
            .map(|i| {
                let x = f64::from(i) * step;
                let p = log_density(x, m1, lv1);
                step * p.exp() * (p - log_density(x, m2, lv2))
            })
            .sum();
        assert_close(gaussian_kl(m1, lv1, m2, lv2), integral, 1e-9);
    }
    assert_eq!(gaussian_kl(0.4, -3.0, 0.4, -3.0), 0.0);
}

#[test]
fn the_prior_term_is_nearly_nothing_after_1000_steps() {
    let last = *schedule().alphas_cumprod.last().unwrap();
    let x_0: Vec<f32> = (0..=255).map(|k| k as f32 / 127.5 - 1.0).collect();
    let bits = bits_per_dim(prior_term(&x_0, last), x_0.len());
    // abar (mean of x_0^2) / 2, to first order, in bits.
    let squares = x_0.iter().map(|x| f64::from(x * x)).sum::<f64>() / 256.0;
    assert_close(bits, last * squares / (2.0 * std::f64::consts::LN_2), 1e-3);
    assert!(bits < 1e-4);
}

#[test]
fn a_transition_term_is_the_weighted_error_of_the_noise() {
    // Eq. 12: beta^2 / (2 sigma^2 alpha (1 - abar)) |eps - eps_theta|^2, for equal variances.
    let schedule = schedule();
    let (x_0, eps, eps_hat) = ([0.4_f32, -0.9], [0.7_f32, -0.2], [0.5_f32, 0.1]);
    for t in [1, 20, 500, 999] {
        let step = neighbours(&schedule, t).unwrap();
        let (mut x_t, mut truth, mut model) = ([0.0; 2], [0.0; 2], [0.0; 2]);
        walkback::diffusion::add_noise(&x_0, &eps, step.alpha_cumprod, &mut x_t);
        step.posterior_mean(&x_0, &x_t, &mut truth);
        step.mean_from_eps(&x_t, &eps_hat, &mut model);
        let variance = step.posterior_variance();
        let log_variance = LogVariance::Same(variance.ln());
        let found = transition_term(&truth, variance, &model, log_variance);
        let weight =
            step.beta().powi(2) / (2.0 * variance * step.alpha() * (1.0 - step.alpha_cumprod));
        let squares = eps
            .iter()
            .zip(eps_hat)
            .map(|(a, b)| f64::from(a - b).powi(2));
        assert_close(found, weight * squares.sum::<f64>(), 1e-3);

        let each = [variance.ln(); 2];
        assert_eq!(
            transition_term(&truth, variance, &model, LogVariance::Each(&each)),
            found
        );
    }
}

#[test]
fn the_256_shades_of_the_decoder_have_probability_1_together() {
    for (mean, sigma) in [
        (0.0, 0.1),
        (-0.98, 0.01),
        (0.5, 0.004),
        (3.0, 0.5),
        (0.1, 2.0_f64),
    ] {
        let total: f64 = (0..=255)
            .map(|k| {
                let x_0 = [(f64::from(k) / 127.5 - 1.0) as f32];
                let log_variance = LogVariance::Same(2.0 * sigma.ln());
                (-decoder_term(&x_0, &[mean], log_variance)).exp()
            })
            .sum();
        // The edges of neighbouring bins meet up to the rounding of x_0 to single precision.
        assert_close(total, 1.0, 1e-5);
    }
}

#[test]
fn the_decoder_stays_finite_and_right_far_from_its_mean() {
    let nats = |x_0: f32, mean: f32, sigma: f64| {
        decoder_term(&[x_0], &[mean], LogVariance::Same(2.0 * sigma.ln()))
    };
    // 200 standard deviations away: -log Q(z) is z^2/2 + log(z sqrt(2 pi)) to first order.
    let z: f64 = (1.0 - 1.0 / 255.0) / 0.005;
    let expected = 0.5 * z * z + (z * (2.0 * std::f64::consts::PI).sqrt()).ln();
    assert_close(nats(1.0, 0.0, 0.005), expected, 1e-4);
    assert_close(nats(-1.0, 0.0, 0.005), expected, 1e-4);
    // The two ways to compute a tail meet at 20 standard deviations.
    let (before, after) = (
        nats(1.0, 0.0, 0.996 / 19.999),
        nats(1.0, 0.0, 0.996 / 20.001),
    );
    assert!(before < after && (after - before) < 0.1);
    // A sure and right guess costs nothing, a wrong one more the further off it is.
    assert!(nats(1.0, 1.0, 1e-4) < 1e-12);
    assert!(nats(0.5, 0.2, 0.01) < nats(0.5, 0.1, 0.01));
}

#[test]
fn the_variance_of_the_bound_is_borrowed_at_timestep_0() {
    let schedule = schedule();
    assert_eq!(neighbours(&schedule, 0).unwrap().posterior_variance(), 0.0);
    let (first, second) = (
        bound_variance(&schedule, 0).unwrap(),
        bound_variance(&schedule, 1).unwrap(),
    );
    assert_eq!(first, second);
    assert_close(second, 5.3e-5, 0.05);
    assert!(bound_variance(&schedule, 1000).is_err());
    let one = Schedule::from_betas(vec![0.3]).unwrap();
    assert_close(bound_variance(&one, 0).unwrap(), 0.3, 1e-12);
}

#[test]
fn learned_variance_lies_between_its_two_bounds() {
    let step = Transition {
        alpha_cumprod: 0.5,
        alpha_cumprod_prev: 0.6,
    };
    let at = |v| step.learned_range_log_variance(v);
    assert_close(at(1.0), step.beta().ln(), 1e-12);
    assert_close(at(-1.0), step.posterior_variance().ln(), 1e-12);
    assert_close(at(0.0), 0.5 * (at(1.0) + at(-1.0)), 1e-12);
    let last = Transition {
        alpha_cumprod_prev: 1.0,
        ..step
    };
    assert!(last.learned_range_log_variance(-1.0).is_finite());
}

#[test]
fn bits_are_nats_over_dimensions_and_ln_2() {
    assert_close(
        bits_per_dim(784.0 * std::f64::consts::LN_2, 784),
        1.0,
        1e-12,
    );
}
