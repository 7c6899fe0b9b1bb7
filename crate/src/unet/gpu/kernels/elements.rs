//! Number by number: sums of gradients, the gradient of an activation, the weights turned round, rows of a table.

use super::activation::slope_of;
use crate::unet::activation::Activation;
use cubecl::prelude::*;

/// `to` is `scale` times `from`, or that is added to it.
#[cube(launch_unchecked)]
pub(crate) fn add_scaled<N: Size>(
    from: &[Vector<f32, N>],
    to: &mut [Vector<f32, N>],
    len: usize,
    scale: f32,
    #[comptime] units: usize,
    #[comptime] adds: bool,
) {
    let at = CUBE_POS * units + UNIT_POS as usize;
    if at < len {
        let mut value = from[at] * Vector::new(scale);
        if comptime!(adds) {
            value += to[at];
        }
        to[at] = value;
    }
}

/// The gradient of what an activation is given, from that of its output.
#[cube(launch_unchecked)]
pub(crate) fn activation_slope<N: Size>(
    x: &[Vector<f32, N>],
    slope: &[Vector<f32, N>],
    slope_x: &mut [Vector<f32, N>],
    len: usize,
    #[comptime] units: usize,
    #[comptime] activation: Option<Activation>,
) {
    let at = CUBE_POS * units + UNIT_POS as usize;
    if at < len {
        slope_x[at] = slope[at] * slope_of(x[at], activation);
    }
}

/// All weights turned round, for the gradients of what convolutions read: `[window, window, c_in, c_out]` to
/// `[window, window, c_out, c_in]` with both axes of the window the other way. `table` holds for each 64 numbers where
/// their layer begins, its taps, c_in and c_out; no taps, where there is none.
#[cube(launch_unchecked)]
pub(crate) fn turn(
    weights: &[f32],
    table: &[u32],
    turned: &mut [f32],
    len: usize,
    #[comptime] units: usize,
) {
    let at = CUBE_POS * units + UNIT_POS as usize;
    if at < len {
        let row = at / 64 * 4;
        let start = table[row] as usize;
        let taps = table[row + 1] as usize;
        let c_in = table[row + 2] as usize;
        let c_out = table[row + 3] as usize;
        let local = at - start;
        if local < taps * c_in * c_out {
            let tap = taps - 1 - local / (c_in * c_out);
            let co = local % (c_in * c_out) / c_in;
            let ci = local % c_in;
            turned[at] = weights[start + (tap * c_in + ci) * c_out + co];
        }
    }
}

/// The row of `table` `[rows, width]` for each image's label.
#[cube(launch_unchecked)]
pub(crate) fn table_rows(
    table: &[f32],
    labels: &[f32],
    out: &mut [f32],
    width: usize,
    len: usize,
    #[comptime] units: usize,
) {
    let at = CUBE_POS * units + UNIT_POS as usize;
    if at < len {
        let row = u32::cast_from(labels[at / width]) as usize;
        out[at] = table[row * width + at % width];
    }
}

/// The gradient of the table: that of each row is the sum over the images that have its label, in their order.
#[cube(launch_unchecked)]
pub(crate) fn table_slope(
    slope: &[f32],
    labels: &[f32],
    out: &mut [f32],
    width: usize,
    images: usize,
    len: usize,
    #[comptime] units: usize,
) {
    let at = CUBE_POS * units + UNIT_POS as usize;
    if at < len {
        let row = at / width;
        let mut sum = f32::new(0.0);
        for image in 0..images {
            if u32::cast_from(labels[image]) as usize == row {
                sum += slope[image * width + at % width];
            }
        }
        out[at] = sum;
    }
}
