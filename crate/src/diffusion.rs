//! The forward process q, its posterior, and the conversions between what a network may predict.
//!
//! Images are row-major `f32` slices in [-1, 1]; coefficients are `f64`, and every element is
//! computed in `f64` and rounded once. Equation numbers: Ho et al. 2020 (arXiv 2006.11239).
//!
//! ```text
//! q(x_t | x_{t-1}) = N(sqrt(1 - beta_t) x_{t-1}, beta_t I)                  (2)
//! q(x_t | x_0)     = N(sqrt(abar_t) x_0, (1 - abar_t) I)                    (4)
//! q(x_{t-1} | x_t, x_0) = N(mu~_t(x_t, x_0), beta~_t I)                     (6), (7)
//! ```
//!
//! # Panics
//! Like `copy_from_slice`, these functions panic when the slices given to them differ in length.

use crate::schedule::{PredictionType, VarianceType};
use std::borrow::Cow;

/// beta~ is 0 in the step to the clean image; where its logarithm is taken, this stands for it.
const SMALLEST_VARIANCE: f64 = 1e-20;

/// out = a x + b y, the shape of nearly every equation here.
pub(crate) fn linear_combination(a: f64, x: &[f32], b: f64, y: &[f32], out: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "x and y must have one length");
    assert_eq!(x.len(), out.len(), "x and out must have one length");
    for ((out, &x), &y) in out.iter_mut().zip(x).zip(y) {
        *out = (a * f64::from(x) + b * f64::from(y)) as f32;
    }
}

/// One forward step, eq. 2: x_t = sqrt(1 - beta_t) x_{t-1} + sqrt(beta_t) eps.
pub fn forward_step(x_prev: &[f32], eps: &[f32], beta: f64, out: &mut [f32]) {
    linear_combination((1.0 - beta).sqrt(), x_prev, beta.sqrt(), eps, out);
}

/// The factors of x_0 and of eps in x_t, eq. 4.
pub fn noising_factors(alpha_cumprod: f64) -> [f64; 2] {
    [alpha_cumprod.sqrt(), (1.0 - alpha_cumprod).sqrt()]
}

/// The forward process at once, eq. 4: x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps.
pub fn add_noise(x_0: &[f32], eps: &[f32], alpha_cumprod: f64, out: &mut [f32]) {
    let [of_x_0, of_eps] = noising_factors(alpha_cumprod);
    linear_combination(of_x_0, x_0, of_eps, eps, out);
}

/// A forward step *without* the factor sqrt(1 - beta_t): x_t = x_{t-1} + sqrt(beta_t) eps.
///
/// Its variance grows without bound, Var(x_0) + beta_1 + ... + beta_t: that is why the factor is there.
pub fn naive_forward_step(x_prev: &[f32], eps: &[f32], beta: f64, out: &mut [f32]) {
    linear_combination(1.0, x_prev, beta.sqrt(), eps, out);
}

/// One step of a chain, between two of its noise levels: from abar_t down to abar_prev.
///
/// The levels need not be neighbours in training. In a respaced chain alpha_t := abar_t / abar_prev
/// and beta_t := 1 - alpha_t in every formula (Nichol & Dhariwal 2021, section 4).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transition {
    /// abar_t, in [0, 1).
    pub alpha_cumprod: f64,
    /// abar of the level that the step ends at, in (0, 1]; 1 is the clean image.
    pub alpha_cumprod_prev: f64,
}

impl Transition {
    /// alpha_t = abar_t / abar_prev.
    pub fn alpha(self) -> f64 {
        self.alpha_cumprod / self.alpha_cumprod_prev
    }

    /// beta_t = 1 - alpha_t.
    pub fn beta(self) -> f64 {
        1.0 - self.alpha()
    }

    /// beta~_t = (1 - abar_prev) / (1 - abar_t) beta_t, eq. 7.
    pub fn posterior_variance(self) -> f64 {
        (1.0 - self.alpha_cumprod_prev) / (1.0 - self.alpha_cumprod) * self.beta()
    }

    /// sigma_t^2 of a fixed variance type: beta~_t or beta_t (section 3.2); `None` where the network decides.
    pub fn fixed_variance(self, variance_type: VarianceType) -> Option<f64> {
        match variance_type {
            VarianceType::FixedSmall | VarianceType::FixedSmallLog => {
                Some(self.posterior_variance())
            }
            VarianceType::FixedLarge | VarianceType::FixedLargeLog => Some(self.beta()),
            VarianceType::Learned | VarianceType::LearnedRange => None,
        }
    }

    /// The learned log variance of a step, [`blend_log_variances`] of beta~_t and beta_t; beta~ may be 0.
    pub fn learned_range_log_variance(self, v: f64) -> f64 {
        let smallest = self.posterior_variance().max(SMALLEST_VARIANCE);
        blend_log_variances(v, smallest, self.beta())
    }

    /// The factors of x_0 and of x_t in the posterior mean, eq. 7:
    /// sqrt(abar_prev) beta_t / (1 - abar_t) and sqrt(alpha_t) (1 - abar_prev) / (1 - abar_t).
    pub fn posterior_mean_coefficients(self) -> (f64, f64) {
        let noise = 1.0 - self.alpha_cumprod;
        (
            self.alpha_cumprod_prev.sqrt() * self.beta() / noise,
            self.alpha().sqrt() * (1.0 - self.alpha_cumprod_prev) / noise,
        )
    }

    /// mu~_t(x_t, x_0), eq. 7.
    pub fn posterior_mean(self, x_0: &[f32], x_t: &[f32], out: &mut [f32]) {
        let (of_x_0, of_x_t) = self.posterior_mean_coefficients();
        linear_combination(of_x_0, x_0, of_x_t, x_t, out);
    }

    /// One step back with a known x_0: a sample mu~_t + sqrt(beta~_t) z of q(x_prev | x_t, x_0).
    pub fn posterior_step(self, x_0: &[f32], x_t: &[f32], z: &[f32], out: &mut [f32]) {
        self.posterior_mean(x_0, x_t, out);
        add_scaled(self.posterior_variance().sqrt(), z, out);
    }

    /// The mean that a noise prediction stands for, eq. 11: (x_t - beta_t / sqrt(1 - abar_t) eps) / sqrt(alpha_t).
    pub fn mean_from_eps(self, x_t: &[f32], eps: &[f32], out: &mut [f32]) {
        let scale = self.alpha().sqrt().recip();
        let of_eps = -scale * self.beta() / (1.0 - self.alpha_cumprod).sqrt();
        linear_combination(scale, x_t, of_eps, eps, out);
    }

    /// Eq. 11 solved for eps: (x_t - sqrt(alpha_t) mean) sqrt(1 - abar_t) / beta_t.
    pub fn eps_from_mean(self, x_t: &[f32], mean: &[f32], out: &mut [f32]) {
        let scale = (1.0 - self.alpha_cumprod).sqrt() / self.beta();
        linear_combination(scale, x_t, -scale * self.alpha().sqrt(), mean, out);
    }

    /// Eq. 7 solved for x_0, for a network that predicts the mean.
    pub fn x_0_from_mean(self, x_t: &[f32], mean: &[f32], out: &mut [f32]) {
        let (of_x_0, of_x_t) = self.posterior_mean_coefficients();
        linear_combination(of_x_0.recip(), mean, -of_x_t / of_x_0, x_t, out);
    }
}

/// log sigma_t^2 = f log beta_t + (1 - f) log beta~_t with f = (v + 1) / 2, where v is what the
/// network outputs, -1 to 1 (Nichol & Dhariwal 2021, arXiv 2102.09672, eq. 15).
pub fn blend_log_variances(v: f64, smallest: f64, largest: f64) -> f64 {
    let f = (v + 1.0) / 2.0;
    f * largest.ln() + (1.0 - f) * smallest.ln()
}

/// out += scale z.
pub(crate) fn add_scaled(scale: f64, z: &[f32], out: &mut [f32]) {
    assert_eq!(z.len(), out.len(), "z and out must have one length");
    for (out, &z) in out.iter_mut().zip(z) {
        *out = (f64::from(*out) + scale * f64::from(z)) as f32;
    }
}

/// `scale` times x_t.
pub(crate) fn scaled(x_t: &[f32], scale: f64) -> Cow<'_, [f32]> {
    if scale == 1.0 {
        return x_t.into();
    }
    let scaled = |&x: &f32| (scale * f64::from(x)) as f32;
    x_t.iter().map(scaled).collect()
}

/// The factors of x_t and of the network's output in x_0-hat. With [`PredictionType::Epsilon`] abar_t must be above 0.
pub fn x_0_factors(prediction_type: PredictionType, alpha_cumprod: f64) -> [f64; 2] {
    let [signal, noise] = noising_factors(alpha_cumprod);
    match prediction_type {
        PredictionType::Epsilon => [signal.recip(), -signal.recip() * noise],
        PredictionType::Sample => [0.0, 1.0],
        PredictionType::VPrediction => [signal, -noise],
        PredictionType::Flow => {
            let (s, scale) = flow_at(alpha_cumprod);
            [scale, -s]
        }
    }
}

/// The factors of x_t and of the network's output in eps-hat.
pub fn eps_factors(prediction_type: PredictionType, alpha_cumprod: f64) -> [f64; 2] {
    let [signal, noise] = noising_factors(alpha_cumprod);
    match prediction_type {
        PredictionType::Epsilon => [0.0, 1.0],
        PredictionType::Sample => [noise.recip(), -noise.recip() * signal],
        PredictionType::VPrediction => [noise, signal],
        PredictionType::Flow => {
            let (s, scale) = flow_at(alpha_cumprod);
            [scale, 1.0 - s]
        }
    }
}

/// x_0 = (x_t - sqrt(1 - abar_t) eps) / sqrt(abar_t): eq. 4 solved for x_0. Needs abar_t > 0.
pub fn x_0_from_eps(x_t: &[f32], eps: &[f32], alpha_cumprod: f64, out: &mut [f32]) {
    predicted_x_0(PredictionType::Epsilon, x_t, eps, alpha_cumprod, out);
}

/// eps = (x_t - sqrt(abar_t) x_0) / sqrt(1 - abar_t): eq. 4 solved for eps.
pub fn eps_from_x_0(x_t: &[f32], x_0: &[f32], alpha_cumprod: f64, out: &mut [f32]) {
    predicted_eps(PredictionType::Sample, x_t, x_0, alpha_cumprod, out);
}

/// v = sqrt(abar_t) eps - sqrt(1 - abar_t) x_0 (Salimans & Ho 2022, arXiv 2202.00512, appendix D).
pub fn velocity(x_0: &[f32], eps: &[f32], alpha_cumprod: f64, out: &mut [f32]) {
    let (signal, noise) = (alpha_cumprod.sqrt(), (1.0 - alpha_cumprod).sqrt());
    linear_combination(signal, eps, -noise, x_0, out);
}

/// x_0 = sqrt(abar_t) x_t - sqrt(1 - abar_t) v.
pub fn x_0_from_v(x_t: &[f32], v: &[f32], alpha_cumprod: f64, out: &mut [f32]) {
    predicted_x_0(PredictionType::VPrediction, x_t, v, alpha_cumprod, out);
}

/// eps = sqrt(abar_t) v + sqrt(1 - abar_t) x_t.
pub fn eps_from_v(x_t: &[f32], v: &[f32], alpha_cumprod: f64, out: &mut [f32]) {
    predicted_eps(PredictionType::VPrediction, x_t, v, alpha_cumprod, out);
}

/// The velocity of flow matching, eps - x_0.
pub fn flow_velocity(x_0: &[f32], eps: &[f32], out: &mut [f32]) {
    linear_combination(1.0, eps, -1.0, x_0, out);
}

/// s of flow matching at the noise level abar_t: sqrt(1 - abar_t) / (sqrt(abar_t) + sqrt(1 - abar_t)); and z for each unit
/// of x_t, where z = (1 - s) x_0 + s eps.
fn flow_at(alpha_cumprod: f64) -> (f64, f64) {
    let (alpha, sigma) = (alpha_cumprod.sqrt(), (1.0 - alpha_cumprod).sqrt());
    (sigma / (alpha + sigma), 1.0 / (alpha + sigma))
}

/// x_0-hat from the network's output, whatever it predicts. With [`PredictionType::Epsilon`]
/// abar_t must be above 0: where nothing of x_0 is left, the noise does not determine it.
pub fn predicted_x_0(
    prediction_type: PredictionType,
    x_t: &[f32],
    output: &[f32],
    alpha_cumprod: f64,
    out: &mut [f32],
) {
    read(
        x_0_factors(prediction_type, alpha_cumprod),
        x_t,
        output,
        out,
    );
}

/// eps-hat from the network's output, whatever it predicts.
pub fn predicted_eps(
    prediction_type: PredictionType,
    x_t: &[f32],
    output: &[f32],
    alpha_cumprod: f64,
    out: &mut [f32],
) {
    read(
        eps_factors(prediction_type, alpha_cumprod),
        x_t,
        output,
        out,
    );
}

/// out = a x_t + b output, which is the output itself where that is what is asked for.
fn read([of_x_t, of_output]: [f64; 2], x_t: &[f32], output: &[f32], out: &mut [f32]) {
    if of_x_t == 0.0 && of_output == 1.0 {
        out.copy_from_slice(output);
    } else {
        linear_combination(of_x_t, x_t, of_output, output, out);
    }
}

/// The factors of x_0 and of eps in the regression target of the network.
pub fn target_factors(prediction_type: PredictionType, alpha_cumprod: f64) -> [f64; 2] {
    let [of_x_0, of_eps] = noising_factors(alpha_cumprod);
    match prediction_type {
        PredictionType::Epsilon => [0.0, 1.0],
        PredictionType::Sample => [1.0, 0.0],
        PredictionType::VPrediction => [-of_eps, of_x_0],
        PredictionType::Flow => [-1.0, 1.0],
    }
}

/// x_0 - x_0-hat for each unit by which the network's output is beyond its target: the slope of [`predicted_x_0`], turned
/// round.
pub fn error_factor(prediction_type: PredictionType, alpha_cumprod: f64) -> f64 {
    let [of_x_0, of_eps] = noising_factors(alpha_cumprod);
    match prediction_type {
        PredictionType::Epsilon => of_eps / of_x_0,
        PredictionType::Sample => -1.0,
        PredictionType::VPrediction => of_eps,
        PredictionType::Flow => flow_at(alpha_cumprod).0,
    }
}

/// The regression target of the network for x_t made of x_0 and eps.
pub fn training_target(
    prediction_type: PredictionType,
    x_0: &[f32],
    eps: &[f32],
    alpha_cumprod: f64,
    out: &mut [f32],
) {
    match prediction_type {
        PredictionType::Epsilon => out.copy_from_slice(eps),
        PredictionType::Sample => out.copy_from_slice(x_0),
        PredictionType::VPrediction => velocity(x_0, eps, alpha_cumprod, out),
        PredictionType::Flow => flow_velocity(x_0, eps, out),
    }
}
