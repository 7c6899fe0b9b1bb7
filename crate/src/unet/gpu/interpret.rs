//! A plan carried out on the host in double precision, one number at a time, in the memory that the device would have: what
//! the kernels have to compute, a test of the plan without a GPU, and what rounding errors are measured against.

use super::memory::Layout;
use super::plan::{Attend, Conv, Features, Filtered, Launch, Norm, Plan, Vector};
use super::{channels_first, channels_last};
use crate::unet::UNet;
use crate::unet::activation::Activation;
use std::ops::Range;

struct Host<'a> {
    plan: &'a Plan,
    layout: Layout,
    images: usize,
    given: Vec<f64>,
    buffers: Vec<Vec<f64>>,
}

/// What the network gives for `x_t` `[n, c, h, w]`, one timestep and label for each image: `[n, out_channels, h, w]`.
pub(in crate::unet) fn in_double_precision(
    network: &UNet,
    x_t: &[f32],
    timesteps: &[f32],
    labels: Option<&[usize]>,
) -> Vec<f64> {
    let (config, images) = (network.config(), timesteps.len());
    let plan = network.launches().expect("a plan");
    let mut x = channels_last(x_t, config.in_channels, images);
    config.center(&mut x);
    let [rows, classes] = plan.rows(config, timesteps, labels);
    let mut out = interpret(&plan, images, [&x, &rows, &classes]);
    plan.divide(&mut out, timesteps);
    channels_first(&out, config.out_channels, images)
}

/// The output `[n, h, w, c]` for what the host gives.
pub(super) fn interpret(plan: &Plan, images: usize, given: [&[f32]; 3]) -> Vec<f64> {
    let layout = Layout::new(plan, images, false);
    let mut host = Host {
        plan,
        given: layout.given(&given).into_iter().map(f64::from).collect(),
        buffers: (layout.buffers.iter())
            .map(|&len| vec![f64::NAN; len])
            .collect(),
        layout,
        images,
    };
    for launch in &plan.launches {
        let values = match launch {
            Launch::Conv(conv) => host.conv(conv),
            Launch::Norm(norm) => host.norm(norm),
            Launch::Attend(attend) => host.attend(attend),
            Launch::Filter(filtered) => host.filter(filtered),
        };
        let buffer = host.layout.positions[launch.writes().id];
        host.buffers[buffer][..values.len()].copy_from_slice(&values);
    }
    host.values(&plan.out).to_vec()
}

fn activate(x: f64, activation: Option<Activation>) -> f64 {
    activation.map_or(x, |activation| activation.of_number(x))
}

impl Host<'_> {
    fn values(&self, features: &Features) -> &[f64] {
        let (position, size) = (
            self.layout.positions[features.id],
            features.size() * self.images,
        );
        match self.layout.is_given(features) {
            true => &self.given[position..position + size],
            false => &self.buffers[position][..size],
        }
    }

    /// Channel `c` of the concatenation of `parts` at a pixel of an image.
    fn channel(&self, parts: &[Features], image: usize, pixel: usize, mut c: usize) -> f64 {
        for part in parts {
            if c < part.c {
                return self.values(part)[(image * part.h * part.w + pixel) * part.c + c];
            }
            c -= part.c;
        }
        f64::NAN
    }

    fn vector(&self, vector: &Vector, image: usize, c: usize) -> f64 {
        self.values(&vector.rows)[image * vector.rows.c + vector.at + c]
    }

    fn conv(&self, conv: &Conv) -> Vec<f64> {
        let numbers = |range: &Option<Range<usize>>| -> Vec<f64> {
            let range = range.clone().unwrap_or_default();
            let values = &self.plan.parameters.values[range];
            values.iter().map(|&value| f64::from(value)).collect()
        };
        let (weights, projection) = (
            numbers(&Some(conv.weights.clone())),
            numbers(&conv.projection),
        );
        let biases = [&conv.bias, &conv.projection_bias].map(numbers);
        let c_in: usize = conv.inputs.iter().map(|x| x.c).sum();
        let c_projected: usize = conv.projected.iter().map(|x| x.c).sum();
        let (out, times) = (conv.out, if conv.doubled { 2 } else { 1 });
        let (in_h, in_w) = (conv.inputs[0].h, conv.inputs[0].w);
        let mut values = Vec::with_capacity(out.size() * self.images);
        for at in 0..out.size() * self.images {
            let (pixel, co) = (at / out.c, at % out.c);
            let (image, pixel) = (pixel / (out.h * out.w), pixel % (out.h * out.w));
            let (y, x) = (pixel / out.w, pixel % out.w);
            let mut sum = biases.iter().filter_map(|bias| bias.get(co)).sum::<f64>();
            for tap in 0..conv.window * conv.window {
                let row = (y * conv.stride + tap / conv.window).wrapping_sub(conv.padding);
                let column = (x * conv.stride + tap % conv.window).wrapping_sub(conv.padding);
                if row >= in_h * times || column >= in_w * times {
                    continue;
                }
                let under = row / times * in_w + column / times;
                for ci in 0..c_in {
                    let weight = weights[(tap * c_in + ci) * out.c + co];
                    sum += weight * self.channel(&conv.inputs, image, under, ci);
                }
            }
            for ci in 0..c_projected {
                let weight = projection[ci * out.c + co];
                sum += weight * self.channel(&conv.projected, image, pixel, ci);
            }
            sum += (conv.vector).map_or(0.0, |vector| self.vector(&vector, image, co));
            let under = match conv.plain_doubled {
                true => (((image * out.h + y) / 2) * (out.w / 2) + x / 2) * out.c + co,
                false => at,
            };
            sum += (conv.plain).map_or(0.0, |plain| self.values(&plain)[under]);
            sum /= conv.divisor.unwrap_or(1.0);
            values.push(activate(sum, conv.activation));
        }
        values
    }

    fn norm(&self, norm: &Norm) -> Vec<f64> {
        let affine = &self.plan.parameters.values[norm.affine.clone()];
        let (c, pixels) = (norm.out.c, norm.out.h * norm.out.w);
        let group = c / norm.groups;
        let mut values = vec![0.0; norm.out.size() * self.images];
        for image in 0..self.images {
            for first in (0..c).step_by(group) {
                let positions =
                    (0..pixels).flat_map(|p| (first..first + group).map(move |c| (p, c)));
                let x = |(pixel, c)| self.channel(&norm.inputs, image, pixel, c);
                let count = (pixels * group) as f64;
                let mean = positions.clone().map(x).sum::<f64>() / count;
                let variance = positions
                    .clone()
                    .map(|p| (x(p) - mean).powi(2))
                    .sum::<f64>()
                    / count;
                for position in positions {
                    let (pixel, channel) = position;
                    let y = (x(position) - mean) / (variance + norm.eps).sqrt();
                    let [weight, bias] = [channel, c + channel].map(|at| f64::from(affine[at]));
                    let mut y = y * weight + bias;
                    if let Some(vector) = &norm.vector {
                        let scale = self.vector(vector, image, channel);
                        y = y * (1.0 + scale) + self.vector(vector, image, c + channel);
                    }
                    let at = (image * pixels + pixel) * c + channel;
                    values[at] = activate(y, norm.activation);
                }
            }
        }
        values
    }

    fn filter(&self, filtered: &Filtered) -> Vec<f64> {
        let (x, out, taps) = (filtered.input, filtered.out, filtered.taps);
        let weight = |i: usize| f64::from(taps.weight(i));
        let position = |o: usize, i: usize, side: usize| {
            let position = (o * taps.down + i).checked_sub(taps.padding)?;
            (position.is_multiple_of(taps.up) && position < side * taps.up)
                .then_some(position / taps.up)
        };
        let mut values = vec![0.0; out.size() * self.images];
        for (at, value) in values.iter_mut().enumerate() {
            let (pixel, c) = (at / out.c, at % out.c);
            let (image, pixel) = (pixel / (out.h * out.w), pixel % (out.h * out.w));
            for tap in 0..taps.count * taps.count {
                let (i, j) = (tap / taps.count, tap % taps.count);
                let row = position(pixel / out.w, i, x.h);
                if let Some((row, column)) = row.zip(position(pixel % out.w, j, x.w)) {
                    let of = self.channel(&[x], image, row * x.w + column, c);
                    *value += weight(i) * weight(j) * of;
                }
            }
        }
        values
    }

    fn attend(&self, attend: &Attend) -> Vec<f64> {
        let (d, tokens) = (attend.head_dim, attend.out.h * attend.out.w);
        let width = attend.heads * d;
        let qkv = self.values(&attend.qkv);
        let mut values = vec![0.0; attend.out.size() * self.images];
        for at in 0..self.images * tokens * attend.heads {
            let (token, head) = (at / attend.heads, at % attend.heads);
            let first = token / tokens * tokens;
            let part = |token: usize, which: usize| {
                let at = (token * 3 + which) * width + head * d;
                &qkv[at..at + d]
            };
            let q = part(token, 0);
            let score = |key| {
                let dot: f64 = q.iter().zip(part(first + key, 1)).map(|(q, k)| q * k).sum();
                dot / (d as f64).sqrt()
            };
            let scores: Vec<f64> = (0..tokens).map(score).collect();
            let most = scores.iter().copied().fold(f64::MIN, f64::max);
            let weights: Vec<f64> = scores.iter().map(|score| (score - most).exp()).collect();
            let sum: f64 = weights.iter().sum();
            for (key, weight) in weights.iter().enumerate() {
                for (c, v) in part(first + key, 2).iter().enumerate() {
                    values[token * width + head * d + c] += weight / sum * v;
                }
            }
        }
        values
    }
}
