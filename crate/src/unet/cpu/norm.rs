//! Group normalisation and SiLU in one pass over memory, forward and backward.

use super::memory::buffer;
use super::parallel::for_each_pair;
#[cfg(feature = "learn")]
use super::parallel::for_each_run_summing;
use super::simd::vectorised;

/// Images whose share of the parameters' gradients is summed together.
#[cfg(feature = "learn")]
const RUN: usize = 4;

/// The sizes of a group normalisation.
#[derive(Debug, Clone, Copy)]
pub(super) struct NormShape {
    channels: usize,
    area: usize,
    groups: usize,
    eps: f64,
    with_silu: bool,
}

impl NormShape {
    pub(super) fn new(
        [_, channels, h, w]: [usize; 4],
        groups: usize,
        eps: f64,
        with_silu: bool,
    ) -> Self {
        Self {
            channels,
            area: h * w,
            groups,
            eps,
            with_silu,
        }
    }

    fn image(&self) -> usize {
        self.channels * self.area
    }

    fn group(&self) -> usize {
        self.image() / self.groups
    }

    fn channels_per_group(&self) -> usize {
        self.channels / self.groups
    }
}

/// e^x within two units in the last place for x in [-87, 88], clamped outside; plain arithmetic that compilers vectorise.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    /// 1.5 * 2^23: adding it rounds to an integer, which then sits in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * 0.693_359_4 - n * -2.121_944_4e-4;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 5e-1;
    let p = p * r * r + r + 1.0;
    let power = f32::from_bits(
        (shifted
            .to_bits()
            .wrapping_sub(ROUND.to_bits())
            .wrapping_add(127))
            << 23,
    );
    p * power
}

#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Sum of `f` over `x`, in independent lanes so that it vectorises.
#[inline(always)]
pub(super) fn lanes_sum(x: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    const LANES: usize = 32;
    let mut sums = [0.0f32; LANES];
    let chunks = x.chunks_exact(LANES);
    let rest: f32 = chunks.remainder().iter().map(|&x| f(x)).sum();
    for chunk in chunks {
        for (sum, &x) in sums.iter_mut().zip(chunk) {
            *sum += f(x);
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// Mean and 1/sqrt(variance + eps) of one group.
#[inline(always)]
fn statistics(x: &[f32], eps: f64) -> [f32; 2] {
    let count = x.len() as f32;
    let mean = lanes_sum(x, |x| x) / count;
    let variance = lanes_sum(x, |x| (x - mean) * (x - mean)) / count;
    [mean, (1.0 / (f64::from(variance) + eps).sqrt()) as f32]
}

/// The normalised values, and mean and 1/sigma of each group (`[n, groups, 2]`) for the way back. `weight` and `bias` are
/// `[c]`, or `[n, c]` where each image has its own.
pub(super) fn forward(
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    shape: &NormShape,
) -> (Vec<f32>, Vec<f32>) {
    let (area, group, cpg) = (shape.area, shape.group(), shape.channels_per_group());
    let images = x.len() / shape.image();
    let mut stats = vec![0.0; images * shape.groups * 2];
    let mut y = buffer(x.len());
    let sizes = [shape.image(), shape.groups * 2];
    for_each_pair([&mut y, &mut stats], sizes, |i, y, stats| {
        let x = &x[i * shape.image()..][..shape.image()];
        let own = i * shape.channels % weight.len();
        let (weight, bias) = (&weight[own..], &bias[own..]);
        vectorised(
            #[inline(always)]
            || {
                for (stats, x) in stats.chunks_exact_mut(2).zip(x.chunks_exact(group)) {
                    stats.copy_from_slice(&statistics(x, shape.eps));
                }
                for (c, (y, x)) in y
                    .chunks_exact_mut(area)
                    .zip(x.chunks_exact(area))
                    .enumerate()
                {
                    let (mean, inverse) = (stats[c / cpg * 2], stats[c / cpg * 2 + 1]);
                    let scale = inverse * weight[c];
                    let shift = bias[c] - mean * scale;
                    if shape.with_silu {
                        for (y, &x) in y.iter_mut().zip(x) {
                            let u = x * scale + shift;
                            *y = u * sigmoid(u);
                        }
                    } else {
                        for (y, &x) in y.iter_mut().zip(x) {
                            *y = x * scale + shift;
                        }
                    }
                }
            },
        );
    });
    (y, stats)
}

/// The gradients for input, weight and bias, given that of the output and the statistics of the forward pass.
#[cfg(feature = "learn")]
pub(super) fn backward(
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    stats: &[f32],
    dy: &[f32],
    shape: &NormShape,
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let (image, group, cpg) = (shape.image(), shape.group(), shape.channels_per_group());
    let mut dx = buffer(x.len());
    let mut sums = for_each_run_summing(
        &mut dx,
        image,
        RUN,
        2 * shape.channels,
        |first, dx, sums, _: &mut ()| {
            let (dw, db) = sums.split_at_mut(shape.channels);
            for (i, dx) in dx.chunks_exact_mut(group).enumerate() {
                let at = (first * shape.groups + i) * group;
                let stats = &stats[(first * shape.groups + i) * 2..][..2];
                let channels = i % shape.groups * cpg..(i % shape.groups + 1) * cpg;
                let from = Group {
                    x: &x[at..at + group],
                    dy: &dy[at..at + group],
                    weight: &weight[channels.clone()],
                    bias: &bias[channels.clone()],
                    mean: stats[0],
                    inverse: stats[1],
                };
                let (dw, db) = (&mut dw[channels.clone()], &mut db[channels]);
                vectorised(
                    #[inline(always)]
                    || from.backward(dx, dw, db, shape),
                );
            }
        },
    );
    let db = sums.split_off(shape.channels);
    (dx, sums, db)
}

/// What the backward pass of one group of one image starts from.
#[cfg(feature = "learn")]
struct Group<'a> {
    x: &'a [f32],
    dy: &'a [f32],
    weight: &'a [f32],
    bias: &'a [f32],
    mean: f32,
    inverse: f32,
}

#[cfg(feature = "learn")]
impl Group<'_> {
    /// With xhat = (x - mean) inverse and du the gradient before the activation:
    /// dx = inverse (w du - mean(w du) - xhat mean(w du xhat)), means over the group.
    #[inline(always)]
    fn backward(&self, dx: &mut [f32], dw: &mut [f32], db: &mut [f32], shape: &NormShape) {
        let (area, mean, inverse) = (shape.area, self.mean, self.inverse);
        let (mut mean_wdu, mut mean_wdu_xhat) = (0.0, 0.0);
        for (c, du) in dx.chunks_exact_mut(area).enumerate() {
            let (w, b) = (self.weight[c], self.bias[c]);
            let (x, dy) = (&self.x[c * area..][..area], &self.dy[c * area..][..area]);
            if shape.with_silu {
                for ((du, &x), &dy) in du.iter_mut().zip(x).zip(dy) {
                    let u = (x - mean) * inverse * w + b;
                    let s = sigmoid(u);
                    *du = dy * s * (1.0 + u * (1.0 - s));
                }
            } else {
                du.copy_from_slice(dy);
            }
            let sum_du = lanes_sum(du, |du| du);
            let sum_du_xhat = inverse * lanes_dot_centred(du, x, mean);
            db[c] += sum_du;
            dw[c] += sum_du_xhat;
            mean_wdu += w * sum_du;
            mean_wdu_xhat += w * sum_du_xhat;
        }
        let count = self.x.len() as f32;
        mean_wdu /= count;
        mean_wdu_xhat /= count;
        for (c, dx) in dx.chunks_exact_mut(area).enumerate() {
            let w = self.weight[c];
            for (dx, &x) in dx.iter_mut().zip(&self.x[c * area..]) {
                let xhat = (x - mean) * inverse;
                *dx = inverse * (w * *dx - mean_wdu - xhat * mean_wdu_xhat);
            }
        }
    }
}

/// Sum of a (b - mean), in independent lanes.
#[cfg(feature = "learn")]
#[inline(always)]
fn lanes_dot_centred(a: &[f32], b: &[f32], mean: f32) -> f32 {
    const LANES: usize = 32;
    let mut sums = [0.0f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_chunks
        .remainder()
        .iter()
        .zip(b_chunks.remainder())
        .map(|(&a, &b)| a * (b - mean))
        .sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * (b - mean);
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::exp;

    #[test]
    fn exp_agrees_with_the_standard_library() {
        for i in -8_700..8_700 {
            let x = i as f32 * 0.01;
            let (ours, theirs) = (f64::from(exp(x)), f64::from(x).exp());
            assert!(
                (ours / theirs - 1.0).abs() < 3e-7,
                "exp({x}) = {ours}, should be {theirs}"
            );
        }
    }
}
