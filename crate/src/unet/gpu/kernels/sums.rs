//! Sums over the pixels of each image, channel by channel: the gradients of a bias and of the vector that is added to it.

use cubecl::prelude::*;

/// What a kernel is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SumsKind {
    /// Threads of a workgroup.
    pub(crate) units: usize,
    /// Whether a vector has the sums as its gradient, too, and whether it has others already.
    pub(crate) has_vector: bool,
    pub(crate) adds: bool,
}

/// Sizes; channels are counted in vectors.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub(crate) struct SumsShape {
    pixels: usize,
    channels: usize,
    /// Channels of a workgroup.
    lanes: usize,
    /// From one image to the next in `parts`.
    stride: usize,
    vector_at: usize,
    vector_row: usize,
    scale: f32,
}

/// `slope` is `[n, pixels, c]`, `parts` `[n, stride]`.
#[cube(launch_unchecked)]
pub(crate) fn sums<N: Size>(
    slope: &[Vector<f32, N>],
    vector: &mut [Vector<f32, N>],
    parts: &mut [Vector<f32, N>],
    shape: SumsShape,
    #[comptime] kind: SumsKind,
) {
    let units = comptime!(kind.units);
    let unit = UNIT_POS as usize;
    let image = CUBE_POS_Y as usize;
    let rows = units / shape.lanes;
    let row = unit / shape.lanes;
    let channel = CUBE_POS_X as usize * shape.lanes + unit % shape.lanes;
    let is_there = row < rows && channel < shape.channels;
    let mut shared = Shared::<[Vector<f32, N>]>::new_slice(units);
    let mut sum = Vector::<f32, N>::new(0.0);
    if is_there {
        for pixel in range_stepped(row, shape.pixels, rows) {
            sum += slope[(image * shape.pixels + pixel) * shape.channels + channel];
        }
    }
    shared[unit] = sum;
    sync_cube();
    if is_there && row == 0 {
        for i in 1..rows {
            sum += shared[unit + i * shape.lanes];
        }
        sum *= Vector::new(shape.scale);
        parts[image * shape.stride + channel] = sum;
        if comptime!(kind.has_vector) {
            let at = image * shape.vector_row + shape.vector_at + channel;
            if comptime!(kind.adds) {
                sum += vector[at];
            }
            vector[at] = sum;
        }
    }
}
