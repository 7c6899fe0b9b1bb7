//! A convolution with all that stands around it in a U-Net, in one launch: inputs that would be concatenated or doubled in
//! size are read in place, and bias, time vector, residual connection, scale and activation are applied before the one write.

use super::activate;
use crate::unet::activation::Activation;
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
    /// Whether several threads share the sum over the input channels of one pixel.
    pub(crate) shared: bool,
    /// Threads of a workgroup.
    pub(crate) units: usize,
    /// Whether a projection is added, which has a bias of its own.
    pub(crate) projects: bool,
    /// Whether the result is scaled.
    pub(crate) scaled: bool,
    /// Whether each pixel of the plain residual stands for four.
    pub(crate) plain_doubled: bool,
    /// What comes last.
    pub(crate) activation: Option<Activation>,
}

impl ConvKind {
    /// The kind that a projection of the same pixels is.
    fn projection(self) -> Self {
        Self {
            window: 1,
            stride: 1,
            padding: 0,
            doubled: false,
            ..self
        }
    }
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
    /// Threads for everything, without the splits.
    blocks: usize,
    /// Threads that share the sum over the input channels of one pixel; they divide a workgroup.
    splits: usize,
    in_a: usize,
    in_b: usize,
    out: usize,
    projected_a: usize,
    projected_b: usize,
    /// Where in the layer's weights those of the projection and the biases begin.
    projection_at: usize,
    bias_at: usize,
    projection_bias_at: usize,
    /// Where in an image's row of vectors this layer's is, and how long the row is.
    vector_at: usize,
    vector_row: usize,
    scale: f32,
}

/// Where a thread works: `pixels` pixels from column `x` of row `y` of image `image`, vector `lane` of the channels, and
/// every `splits`th input channel from `split` on.
#[derive(CubeType, Clone, Copy)]
struct Work {
    image: usize,
    y: usize,
    x: usize,
    lane: usize,
    split: usize,
}

/// y = act(scale (conv(a ++ b) + bias + vector + residual)), where the residual is `plain` or a 1x1 convolution of
/// `projected_a ++ projected_b`. Weights are `[window, window, c_in, c_out]`, then come those of the projection
/// `[c_projected, c_out]`, the bias and the projection's bias: numbers `W`, and computed with in float32.
#[cube(launch_unchecked)]
pub(crate) fn conv<W: Float, N: Size, M: Size>(
    in_a: &[Vector<f32, N>],
    in_b: ComptimeOption<&[Vector<f32, N>]>,
    weights: &[Vector<W, M>],
    vector: ComptimeOption<&[Vector<f32, M>]>,
    plain: ComptimeOption<&[Vector<f32, M>]>,
    projected_a: ComptimeOption<&[Vector<f32, N>]>,
    projected_b: ComptimeOption<&[Vector<f32, N>]>,
    out: &mut [Vector<f32, M>],
    shape: ConvShape,
    #[comptime] kind: ConvKind,
) {
    let pixels = comptime!(kind.pixels);
    let units = comptime!(kind.units);

    let unit = UNIT_POS as usize;
    let blocks = units / shape.splits;
    let local = unit % blocks;
    let block = CUBE_POS * blocks + local;
    let inside = block < shape.blocks;
    // Those beyond the end repeat the first: all have to meet at the barrier.
    let block = select(inside, block, 0usize);
    let row = block / shape.out;
    let line = row / shape.row_blocks;
    let work = Work {
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
    add_window(
        in_a, in_b, shape.in_a, shape.in_b, weights, 0usize, &mut sums, &work, &shape, kind,
    );
    #[comptime]
    match projected_a {
        ComptimeOption::Some(projected_a) => add_window(
            projected_a,
            projected_b,
            shape.projected_a,
            shape.projected_b,
            weights,
            shape.projection_at,
            &mut sums,
            &work,
            &shape,
            comptime!(kind.projection()),
        ),
        ComptimeOption::None => {}
    }

    if comptime!(!kind.shared) {
        if inside {
            #[unroll]
            for p in 0..pixels {
                finish(sums[p], p, weights, vector, plain, out, &work, &shape, kind);
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
            for p in range_stepped(work.split, pixels, shape.splits) {
                let mut sum = parts[p * units + local];
                for s in 1..shape.splits {
                    sum += parts[p * units + s * blocks + local];
                }
                finish(sum, p, weights, vector, plain, out, &work, &shape, kind);
            }
        }
    }
}

/// Adds what the window sees of `a ++ b`, which are `in_a` and `in_b` vectors wide.
#[cube]
fn add_window<W: Float, N: Size, M: Size>(
    a: &[Vector<f32, N>],
    b: ComptimeOption<&[Vector<f32, N>]>,
    in_a: usize,
    in_b: usize,
    weights: &[Vector<W, M>],
    weights_at: usize,
    sums: &mut Array<Vector<f32, M>>,
    work: &Work,
    shape: &ConvShape,
    #[comptime] kind: ConvKind,
) {
    let window = comptime!(kind.window);
    let stride = comptime!(kind.stride);
    let padding = comptime!(kind.padding);
    let pixels = comptime!(kind.pixels);
    let times = comptime!(if kind.doubled { 2usize } else { 1usize });
    let width = in_a + in_b;
    let zero = Vector::<f32, N>::new(0.0);

    // Neither loop is unrolled: every load that stands in a kernel is much to compile.
    for tap in 0..comptime!(kind.window * kind.window) {
        let y = work.y * stride + tap / window;
        if y >= padding && y < shape.in_h * times + padding {
            let row = (work.image * shape.in_h + (y - padding) / times) * shape.in_w;
            // Where the pixels under this place of the window are, and whether they are in the image at all.
            let mut at = Sequence::<usize>::new();
            let mut within = Sequence::<bool>::new();
            #[unroll]
            for p in 0..pixels {
                let column = (work.x + p) * stride + tap % window;
                let is_within = column >= padding && column < shape.in_w * times + padding;
                at.push(row + select(is_within, (column - padding) / times, 0usize));
                within.push(is_within);
            }
            for channel in range_stepped(work.split, width, shape.splits) {
                let mut values = Array::<Vector<f32, N>>::new(pixels);
                #[comptime]
                match b {
                    ComptimeOption::Some(b) => {
                        if channel < in_a {
                            #[unroll]
                            for p in 0..pixels {
                                values[p] = a[*at.index(p) * in_a + channel];
                            }
                        } else {
                            #[unroll]
                            for p in 0..pixels {
                                values[p] = b[*at.index(p) * in_b + channel - in_a];
                            }
                        }
                    }
                    ComptimeOption::None =>
                    {
                        #[unroll]
                        for p in 0..pixels {
                            values[p] = a[*at.index(p) * in_a + channel];
                        }
                    }
                }
                // A pixel beyond the row's end is never written, and with a window of 1 no other reads it.
                if comptime!(window > 1) {
                    #[unroll]
                    for p in 0..pixels {
                        values[p] = select(*within.index(p), values[p], zero);
                    }
                }
                let from = (tap * width + channel) * N::value();
                #[unroll]
                for l in 0..N::value() {
                    let weight = weights[weights_at + (from + l) * shape.out + work.lane];
                    let weight = Vector::<f32, M>::cast_from(weight);
                    #[unroll]
                    for p in 0..pixels {
                        sums[p] += weight * Vector::new(values[p].extract(l));
                    }
                }
            }
        }
    }
}

/// What comes after the sum, for the pixel `p` of a thread's.
#[cube]
fn finish<W: Float, M: Size>(
    sum: Vector<f32, M>,
    p: usize,
    weights: &[Vector<W, M>],
    vector: ComptimeOption<&[Vector<f32, M>]>,
    plain: ComptimeOption<&[Vector<f32, M>]>,
    out: &mut [Vector<f32, M>],
    work: &Work,
    shape: &ConvShape,
    #[comptime] kind: ConvKind,
) {
    let x = work.x + p;
    if x < shape.out_w {
        let pixel = (work.image * shape.out_h + work.y) * shape.out_w + x;
        let at = pixel * shape.out + work.lane;
        let mut bias = Vector::<f32, M>::cast_from(weights[shape.bias_at + work.lane]);
        if comptime!(kind.projects) {
            bias += Vector::cast_from(weights[shape.projection_bias_at + work.lane]);
        }
        let mut y = sum + bias;
        #[comptime]
        match vector {
            ComptimeOption::Some(vector) => {
                y += vector[work.image * shape.vector_row + shape.vector_at + work.lane];
            }
            ComptimeOption::None => {}
        }
        #[comptime]
        match plain {
            ComptimeOption::Some(plain) => {
                if comptime!(kind.plain_doubled) {
                    let row = (work.image * shape.out_h + work.y) / 2;
                    y += plain[(row * (shape.out_w / 2) + x / 2) * shape.out + work.lane];
                } else {
                    y += plain[at];
                }
            }
            ComptimeOption::None => {}
        }
        if comptime!(kind.scaled) {
            y *= Vector::new(shape.scale);
        }
        out[at] = activate(y, comptime!(kind.activation));
    }
}
