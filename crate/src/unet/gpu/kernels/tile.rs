//! A convolution as a product of matrices that are never written down (Chetlur et al. 2014, section 3): a workgroup makes a
//! tile of pixels by channels of the output from tiles of the input and of the weights in its own memory.
//!
//! What many images at once, and training, use. With one image there are too few tiles to fill a GPU; that is what
//! [`conv`](super::conv) is for, which computes the same.

use super::activate;
use super::tile_kind::{DEPTH, TileKind};
use cubecl::prelude::*;

/// Sizes; those of channels are counted in vectors, `N` wide for inputs and `M` wide for the output.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub(crate) struct TileShape {
    in_h: usize,
    in_w: usize,
    out_h: usize,
    out_w: usize,
    /// Pixels of all images of the output.
    pixels: usize,
    in_a: usize,
    in_b: usize,
    out: usize,
    projected_a: usize,
    projected_b: usize,
    /// Width of a row of the weights, and where in it the output's channels begin.
    row: usize,
    column: usize,
    projection_at: usize,
    bias_at: usize,
    projection_bias_at: usize,
    vector_at: usize,
    vector_row: usize,
    scale: f32,
}

/// Where a thread works.
#[derive(CubeType, Clone, Copy)]
struct Work {
    unit: usize,
    /// Its first pixel and channel in the tile.
    down: usize,
    across: usize,
    /// The tile's first pixel and channel.
    pixel: usize,
    column: usize,
}

/// The pixels of the output whose input a thread loads.
#[derive(CubeType)]
struct Pixels {
    y: Sequence<usize>,
    x: Sequence<usize>,
    /// The first pixel of the image in the input.
    image: Sequence<usize>,
    inside: Sequence<bool>,
}

/// What [`conv`](super::conv) computes, for weights `[window, window, c_in, row]`.
#[cube(launch_unchecked)]
pub(crate) fn tile<W: Float, N: Size, M: Size>(
    in_a: &[Vector<f32, N>],
    in_b: ComptimeOption<&[Vector<f32, N>]>,
    weights: &[Vector<W, M>],
    vector: ComptimeOption<&[Vector<f32, M>]>,
    plain: ComptimeOption<&[Vector<f32, M>]>,
    projected_a: ComptimeOption<&[Vector<f32, N>]>,
    projected_b: ComptimeOption<&[Vector<f32, N>]>,
    out: &mut [Vector<f32, M>],
    shape: TileShape,
    #[comptime] kind: TileKind,
) {
    let unit = UNIT_POS as usize;
    let work = Work {
        unit,
        down: unit / comptime!(kind.across),
        across: unit % comptime!(kind.across),
        pixel: CUBE_POS_X as usize * comptime!(kind.height()),
        column: CUBE_POS_Y as usize * comptime!(kind.width()),
    };
    let mut sums = Array::<Vector<f32, M>>::new(comptime!(kind.rows * kind.lanes()));
    #[unroll]
    for i in 0..comptime!(kind.rows * kind.lanes()) {
        sums[i] = Vector::new(0.0);
    }
    let mut pixels = Pixels {
        y: Sequence::new(),
        x: Sequence::new(),
        image: Sequence::new(),
        inside: Sequence::new(),
    };
    #[unroll]
    for i in 0..comptime!(kind.loads()) {
        let local = unit / comptime!(kind.depth()) + i * comptime!(kind.units() / kind.depth());
        let pixel = work.pixel + local;
        let inside = pixel < shape.pixels;
        let pixel = select(inside, pixel, 0usize);
        let line = pixel / shape.out_w;
        pixels.x.push(pixel % shape.out_w);
        pixels.y.push(line % shape.out_h);
        pixels
            .image
            .push(line / shape.out_h * shape.in_h * shape.in_w);
        pixels.inside.push(inside);
    }
    let mut inputs =
        Shared::<[Vector<f32, N>]>::new_slice(comptime!(kind.height() * (kind.depth() + 1)));
    let mut columns = Shared::<[Vector<f32, M>]>::new_slice(comptime!(DEPTH * kind.width()));

    let width = (shape.in_a + shape.in_b) * comptime!(kind.n);
    add(
        in_a,
        shape.in_a,
        0usize,
        width,
        weights,
        0usize,
        &mut inputs,
        &mut columns,
        &mut sums,
        &pixels,
        &work,
        &shape,
        kind,
    );
    #[comptime]
    match in_b {
        ComptimeOption::Some(in_b) => add(
            in_b,
            shape.in_b,
            shape.in_a * comptime!(kind.n),
            width,
            weights,
            0usize,
            &mut inputs,
            &mut columns,
            &mut sums,
            &pixels,
            &work,
            &shape,
            kind,
        ),
        ComptimeOption::None => {}
    }
    let width = (shape.projected_a + shape.projected_b) * comptime!(kind.n);
    #[comptime]
    match projected_a {
        ComptimeOption::Some(projected) => add(
            projected,
            shape.projected_a,
            0usize,
            width,
            weights,
            shape.projection_at,
            &mut inputs,
            &mut columns,
            &mut sums,
            &pixels,
            &work,
            &shape,
            comptime!(kind.projection()),
        ),
        ComptimeOption::None => {}
    }
    #[comptime]
    match projected_b {
        ComptimeOption::Some(projected) => add(
            projected,
            shape.projected_b,
            shape.projected_a * comptime!(kind.n),
            width,
            weights,
            shape.projection_at,
            &mut inputs,
            &mut columns,
            &mut sums,
            &pixels,
            &work,
            &shape,
            comptime!(kind.projection()),
        ),
        ComptimeOption::None => {}
    }

    #[unroll]
    for i in 0..comptime!(kind.rows) {
        let pixel = work.pixel + work.down + i * comptime!(kind.down);
        if pixel < shape.pixels {
            #[unroll]
            for j in 0..comptime!(kind.lanes()) {
                let column = work.column + work.across + j * comptime!(kind.across);
                if column < shape.out {
                    let sum = sums[i * comptime!(kind.lanes()) + j];
                    finish(
                        sum, pixel, column, weights, vector, plain, out, &shape, kind,
                    );
                }
            }
        }
    }
}

/// Adds what the window sees of `x`, `c` vectors wide, to the sums of the tile. Its channels are those from `first` on of
/// the `width` that the weights, from `weights_at` on, are for.
// The check is left out at compile time where every thread has a place.
#[allow(clippy::if_same_then_else)]
#[cube]
fn add<W: Float, N: Size, M: Size>(
    x: &[Vector<f32, N>],
    c: usize,
    first: usize,
    width: usize,
    weights: &[Vector<W, M>],
    weights_at: usize,
    inputs: &mut Shared<[Vector<f32, N>]>,
    columns: &mut Shared<[Vector<f32, M>]>,
    sums: &mut Array<Vector<f32, M>>,
    pixels: &Pixels,
    work: &Work,
    shape: &TileShape,
    #[comptime] kind: TileKind,
) {
    let window = comptime!(kind.window);
    let padding = comptime!(kind.padding);
    let depth = comptime!(kind.depth());
    let units = comptime!(kind.units());
    let tile_width = comptime!(kind.width());
    let local_k = work.unit % depth;
    let local_row = work.unit / depth;

    for tap in 0..comptime!(kind.window * kind.window) {
        let mut at = Sequence::<usize>::new();
        let mut within = Sequence::<bool>::new();
        #[unroll]
        for i in 0..comptime!(kind.loads()) {
            let y = *pixels.y.index(i) * comptime!(kind.stride) + tap / window;
            let x_at = *pixels.x.index(i) * comptime!(kind.stride) + tap % window;
            let mut is_within = *pixels.inside.index(i) && y >= padding && x_at >= padding;
            let y = select(is_within, y - padding, 0usize);
            let x_at = select(is_within, x_at - padding, 0usize);
            let under_y = y / comptime!(kind.times * kind.spread);
            let under_x = x_at / comptime!(kind.times * kind.spread);
            is_within = is_within && under_y < shape.in_h && under_x < shape.in_w;
            if comptime!(kind.spread > 1) {
                is_within = is_within
                    && under_y * comptime!(kind.spread) == y
                    && under_x * comptime!(kind.spread) == x_at;
            }
            at.push((*pixels.image.index(i) + under_y * shape.in_w + under_x) * c);
            within.push(is_within);
        }
        for start in range_stepped(0usize, c, depth) {
            // The tiles of the round before are read no longer.
            sync_cube();
            let channel = start + local_k;
            #[unroll]
            for i in 0..comptime!(kind.loads()) {
                let is_there = *within.index(i) && channel < c;
                let from = select(is_there, *at.index(i) + channel, 0usize);
                let row = local_row + i * comptime!(kind.units() / kind.depth());
                inputs[row * comptime!(kind.depth() + 1) + local_k] =
                    select(is_there, x[from], Vector::new(0.0));
            }
            #[unroll]
            for i in 0..comptime!(kind.weight_loads()) {
                let index = work.unit + i * units;
                let k = index / tile_width;
                let column = work.column + index % tile_width;
                let channel = start * comptime!(kind.n) + k;
                let is_there = channel < c * comptime!(kind.n) && column < shape.out;
                let row = tap * width + first + channel;
                let from = weights_at + row * shape.row + shape.column + column;
                let from = select(is_there, from, 0usize);
                let value = Vector::<f32, M>::cast_from(weights[from]);
                let value = select(is_there, value, Vector::new(0.0));
                if comptime!((DEPTH * kind.width()).is_multiple_of(kind.units())) {
                    columns[index] = value;
                } else if index < comptime!(DEPTH * kind.width()) {
                    columns[index] = value;
                }
            }
            sync_cube();
            for k in 0..depth {
                let mut values = Array::<Vector<f32, N>>::new(comptime!(kind.rows));
                #[unroll]
                for i in 0..comptime!(kind.rows) {
                    let row = work.down + i * comptime!(kind.down);
                    values[i] = inputs[row * comptime!(kind.depth() + 1) + k];
                }
                #[unroll]
                for l in 0..comptime!(kind.n) {
                    #[unroll]
                    for j in 0..comptime!(kind.lanes()) {
                        let column = work.across + j * comptime!(kind.across);
                        let weight = columns[(k * comptime!(kind.n) + l) * tile_width + column];
                        #[unroll]
                        for i in 0..comptime!(kind.rows) {
                            sums[i * comptime!(kind.lanes()) + j] +=
                                weight * Vector::new(values[i].extract(l));
                        }
                    }
                }
            }
        }
    }
}

/// What comes after the sum of a pixel's channels.
#[cube]
fn finish<W: Float, M: Size>(
    sum: Vector<f32, M>,
    pixel: usize,
    column: usize,
    weights: &[Vector<W, M>],
    vector: ComptimeOption<&[Vector<f32, M>]>,
    plain: ComptimeOption<&[Vector<f32, M>]>,
    out: &mut [Vector<f32, M>],
    shape: &TileShape,
    #[comptime] kind: TileKind,
) {
    let at = pixel * shape.out + column;
    let mut y = sum;
    if comptime!(kind.biases > 0) {
        let mut bias = Vector::<f32, M>::cast_from(weights[shape.bias_at + column]);
        if comptime!(kind.biases > 1) {
            bias += Vector::cast_from(weights[shape.projection_bias_at + column]);
        }
        y += bias;
    }
    #[comptime]
    match vector {
        ComptimeOption::Some(vector) => {
            let image = pixel / (shape.out_h * shape.out_w);
            y += vector[image * shape.vector_row + shape.vector_at + column];
        }
        ComptimeOption::None => {}
    }
    #[comptime]
    match plain {
        ComptimeOption::Some(plain) => {
            if comptime!(kind.plain_doubled) {
                let row = pixel / shape.out_w / 2;
                let x = pixel % shape.out_w / 2;
                y += plain[(row * (shape.out_w / 2) + x) * shape.out + column];
            } else {
                y += plain[at];
            }
        }
        ComptimeOption::None => {}
    }
    if comptime!(kind.scaled) {
        y *= Vector::new(shape.scale);
    }
    y = activate(y, comptime!(kind.activation));
    if comptime!(kind.adds) {
        y += out[at];
    }
    out[at] = y;
}
