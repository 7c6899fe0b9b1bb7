//! What a step of training has before the network and after it: x_t and the target, the loss, the norm of the gradients,
//! AdamW (Loshchilov & Hutter 2019, Algorithm 2) and the average of the weights.

use super::bound::{decoder, transition};
use cubecl::prelude::*;

/// Numbers that the host gives for each image: those of [`noise_images`] and [`loss_slope`].
pub(crate) const COEFFICIENTS: usize = 12;
/// Numbers that the host gives for a step, or for a piece of one: those of [`judge`] and [`adamw`], then whether what came
/// before is of the same step, and whether this is the last of it.
pub(crate) const RATES: usize = 8;
/// What a step reports: the loss, the norm, the factor of the gradients, and 1 where nothing is learned any more.
pub(crate) const REPORT: usize = 4;

/// x_t = a x_0 + b eps and the target p x_0 + q eps, with an image's a, b, p, q first in its coefficients. The network is
/// given x_t times `scale` plus `shift`.
#[cube(launch_unchecked)]
pub(crate) fn noise_images(
    x_0: &[f32],
    eps: &[f32],
    coefficients: &[f32],
    x_t: &mut [f32],
    target: &mut [f32],
    size: usize,
    len: usize,
    scale: f32,
    shift: f32,
    #[comptime] units: usize,
) {
    let at = CUBE_POS * units + UNIT_POS as usize;
    if at < len {
        let of = at / size * comptime!(COEFFICIENTS);
        x_t[at] = (coefficients[of] * x_0[at] + coefficients[of + 1] * eps[at]) * scale + shift;
        target[at] = coefficients[of + 2] * x_0[at] + coefficients[of + 3] * eps[at];
    }
}

/// The mean of w |f out - target|^2 and its gradient by `out`, a workgroup for each image; w and f are the image's fifth
/// and sixth coefficients. `share` is 1 over the numbers of all targets. Of each pixel's `channels` the first `wanted`
/// have a target. If the variance is `learned`, the others are v of eq. 15 (Nichol & Dhariwal 2021), whose bound is added;
/// its gradient by the mean is left out. The coefficients from the seventh on: the weight of the bound, log beta_t -
/// log beta~_t, the distance of the means for each unit of error, log beta~_t, and 1 at timestep 0.
#[cube(launch_unchecked)]
pub(crate) fn loss_slope(
    out: &[f32],
    target: &[f32],
    x_0: &[f32],
    coefficients: &[f32],
    rates: &[f32],
    slope: &mut [f32],
    losses: &mut [f32],
    size: usize,
    channels: usize,
    wanted: usize,
    share: f32,
    #[comptime] learned: bool,
    #[comptime] units: usize,
) {
    let unit = UNIT_POS as usize;
    let image = CUBE_POS;
    let of = image * comptime!(COEFFICIENTS);
    let weight = coefficients[of + 4] * share;
    let factor = coefficients[of + 5];
    let weight_of_bound = coefficients[of + 6] * share;
    let range = coefficients[of + 7];
    let distance = coefficients[of + 8];
    let smallest = coefficients[of + 9];
    let is_first = coefficients[of + 10] == 1.0;
    let mut sum = f32::new(0.0);
    for i in range_stepped(unit, size, units) {
        let at = image * size + i;
        let channel = i % channels;
        if channel < wanted {
            let error = out[at] * factor - target[at / channels * wanted + channel];
            slope[at] = 2.0 * weight * factor * error;
            sum += weight * error * error;
        } else {
            let mut by_v = f32::new(0.0);
            if comptime!(learned) {
                let number = at / channels * wanted + channel - wanted;
                let error = (out[at - wanted] * factor - target[number]) * distance;
                // log sigma^2 - log beta~_t
                let above = (out[at] * factor + 1.0) * 0.5 * range;
                let mut nats = f32::new(0.0);
                if is_first {
                    let term = decoder(x_0[number], error, smallest + above);
                    nats += term.nats;
                    by_v += term.slope;
                } else {
                    let term = transition(above, error);
                    nats += term.nats;
                    by_v += term.slope;
                }
                sum += weight_of_bound * nats;
                by_v *= weight_of_bound * 0.5 * range * factor;
            }
            slope[at] = by_v;
        }
    }
    let mut sum = total_of(sum, units);
    if unit == 0 {
        if rates[6] == 1.0 {
            sum += losses[image];
        }
        losses[image] = sum;
    }
}

/// The sum of every thread's value.
#[cube]
fn total_of(value: f32, #[comptime] units: usize) -> f32 {
    let unit = UNIT_POS as usize;
    let mut parts = Shared::<[f32]>::new_slice(units);
    parts[unit] = value;
    sync_cube();
    if unit < 16 {
        let mut sum = parts[unit];
        #[unroll]
        for i in 1..comptime!(units / 16) {
            sum += parts[unit + i * 16];
        }
        parts[unit] = sum;
    }
    sync_cube();
    let mut sum = parts[0];
    #[unroll]
    for i in 1..16 {
        sum += parts[i];
    }
    sum
}

/// Adds the parts of every gradient, in their order, to what earlier pieces of the step left, and the squares of a
/// workgroup's gradients. `table` holds for each 64 numbers where their first part is, the distance of the parts and how
/// many there are.
#[cube(launch_unchecked)]
pub(crate) fn gather(
    parts: &[f32],
    table: &[u32],
    rates: &[f32],
    slopes: &mut [f32],
    squares: &mut [f32],
    len: usize,
    #[comptime] units: usize,
) {
    let at = CUBE_POS * units + UNIT_POS as usize;
    let mut sum = f32::new(0.0);
    if at < len {
        let row = at / 64 * 3;
        let first = table[row] as usize + at % 64;
        let stride = table[row + 1] as usize;
        let count = table[row + 2] as usize;
        for i in 0..count {
            sum += parts[first + i * stride];
        }
        if rates[6] == 1.0 {
            sum += slopes[at];
        }
        slopes[at] = sum;
    }
    let square = total_of(sum * sum, units);
    if UNIT_POS == 0 {
        squares[CUBE_POS] = square;
    }
}

/// The report of a step, by one workgroup: the loss, the norm of all gradients, and what they are multiplied by so that it
/// is at most the third of the `rates`. Once one of the two is no finite number, nothing is learned any more.
#[cube(launch_unchecked)]
pub(crate) fn judge(
    losses: &[f32],
    squares: &[f32],
    rates: &[f32],
    report: &mut [f32],
    images: usize,
    count: usize,
    #[comptime] units: usize,
) {
    let unit = UNIT_POS as usize;
    let mut loss = f32::new(0.0);
    for i in range_stepped(unit, images, units) {
        loss += losses[i];
    }
    let loss = total_of(loss, units);
    let mut square = f32::new(0.0);
    for i in range_stepped(unit, count, units) {
        square += squares[i];
    }
    let norm = total_of(square, units).sqrt();
    if unit == 0 {
        let most = rates[2];
        let mut factor = f32::new(1.0);
        if norm > most {
            factor = most / norm;
        }
        // Comparisons are not to be trusted with what is no number: bits are.
        let exponent = 0x7f80_0000u32;
        let is_finite = u32::reinterpret(loss) & exponent != exponent
            && u32::reinterpret(norm) & exponent != exponent;
        report[0] = loss;
        report[1] = norm;
        report[2] = factor;
        if !is_finite {
            report[3] = 1.0;
        }
    }
}

/// A step of AdamW and of the average, after the last piece of a step. `rates`: the learning rate, the weight decay, the
/// largest norm, 1 - beta_1^t, 1 - beta_2^t and the decay of the average.
#[cube(launch_unchecked)]
pub(crate) fn adamw(
    slopes: &[f32],
    rates: &[f32],
    report: &[f32],
    weights: &mut [f32],
    moments_1: &mut [f32],
    moments_2: &mut [f32],
    averages: &mut [f32],
    len: usize,
    #[comptime] units: usize,
) {
    let at = CUBE_POS * units + UNIT_POS as usize;
    if at < len && rates[7] == 1.0 && report[3] == 0.0 {
        let slope = slopes[at] * report[2];
        let rate = rates[0];
        let first = moments_1[at] * 0.9 + slope * comptime!(1.0 - 0.9f32);
        let second = moments_2[at] * 0.999 + slope * slope * comptime!(1.0 - 0.999f32);
        moments_1[at] = first;
        moments_2[at] = second;
        let step = first / rates[3] / ((second / rates[4]).sqrt() + 1e-8);
        let weight = weights[at] * (1.0 - rate * rates[1]) - rate * step;
        weights[at] = weight;
        averages[at] = averages[at] * rates[5] + weight * (1.0 - rates[5]);
    }
}
