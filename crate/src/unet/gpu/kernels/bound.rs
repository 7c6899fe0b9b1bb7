//! The term of the bound for one number of a learned variance, and its derivative by log sigma^2: what
//! [`train::bound`](crate::train::bound) computes on the CPU in double precision, in forms that keep their digits in single.

use cubecl::prelude::*;

/// log sqrt(2 pi), 1 / sqrt(2 pi) and sqrt(pi / 2).
const LOG_SQRT_2_PI: f32 = 0.918_938_5;
const DENSITY_AT_0: f32 = 0.398_942_3;
const SQRT_HALF_PI: f32 = 1.253_314_1;

/// A term in nats, and its slope.
#[derive(CubeType, Clone, Copy)]
pub(crate) struct Term {
    pub(crate) nats: f32,
    pub(crate) slope: f32,
}

/// L_{t-1}: the KL of the posterior and the model's step, whose log variance is `above` more than the posterior's, and whose
/// mean is `distance` standard deviations of the posterior away.
#[cube]
pub(crate) fn transition(above: f32, distance: f32) -> Term {
    let power = (-above).exp();
    let apart = distance * distance * power;
    // What a small difference of the variances loses of its digits here is nothing beside the rest of the loss.
    let slope = (power - 1.0 + apart) * f32::new(-0.5);
    let nats = (power - 1.0 + above + apart) * 0.5;
    Term { nats, slope }
}

/// L_0: minus the log of the probability of the 8-bit number `x_0`, which is `centred` above the mean, in a normal
/// distribution whose log variance is `log_variance`.
#[cube]
pub(crate) fn decoder(x_0: f32, centred: f32, log_variance: f32) -> Term {
    let per_deviation = (log_variance * f32::new(-0.5)).exp();
    let half = per_deviation * f32::new(1.0 / 255.0);
    // The interval from a to b, or to infinity, mirrored so that it lies above 0 or around it.
    let is_black = x_0 < f32::new(-0.999);
    let is_open = is_black || x_0 > f32::new(0.999);
    let is_below = is_black || (centred < 0.0 && !is_open);
    let centre = select(is_below, -centred, centred) * per_deviation;
    let a = centre - half;
    let b = select(is_open, f32::new(0.0), centre + half);
    let mut nats = f32::new(0.0);
    let mut slope = f32::new(0.0);
    if a >= 0.0 {
        // Both tails are multiples of the density at a.
        let fall = max(half * centre * f32::new(-2.0), f32::new(-80.0)).exp();
        let fall = select(is_open, f32::new(0.0), fall);
        let share = max(tail(a) - fall * tail(b), f32::new(1e-7));
        nats += a * a * 0.5 + f32::new(LOG_SQRT_2_PI) - share.ln();
        slope += (b * fall - a) / share * 0.5;
    } else {
        let of_a = density(a);
        let of_b = select(is_open, f32::new(0.0), density(b));
        let share = max(
            f32::new(1.0) - of_a * tail(-a) - of_b * tail(b),
            f32::new(1e-7),
        );
        nats -= share.ln();
        slope += (b * of_b - a * of_a) / share * 0.5;
    }
    Term { nats, slope }
}

#[cube]
fn density(z: f32) -> f32 {
    max(z * z * f32::new(-0.5), f32::new(-80.0)).exp() * f32::new(DENSITY_AT_0)
}

/// The probability above z >= 0 divided by the density at z, to a relative 1.2e-7: sqrt(pi / 2) exp(x^2) erfc(x) with
/// x = z / sqrt(2) (Press et al. 1992, section 6.2, erfcc).
#[cube]
fn tail(z: f32) -> f32 {
    let t = f32::new(1.0) / (f32::new(1.0) + z * f32::new(0.353_553_4));
    let mut power = t * f32::new(0.170_872_77) - f32::new(0.822_152_2);
    power = power * t + f32::new(1.488_515_9);
    power = power * t - f32::new(1.135_204);
    power = power * t + f32::new(0.278_868_08);
    power = power * t - f32::new(0.186_288_06);
    power = power * t + f32::new(0.096_784_18);
    power = power * t + f32::new(0.374_091_96);
    power = power * t + f32::new(1.000_023_7);
    power = power * t - f32::new(1.265_512_2);
    t * power.exp() * f32::new(SQRT_HALF_PI)
}
