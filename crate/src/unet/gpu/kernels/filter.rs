//! A filter of every channel by itself, along both axes, which halves or doubles the resolution.

use cubecl::prelude::*;

/// Sizes; channels are counted in vectors. What the taps are is said at [`Taps`](crate::unet::resample::Taps).
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub(crate) struct FilterShape {
    in_h: usize,
    in_w: usize,
    out_h: usize,
    out_w: usize,
    channels: usize,
    /// Vectors of the output, of all images.
    vectors: usize,
    taps: usize,
    outer: f32,
    inner: f32,
    up: usize,
    down: usize,
    padding: usize,
}

/// A thread for each vector of the output, to which the result is added, or which it takes the place of.
#[cube(launch_unchecked)]
pub(crate) fn filter<N: Size>(
    x: &[Vector<f32, N>],
    out: &mut [Vector<f32, N>],
    shape: FilterShape,
    #[comptime] units: usize,
    #[comptime] adds: bool,
) {
    let at = CUBE_POS * units + UNIT_POS as usize;
    if at < shape.vectors {
        let channel = at % shape.channels;
        let pixel = at / shape.channels;
        let column = pixel % shape.out_w;
        let line = pixel / shape.out_w;
        let row = line % shape.out_h;
        let image = line / shape.out_h;
        let mut sum = Vector::<f32, N>::new(0.0);
        for tap in 0..shape.taps * shape.taps {
            let i = tap / shape.taps;
            let j = tap % shape.taps;
            let y = row * shape.down + i;
            let x_at = column * shape.down + j;
            if y >= shape.padding && x_at >= shape.padding {
                let y = y - shape.padding;
                let x_at = x_at - shape.padding;
                let under_y = y / shape.up;
                let under_x = x_at / shape.up;
                let is_within = under_y < shape.in_h && under_x < shape.in_w;
                // Between the pixels there are zeros.
                if is_within && under_y * shape.up == y && under_x * shape.up == x_at {
                    let last = shape.taps - 1;
                    let of_row = select(i == 0 || i == last, shape.outer, shape.inner);
                    let of_column = select(j == 0 || j == last, shape.outer, shape.inner);
                    let under = (image * shape.in_h + under_y) * shape.in_w + under_x;
                    sum += x[under * shape.channels + channel] * Vector::new(of_row * of_column);
                }
            }
        }
        if comptime!(adds) {
            sum += out[at];
        }
        out[at] = sum;
    }
}
