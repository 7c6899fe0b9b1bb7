//! The gradient of a convolution's weights: a product of matrices over all pixels of all images, split between workgroups
//! that each write a part of their own. Whoever adds the parts does so in a fixed order, so that every run has the same bits.

use super::tile_kind::{COLUMNS, DEPTH};
use cubecl::prelude::*;

/// Rows of the weights that a thread has.
const ROWS: usize = 8;

/// What a kernel is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WeighKind {
    pub(crate) window: usize,
    pub(crate) stride: usize,
    pub(crate) padding: usize,
    /// How many pixels each pixel of the input stands for along an axis.
    pub(crate) times: usize,
    /// Widths of the vectors of the input and of the output.
    pub(crate) n: usize,
    pub(crate) m: usize,
    /// Threads of a workgroup along the output's channels and along the rows of the weights.
    pub(crate) across: usize,
    pub(crate) down: usize,
}

impl WeighKind {
    pub(crate) fn units(self) -> usize {
        self.across * self.down
    }

    /// Vectors of a thread's columns, and of its rows.
    fn lanes(self) -> usize {
        COLUMNS / self.m
    }

    fn rows(self) -> usize {
        ROWS / self.n
    }

    /// Vectors in a tile, along the output's channels and along the rows.
    pub(crate) fn width(self) -> usize {
        self.across * COLUMNS / self.m
    }

    pub(crate) fn height(self) -> usize {
        self.down * ROWS / self.n
    }

    fn loads(self) -> usize {
        DEPTH * self.height() / self.units()
    }

    fn slope_loads(self) -> usize {
        (DEPTH * self.width()).div_ceil(self.units())
    }
}

/// Sizes; those of channels are counted in vectors.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub(crate) struct WeighShape {
    in_h: usize,
    in_w: usize,
    out_h: usize,
    out_w: usize,
    /// Pixels of all images of the output, and those of one part.
    pixels: usize,
    part: usize,
    in_a: usize,
    in_b: usize,
    out: usize,
    /// From one part to the next.
    len: usize,
    scale: f32,
}

/// `parts` is `[splits, window, window, c_in, c_out]`, `slope` the gradient of the output.
// The check is left out at compile time where every thread has a place.
#[allow(clippy::if_same_then_else)]
#[cube(launch_unchecked)]
pub(crate) fn weigh<N: Size, M: Size>(
    a: &[Vector<f32, N>],
    b: ComptimeOption<&[Vector<f32, N>]>,
    slope: &[Vector<f32, M>],
    parts: &mut [Vector<f32, M>],
    shape: WeighShape,
    #[comptime] kind: WeighKind,
) {
    let window = comptime!(kind.window);
    let padding = comptime!(kind.padding);
    let units = comptime!(kind.units());
    let tile_height = comptime!(kind.height());
    let tile_width = comptime!(kind.width());
    let unit = UNIT_POS as usize;
    let down = unit / comptime!(kind.across);
    let across = unit % comptime!(kind.across);
    let first_row = CUBE_POS_X as usize * tile_height;
    let first_column = CUBE_POS_Y as usize * tile_width;
    let split = CUBE_POS_Z as usize;
    let begin = split * shape.part;
    let end = (begin + shape.part).min(shape.pixels);

    let width = shape.in_a + shape.in_b;
    let rows = width * comptime!(kind.window * kind.window);
    let row = first_row + unit % tile_height;
    let is_row = row < rows;
    let row = select(is_row, row, 0usize);
    let tap = row / width;
    let channel = row % width;
    let tap_y = tap / window;
    let tap_x = tap % window;

    let mut inputs = Shared::<[Vector<f32, N>]>::new_slice(comptime!(DEPTH * kind.height()));
    let mut slopes = Shared::<[Vector<f32, M>]>::new_slice(comptime!(DEPTH * kind.width()));
    let mut sums = Array::<Vector<f32, M>>::new(comptime!(ROWS * kind.lanes()));
    #[unroll]
    for i in 0..comptime!(ROWS * kind.lanes()) {
        sums[i] = Vector::new(0.0);
    }

    for start in range_stepped(begin, end, DEPTH) {
        sync_cube();
        #[unroll]
        for i in 0..comptime!(kind.loads()) {
            let index = unit + i * units;
            let pixel = start + index / tile_height;
            let mut is_there = is_row && pixel < end;
            let pixel = select(is_there, pixel, 0usize);
            let line = pixel / shape.out_w;
            let y = line % shape.out_h * comptime!(kind.stride) + tap_y;
            let x = pixel % shape.out_w * comptime!(kind.stride) + tap_x;
            is_there = is_there && y >= padding && x >= padding;
            let y = select(is_there, y - padding, 0usize) / comptime!(kind.times);
            let x = select(is_there, x - padding, 0usize) / comptime!(kind.times);
            is_there = is_there && y < shape.in_h && x < shape.in_w;
            let under = (line / shape.out_h * shape.in_h + y) * shape.in_w + x;
            let from_a = is_there && channel < shape.in_a;
            let mut value = a[select(from_a, under * shape.in_a + channel, 0usize)];
            #[comptime]
            match b {
                ComptimeOption::Some(b) => {
                    if is_there && channel >= shape.in_a {
                        value = b[under * shape.in_b + channel - shape.in_a];
                    }
                }
                ComptimeOption::None => {}
            }
            inputs[index] = select(is_there, value, Vector::new(0.0));
        }
        #[unroll]
        for i in 0..comptime!(kind.slope_loads()) {
            let index = unit + i * units;
            let pixel = start + index / tile_width;
            let column = first_column + index % tile_width;
            let is_there = pixel < end && column < shape.out;
            let from = select(is_there, pixel * shape.out + column, 0usize);
            let value = select(is_there, slope[from], Vector::new(0.0));
            if comptime!((DEPTH * kind.width()).is_multiple_of(kind.units())) {
                slopes[index] = value;
            } else if index < comptime!(DEPTH * kind.width()) {
                slopes[index] = value;
            }
        }
        sync_cube();
        for k in 0..DEPTH {
            let mut columns = Array::<Vector<f32, M>>::new(comptime!(kind.lanes()));
            #[unroll]
            for j in 0..comptime!(kind.lanes()) {
                columns[j] = slopes[k * tile_width + across + j * comptime!(kind.across)];
            }
            #[unroll]
            for i in 0..comptime!(kind.rows()) {
                let value = inputs[k * tile_height + down + i * comptime!(kind.down)];
                #[unroll]
                for l in 0..comptime!(kind.n) {
                    #[unroll]
                    for j in 0..comptime!(kind.lanes()) {
                        sums[(i * comptime!(kind.n) + l) * comptime!(kind.lanes()) + j] +=
                            columns[j] * Vector::new(value.extract(l));
                    }
                }
            }
        }
    }

    #[unroll]
    for i in 0..comptime!(kind.rows()) {
        let row = first_row + down + i * comptime!(kind.down);
        if row < rows {
            #[unroll]
            for l in 0..comptime!(kind.n) {
                #[unroll]
                for j in 0..comptime!(kind.lanes()) {
                    let column = first_column + across + j * comptime!(kind.across);
                    if column < shape.out {
                        let sum = sums[(i * comptime!(kind.n) + l) * comptime!(kind.lanes()) + j];
                        let at = (row * comptime!(kind.n) + l) * shape.out + column;
                        parts[split * shape.len + at] = sum * Vector::new(shape.scale);
                    }
                }
            }
        }
    }
}
