//! Group normalisation (Wu & He 2018, eq. 1) in one launch: a workgroup for each group of each image.

use super::activate;
use crate::unet::activation::Activation;
use cubecl::prelude::*;

/// Threads that add up the parts of a sum; the number of threads is a multiple.
const ADDERS: usize = 16;

/// What a kernel is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NormKind {
    /// Threads of a workgroup, a multiple of 16.
    pub(crate) units: usize,
    /// What comes last.
    pub(crate) activation: Option<Activation>,
}

/// Sizes; those of channels are counted in vectors.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub(crate) struct NormShape {
    pixels: usize,
    a: usize,
    b: usize,
    /// Width of a group.
    group: usize,
    eps: f32,
    /// Where in an image's row of vectors scale and shift are, and how long the row is.
    vector_at: usize,
    vector_row: usize,
}

/// y = act(normalised(a ++ b) weight + bias), with `vector` times 1 + scale and plus shift before that (Nichol & Dhariwal
/// 2021, section 4). `affine` is the weight, then the bias. The variance is taken about the mean, in a second pass.
#[cube(launch_unchecked)]
pub(crate) fn group_norm<W: Float, N: Size>(
    a: &[Vector<f32, N>],
    b: ComptimeOption<&[Vector<f32, N>]>,
    affine: &[Vector<W, N>],
    vector: ComptimeOption<&[Vector<f32, N>]>,
    out: &mut [Vector<f32, N>],
    shape: NormShape,
    #[comptime] kind: NormKind,
) {
    let units = comptime!(kind.units);
    let unit = UNIT_POS as usize;
    let image = CUBE_POS_Y as usize;
    let first = CUBE_POS_X as usize * shape.group;
    let channels = shape.a + shape.b;
    let vectors = shape.pixels * shape.group;
    let count = f32::cast_from(vectors * N::value());
    let mut parts = Shared::<[f32]>::new_slice(units);
    let mut totals = Shared::<[f32]>::new_slice(ADDERS);

    let mut sum = Vector::<f32, N>::new(0.0);
    for i in range_stepped(unit, vectors, units) {
        let pixel = image * shape.pixels + i / shape.group;
        sum += read_ab(a, b, pixel, first + i % shape.group, shape.a, shape.b);
    }
    let mean = Vector::<f32, N>::new(total(sum, &mut parts, &mut totals, unit, units) / count);

    let mut sum = Vector::<f32, N>::new(0.0);
    for i in range_stepped(unit, vectors, units) {
        let pixel = image * shape.pixels + i / shape.group;
        let centred = read_ab(a, b, pixel, first + i % shape.group, shape.a, shape.b) - mean;
        sum += centred * centred;
    }
    let variance = total(sum, &mut parts, &mut totals, unit, units) / count;
    let deviation = Vector::<f32, N>::new((variance + shape.eps).sqrt());

    for i in range_stepped(unit, vectors, units) {
        let pixel = image * shape.pixels + i / shape.group;
        let channel = first + i % shape.group;
        let x = read_ab(a, b, pixel, channel, shape.a, shape.b);
        let weight = Vector::<f32, N>::cast_from(affine[channel]);
        let bias = Vector::<f32, N>::cast_from(affine[channels + channel]);
        let mut y = (x - mean) / deviation * weight + bias;
        #[comptime]
        match vector {
            ComptimeOption::Some(vector) => {
                let at = image * shape.vector_row + shape.vector_at + channel;
                y = y * (vector[at] + Vector::new(1.0)) + vector[at + channels];
            }
            ComptimeOption::None => {}
        }
        out[pixel * channels + channel] = activate(y, comptime!(kind.activation));
    }
}

/// A vector of the channels of `a ++ b`, which are so many vectors wide.
#[cube]
pub(super) fn read_ab<N: Size>(
    a: &[Vector<f32, N>],
    b: ComptimeOption<&[Vector<f32, N>]>,
    pixel: usize,
    channel: usize,
    width_a: usize,
    width_b: usize,
) -> Vector<f32, N> {
    let mut value = a[pixel * width_a + channel.min(width_a - 1)];
    #[comptime]
    match b {
        ComptimeOption::Some(b) => {
            if channel >= width_a {
                value = b[pixel * width_b + channel - width_a];
            }
        }
        ComptimeOption::None => {}
    }
    value
}

/// The sum of every thread's `value`, for every thread. `parts` holds one for each thread, `totals` [`ADDERS`].
#[cube]
pub(super) fn total<N: Size>(
    value: Vector<f32, N>,
    parts: &mut Shared<[f32]>,
    totals: &mut Shared<[f32]>,
    unit: usize,
    #[comptime] units: usize,
) -> f32 {
    let mut sum = value.extract(0usize);
    #[unroll]
    for l in 1..N::value() {
        sum += value.extract(l);
    }
    parts[unit] = sum;
    sync_cube();
    if unit < ADDERS {
        let mut sum = parts[unit];
        #[unroll]
        for i in 1..comptime!(units / ADDERS) {
            sum += parts[unit + i * ADDERS];
        }
        totals[unit] = sum;
    }
    sync_cube();
    let mut sum = totals[0];
    #[unroll]
    for i in 1..ADDERS {
        sum += totals[i];
    }
    sum
}
