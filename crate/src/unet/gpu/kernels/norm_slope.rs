//! The gradients of a group normalisation in one launch: a workgroup for each group of each image. Mean and variance are
//! computed again, which reads no more than keeping them would have spared.
//!
//! ```text
//! y = act(z),  z = (w x^ + b) (1 + scale) + shift,  x^ = (x - mean) / deviation
//! dx = (dx^ - mean(dx^) - x^ mean(dx^ x^)) / deviation,  dx^ = dz (1 + scale) w
//! ```

use super::activation::slope_of;
use super::norm::{read_ab as read, total};
use crate::unet::activation::Activation;
use cubecl::prelude::*;

/// Threads that add up the parts of a sum.
const ADDERS: usize = 16;

/// What a kernel is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NormSlopeKind {
    /// Threads of a workgroup, a multiple of 16.
    pub(crate) units: usize,
    pub(crate) activation: Option<Activation>,
    /// Whether the gradients of the inputs are added to what is there.
    pub(crate) adds_a: bool,
    pub(crate) adds_b: bool,
}

/// Sizes; those of channels are counted in vectors.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub(crate) struct NormSlopeShape {
    pixels: usize,
    a: usize,
    b: usize,
    /// Width of a group.
    group: usize,
    /// From one image to the next in `parts`.
    stride: usize,
    eps: f32,
    vector_at: usize,
    vector_row: usize,
}

/// `parts` is `[n, stride]`: each image's part of the gradients of weight and bias.
#[cube(launch_unchecked)]
pub(crate) fn group_norm_slope<N: Size>(
    a: &[Vector<f32, N>],
    b: ComptimeOption<&[Vector<f32, N>]>,
    affine: &[Vector<f32, N>],
    vector: ComptimeOption<&[Vector<f32, N>]>,
    slope: &[Vector<f32, N>],
    slope_a: &mut [Vector<f32, N>],
    slope_b: &mut [Vector<f32, N>],
    slope_vector: &mut [Vector<f32, N>],
    parts: &mut [Vector<f32, N>],
    shape: NormSlopeShape,
    #[comptime] kind: NormSlopeKind,
) {
    let units = comptime!(kind.units);
    let unit = UNIT_POS as usize;
    let image = CUBE_POS_Y as usize;
    let first = CUBE_POS_X as usize * shape.group;
    let channels = shape.a + shape.b;
    let vectors = shape.pixels * shape.group;
    let count = f32::cast_from(vectors * N::value());
    let one = Vector::<f32, N>::new(1.0);
    let mut shared = Shared::<[f32]>::new_slice(units);
    let mut totals = Shared::<[f32]>::new_slice(ADDERS);

    let mut sum = Vector::<f32, N>::new(0.0);
    for i in range_stepped(unit, vectors, units) {
        let pixel = image * shape.pixels + i / shape.group;
        sum += read(a, b, pixel, first + i % shape.group, shape.a, shape.b);
    }
    let mean = Vector::<f32, N>::new(total(sum, &mut shared, &mut totals, unit, units) / count);
    let mut sum = Vector::<f32, N>::new(0.0);
    for i in range_stepped(unit, vectors, units) {
        let pixel = image * shape.pixels + i / shape.group;
        let x = read(a, b, pixel, first + i % shape.group, shape.a, shape.b);
        sum += (x - mean) * (x - mean);
    }
    let variance = total(sum, &mut shared, &mut totals, unit, units) / count;
    let deviation = Vector::<f32, N>::new((variance + shape.eps).sqrt());

    // The sums over the pixels, channel by channel: some threads for each channel, as many channels at once as there are
    // threads for.
    let lanes = shape.group.min(units);
    let rows = units / lanes;
    let row = unit / lanes;
    let lane = unit % lanes;
    let mut plain = Shared::<[Vector<f32, N>]>::new_slice(units);
    let mut by_x = Shared::<[Vector<f32, N>]>::new_slice(units);
    let mut of_mean = Vector::<f32, N>::new(0.0);
    let mut of_deviation = Vector::<f32, N>::new(0.0);
    for start in range_stepped(0usize, shape.group, lanes) {
        let is_there = row < rows && start + lane < shape.group;
        let channel = select(is_there, first + start + lane, first);
        let weight = affine[channel];
        let bias = affine[channels + channel];
        let mut scale = one;
        let mut shift = Vector::<f32, N>::new(0.0);
        #[comptime]
        match vector {
            ComptimeOption::Some(vector) => {
                let at = image * shape.vector_row + shape.vector_at + channel;
                scale += vector[at];
                shift += vector[at + channels];
            }
            ComptimeOption::None => {}
        }
        let mut sum = Vector::<f32, N>::new(0.0);
        let mut sum_by_x = Vector::<f32, N>::new(0.0);
        if is_there {
            for at in range_stepped(row, shape.pixels, rows) {
                let pixel = image * shape.pixels + at;
                let x = (read(a, b, pixel, channel, shape.a, shape.b) - mean) / deviation;
                let z = (x * weight + bias) * scale + shift;
                let dz =
                    slope[pixel * channels + channel] * slope_of(z, comptime!(kind.activation));
                sum += dz;
                sum_by_x += dz * x;
            }
        }
        plain[unit] = sum;
        by_x[unit] = sum_by_x;
        sync_cube();
        // In two rounds, so that no thread waits for one that adds all of them.
        if is_there && row < ADDERS {
            for i in range_stepped(row + ADDERS, rows, ADDERS) {
                sum += plain[i * lanes + lane];
                sum_by_x += by_x[i * lanes + lane];
            }
            plain[unit] = sum;
            by_x[unit] = sum_by_x;
        }
        sync_cube();
        if is_there && row == 0 {
            for i in 1..rows.min(ADDERS) {
                sum += plain[unit + i * lanes];
                sum_by_x += by_x[unit + i * lanes];
            }
            #[comptime]
            match vector {
                ComptimeOption::Some(_) => {
                    let at = image * shape.vector_row + shape.vector_at + channel;
                    slope_vector[at] = weight * sum_by_x + bias * sum;
                    slope_vector[at + channels] = sum;
                }
                ComptimeOption::None => {}
            }
            parts[image * shape.stride + channel] = scale * sum_by_x;
            parts[image * shape.stride + channels + channel] = scale * sum;
            of_mean += weight * scale * sum;
            of_deviation += weight * scale * sum_by_x;
        }
        sync_cube();
    }
    let of_mean = total(of_mean, &mut shared, &mut totals, unit, units) / count;
    let of_mean = Vector::<f32, N>::new(of_mean);
    let of_deviation = total(of_deviation, &mut shared, &mut totals, unit, units) / count;
    let of_deviation = Vector::<f32, N>::new(of_deviation);

    for i in range_stepped(unit, vectors, units) {
        let pixel = image * shape.pixels + i / shape.group;
        let channel = first + i % shape.group;
        let x = (read(a, b, pixel, channel, shape.a, shape.b) - mean) / deviation;
        let weight = affine[channel];
        let mut z = x * weight + affine[channels + channel];
        let mut scale = one;
        #[comptime]
        match vector {
            ComptimeOption::Some(vector) => {
                let at = image * shape.vector_row + shape.vector_at + channel;
                scale += vector[at];
                z = z * scale + vector[at + channels];
            }
            ComptimeOption::None => {}
        }
        let dz = slope[pixel * channels + channel] * slope_of(z, comptime!(kind.activation));
        let dx = (dz * scale * weight - of_mean - x * of_deviation) / deviation;
        if channel < shape.a {
            let at = pixel * shape.a + channel;
            if comptime!(kind.adds_a) {
                slope_a[at] += dx;
            } else {
                slope_a[at] = dx;
            }
        } else {
            let at = pixel * shape.b + channel - shape.a;
            if comptime!(kind.adds_b) {
                slope_b[at] += dx;
            } else {
                slope_b[at] = dx;
            }
        }
    }
}
