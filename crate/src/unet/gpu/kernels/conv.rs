//! A convolution with all that stands around it in a U-Net, in one launch: inputs that would be concatenated or doubled in
//! size are read in place, and bias, time vector, residual connection, scale and SiLU are applied before the one write.

use super::silu;
use cubecl::prelude::*;

/// What a kernel is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ConvKind {
    /// Side of the window: 1 or 3.
    pub(crate) window: usize,
    pub(crate) stride: usize,
    /// Rows and columns of zeros before the first; after the last there are as many as are needed.
    pub(crate) padding: usize,
    /// Whether each pixel of the input stands for four.
    pub(crate) doubled: bool,
    /// Pixels of a row that one thread computes.
    pub(crate) pixels: usize,
    /// Whether `pixels` divides the rows.
    pub(crate) exact: bool,
    /// Threads that share the sum over the input channels of one pixel.
    pub(crate) splits: usize,
    /// Threads of a workgroup.
    pub(crate) units: usize,
    /// Whether the result is scaled.
    pub(crate) scaled: bool,
    /// Whether SiLU comes last.
    pub(crate) silu: bool,
}

/// Sizes; those of channels are counted in vectors, `N` wide for inputs and `M` wide for the output.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub(crate) struct ConvShape {
    in_h: usize,
    in_w: usize,
    out_h: usize,
    out_w: usize,
    /// Threads for a row, as each has several pixels of it.
    row_blocks: usize,
    /// Threads for everything, but for the splits.
    blocks: usize,
    in_a: usize,
    in_b: usize,
    out: usize,
    projected_a: usize,
    projected_b: usize,
    /// Where in the layer's weights those of the projection and the bias begin.
    projection_at: usize,
    bias_at: usize,
    /// Where in an image's row of vectors this layer's is, and how long the row is.
    vector_at: usize,
    vector_row: usize,
    scale: f32,
}

/// Where a thread works: `pixels` pixels from column `x` of row `y` of image `image`, vector `lane` of the channels, and
/// every `splits`th input channel from `split` on.
#[derive(CubeType, Clone, Copy)]
struct Place {
    image: usize,
    y: usize,
    x: usize,
    lane: usize,
    split: usize,
}

/// y = silu(scale (conv(a ++ b) + bias + vector + residual)), where the residual is `plain` or a 1x1 convolution of
/// `projected_a ++ projected_b`. Weights are `[window, window, c_in, c_out]`, then those of the projection
/// `[c_projected, c_out]`, then the bias.
#[cube(launch_unchecked)]
pub(crate) fn conv<N: Size, M: Size>(
    in_a: &[Vector<f32, N>],
    in_b: ComptimeOption<&[Vector<f32, N>]>,
    weights: &[Vector<f32, M>],
    vector: ComptimeOption<&[Vector<f32, M>]>,
    plain: ComptimeOption<&[Vector<f32, M>]>,
    projected_a: ComptimeOption<&[Vector<f32, N>]>,
    projected_b: ComptimeOption<&[Vector<f32, N>]>,
    out: &mut [Vector<f32, M>],
    shape: ConvShape,
    #[comptime] kind: ConvKind,
) {
    let pixels = comptime!(kind.pixels);
    let splits = comptime!(kind.splits);
    let units = comptime!(kind.units);
    let blocks = comptime!(kind.units / kind.splits);

    let unit = UNIT_POS as usize;
    let local = unit % blocks;
    let block = CUBE_POS * blocks + local;
    let inside = block < shape.blocks;
    // Those beyond the end repeat the first: all have to meet at the barrier.
    let block = select(inside, block, 0usize);
    let row = block / shape.out;
    let line = row / shape.row_blocks;
    let place = Place {
        image: line / shape.out_h,
        y: line % shape.out_h,
        x: (row % shape.row_blocks) * pixels,
        lane: block % shape.out,
        split: unit / blocks,
    };

    let mut sums = Array::<Vector<f32, M>>::new(pixels);
    #[unroll]
    for p in 0..pixels {
        sums[p] = Vector::new(0.0);
    }
    let width = shape.in_a + shape.in_b;
    add_window(
        in_a, shape.in_a, 0usize, width, weights, 0usize, &mut sums, &place, &shape, kind,
    );
    #[comptime]
    match in_b {
        ComptimeOption::Some(in_b) => add_window(
            in_b, shape.in_b, shape.in_a, width, weights, 0usize, &mut sums, &place, &shape, kind,
        ),
        ComptimeOption::None => {}
    }
    let through = comptime!(ConvKind {
        window: 1,
        stride: 1,
        padding: 0,
        doubled: false,
        ..kind
    });
    let width = shape.projected_a + shape.projected_b;
    #[comptime]
    match projected_a {
        ComptimeOption::Some(a) => add_window(
            a,
            shape.projected_a,
            0usize,
            width,
            weights,
            shape.projection_at,
            &mut sums,
            &place,
            &shape,
            through,
        ),
        ComptimeOption::None => {}
    }
    #[comptime]
    match projected_b {
        ComptimeOption::Some(b) => add_window(
            b,
            shape.projected_b,
            shape.projected_a,
            width,
            weights,
            shape.projection_at,
            &mut sums,
            &place,
            &shape,
            through,
        ),
        ComptimeOption::None => {}
    }

    if comptime!(splits == 1) {
        if inside {
            #[unroll]
            for p in 0..pixels {
                finish(
                    sums[p], p, weights, vector, plain, out, &place, &shape, kind,
                );
            }
        }
    } else {
        let mut parts = Shared::<[Vector<f32, M>]>::new_slice(comptime!(units * pixels));
        #[unroll]
        for p in 0..pixels {
            parts[p * units + unit] = sums[p];
        }
        sync_cube();
        if inside {
            for p in range_stepped(place.split, pixels, splits) {
                let mut sum = parts[p * units + local];
                #[unroll]
                for s in 1..splits {
                    sum += parts[p * units + s * blocks + local];
                }
                finish(sum, p, weights, vector, plain, out, &place, &shape, kind);
            }
        }
    }
}

/// Adds what the window sees of `input`, which is `mine` vectors wide and stands at `first` of `width` ones.
#[cube]
fn add_window<N: Size, M: Size>(
    input: &[Vector<f32, N>],
    mine: usize,
    first: usize,
    width: usize,
    weights: &[Vector<f32, M>],
    weights_at: usize,
    sums: &mut Array<Vector<f32, M>>,
    place: &Place,
    shape: &ConvShape,
    #[comptime] kind: ConvKind,
) {
    let window = comptime!(kind.window);
    let stride = comptime!(kind.stride);
    let padding = comptime!(kind.padding);
    let pixels = comptime!(kind.pixels);
    let splits = comptime!(kind.splits);
    let columns = comptime!((kind.pixels - 1) * kind.stride + kind.window);
    let times = comptime!(if kind.doubled { 2usize } else { 1usize });

    // Where the columns under the windows are in a row, and whether they are in the image at all.
    let mut at = Sequence::<usize>::new();
    let mut within = Sequence::<bool>::new();
    #[unroll]
    for j in 0..columns {
        let column = place.x * stride + j;
        let is_within = column >= padding && column < shape.in_w * times + padding;
        at.push(select(is_within, (column - padding) / times, 0usize));
        within.push(is_within);
    }
    let zero = Vector::<f32, N>::new(0.0);

    // Unrolled, this would be three times as much to compile.
    for ky in 0..window {
        let y = place.y * stride + ky;
        if y >= padding && y < shape.in_h * times + padding {
            let row = (place.image * shape.in_h + (y - padding) / times) * shape.in_w;
            for channel in range_stepped(place.split, mine, splits) {
                let mut values = Sequence::<Vector<f32, N>>::new();
                #[unroll]
                for j in 0..columns {
                    let value = input[(row + *at.index(j)) * mine + channel];
                    // The inner columns are always in the image if the rows divide evenly.
                    if comptime!(kind.window == 1 && kind.exact) {
                        values.push(value);
                    } else if comptime!(kind.exact && j >= padding && j < pixels * stride + padding)
                    {
                        values.push(value);
                    } else {
                        values.push(select(*within.index(j), value, zero));
                    }
                }
                #[unroll]
                for kx in 0..window {
                    let from = ((ky * window + kx) * width + first + channel) * N::value();
                    #[unroll]
                    for l in 0..N::value() {
                        let weight = weights[weights_at + (from + l) * shape.out + place.lane];
                        #[unroll]
                        for p in 0..pixels {
                            sums[p] +=
                                weight * Vector::new(values.index(p * stride + kx).extract(l));
                        }
                    }
                }
            }
        }
    }
}

/// What comes after the sum, for the pixel `p` of a thread's.
#[cube]
fn finish<M: Size>(
    sum: Vector<f32, M>,
    p: usize,
    weights: &[Vector<f32, M>],
    vector: ComptimeOption<&[Vector<f32, M>]>,
    plain: ComptimeOption<&[Vector<f32, M>]>,
    out: &mut [Vector<f32, M>],
    place: &Place,
    shape: &ConvShape,
    #[comptime] kind: ConvKind,
) {
    let x = place.x + p;
    if comptime!(kind.exact) || x < shape.out_w {
        let pixel = (place.image * shape.out_h + place.y) * shape.out_w + x;
        let at = pixel * shape.out + place.lane;
        let mut y = sum + weights[shape.bias_at + place.lane];
        #[comptime]
        match vector {
            ComptimeOption::Some(vector) => {
                y += vector[place.image * shape.vector_row + shape.vector_at + place.lane];
            }
            ComptimeOption::None => {}
        }
        #[comptime]
        match plain {
            ComptimeOption::Some(plain) => {
                y += plain[at];
            }
            ComptimeOption::None => {}
        }
        if comptime!(kind.scaled) {
            y = y * Vector::new(shape.scale);
        }
        if comptime!(kind.silu) {
            y = silu(y);
        }
        out[at] = y;
    }
}
