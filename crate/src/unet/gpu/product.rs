//! The launches of products of matrices, with their tiles worked out: convolutions for many images, and the gradients of
//! their weights.

use super::format::Format;
use super::kernels::tile::{TileShapeLaunch, tile};
use super::kernels::tile_kind::TileKind;
use super::kernels::weigh::{WeighKind, WeighShapeLaunch, weigh};
use super::layer::vector_width;
use super::pieces::Pieces;
use super::plan::{ALIGN, Conv, Features};
use super::reverse::{Parts, Segment, Weigh};
use super::store::{Store, argument};
use cubecl::client::Client;
use cubecl::prelude::*;
use half::f16;
use std::ops::Range;

/// Workgroups that fill a large GPU several times.
const ENOUGH_CUBES: usize = 512;
/// Pixels that a part of a gradient has at least.
const LEAST_PIXELS: usize = 64;
/// Threads of a workgroup along the output's channels, four of which each thread has, and along the other side of a tile:
/// wide tiles, where none of them is half empty.
fn sides(columns: usize) -> (usize, usize) {
    match columns.is_multiple_of(64) {
        true => (16, 8),
        false => (8, 16),
    }
}

/// The width of the vectors that a gradient of weights is written in.
pub(super) fn weigh_width(w: &Weigh) -> usize {
    weigh_kind(w).m
}

/// The kind of kernel for the gradient of the weights of a convolution.
fn weigh_kind(w: &Weigh) -> WeighKind {
    let (across, down) = sides(w.slope.c);
    WeighKind {
        window: w.window,
        stride: w.stride,
        padding: w.padding,
        times: if w.doubled { 2 } else { 1 },
        n: vector_width(w.inputs.iter().map(|x| x.c)),
        m: vector_width([w.slope.c]),
        across,
        down,
    }
}

/// Where the parts of a gradient are: the first, the distance and the number of them, and the pixels of each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) at: usize,
    pub(super) stride: usize,
    pub(super) count: usize,
    pub(super) pixels: usize,
}

impl Placed {
    /// The parts of `segment` for so many images, from `at` on.
    pub(super) fn new(segment: &Segment, images: usize, at: usize) -> Self {
        let len = segment.ranges.first().map_or(0, Range::len);
        let (count, pixels) = match segment.parts {
            Parts::One => (1, 0),
            Parts::Images => (images, 0),
            Parts::Pixels {
                pixels,
                rows,
                columns,
            } => {
                let (across, down) = sides(columns);
                let tiles = rows.div_ceil(down * 8) * columns.div_ceil(across * 4);
                let pixels = pixels * images;
                let splits = (ENOUGH_CUBES / tiles).clamp(1, pixels.div_ceil(LEAST_PIXELS));
                let part = pixels.div_ceil(splits).next_multiple_of(16);
                (pixels.div_ceil(part), part)
            }
        };
        Self {
            at,
            stride: len.next_multiple_of(ALIGN),
            count,
            pixels,
        }
    }
}

#[allow(
    unsafe_code,
    clippy::undocumented_unsafe_blocks,
    reason = "every index that a kernel forms lies within the sizes given with it, which are those of the buffers"
)]
impl Store {
    /// A convolution for many images, or the gradient of what one reads: with `weights`, its own or those turned round.
    pub(super) fn tile(&self, c: &Conv, weights: &Pieces, client: &Client) {
        let store = self;
        let n = vector_width(c.inputs.iter().chain(&c.projected).map(|x| x.c));
        let turned = c.turned;
        let row = turned.map_or(c.out.c, |turned| turned.row);
        let column = turned.map_or(0, |turned| turned.column);
        let m = vector_width([c.out.c, row, column]);
        let widths = |features: &[Features], i: usize| features.get(i).map_or(0, |x| x.c / n);
        // A window of one pixel sees no sides.
        let alone =
            c.window == 1 && c.stride == 1 && turned.is_none_or(|turned| turned.spread == 1);
        let shaped = |x: Features| if alone && !c.doubled { x.as_row() } else { x };
        let (input, out) = (shaped(c.inputs[0]), shaped(c.out));
        let pixels = out.h * out.w * store.images;
        let (across, down) = sides(out.c);
        let tiles = |rows: usize| pixels.div_ceil(down * rows) * out.c.div_ceil(across * 4);
        let kind = TileKind {
            window: c.window,
            stride: c.stride,
            padding: c.padding,
            times: if c.doubled { 2 } else { 1 },
            spread: turned.map_or(1, |turned| turned.spread),
            n,
            m,
            across,
            down,
            rows: if tiles(8) >= ENOUGH_CUBES { 8 } else { 4 },
            biases: usize::from(c.bias.is_some()) + usize::from(c.projection_bias.is_some()),
            scaled: c.divisor.is_some(),
            plain_doubled: c.plain_doubled,
            adds: c.adds,
            activation: c.activation,
        };
        let parameters = c.parameters();
        let at = |range: &Option<Range<usize>>| {
            let start = range.as_ref().map_or(parameters.start, |range| range.start);
            (start - parameters.start) / m
        };
        let shape = TileShapeLaunch::new(
            input.h,
            input.w,
            out.h,
            out.w,
            pixels,
            widths(&c.inputs, 0),
            widths(&c.inputs, 1),
            out.c / m,
            widths(&c.projected, 0),
            widths(&c.projected, 1),
            row / m,
            column / m,
            at(&c.projection),
            at(&c.bias),
            at(&c.projection_bias),
            c.vector.map_or(0, |vector| vector.at / m),
            c.vector.map_or(0, |vector| vector.rows.c / m),
            c.divisor.map_or(1.0, |divisor| 1.0 / divisor) as f32,
        );
        let optional = |x: Option<&Features>, width: usize| x.map(|x| store.tensor(x, width));
        let launch = match weights.format() {
            Format::Single => tile::launch_unchecked::<f32>,
            Format::Half => tile::launch_unchecked::<f16>,
        };
        let weights = argument(weights.part(parameters.clone()), parameters.len() / m);
        unsafe {
            launch(
                client,
                CubeCount::new_2d(
                    pixels.div_ceil(kind.height()) as u32,
                    (out.c / m).div_ceil(kind.width()) as u32,
                ),
                CubeDim::new_1d(kind.units() as u32),
                n,
                m,
                store.tensor(&c.inputs[0], n),
                optional(c.inputs.get(1), n).into(),
                weights,
                store.vector(&c.vector, m).into(),
                optional(c.plain.as_ref(), m).into(),
                optional(c.projected.first(), n).into(),
                optional(c.projected.get(1), n).into(),
                store.tensor(&c.out, m),
                shape,
                kind,
            );
        }
    }

    /// The gradient of a convolution's weights, in `parts`.
    pub(super) fn weigh(&self, w: &Weigh, placed: Placed, parts: BufferArg, client: &Client) {
        let kind = weigh_kind(w);
        let (n, m) = (kind.n, kind.m);
        let shaped = |x: Features| {
            if w.window == 1 && w.stride == 1 && !w.doubled {
                x.as_row()
            } else {
                x
            }
        };
        let (input, out) = (shaped(w.inputs[0]), shaped(w.slope));
        let pixels = out.h * out.w * self.images;
        let widths = |i: usize| w.inputs.get(i).map_or(0, |x| x.c / n);
        let rows = (widths(0) + widths(1)) * w.window * w.window;
        let shape = WeighShapeLaunch::new(
            input.h,
            input.w,
            out.h,
            out.w,
            pixels,
            placed.pixels,
            widths(0),
            widths(1),
            out.c / m,
            placed.stride / m,
            w.scale as f32,
        );
        unsafe {
            weigh::launch_unchecked(
                client,
                CubeCount::new_3d(
                    rows.div_ceil(kind.height()) as u32,
                    (out.c / m).div_ceil(kind.width()) as u32,
                    placed.count as u32,
                ),
                CubeDim::new_1d(kind.units() as u32),
                n,
                m,
                self.tensor(&w.inputs[0], n),
                w.inputs.get(1).map(|x| self.tensor(x, n)).into(),
                self.tensor(&w.slope, m),
                parts,
                shape,
                kind,
            );
        }
    }
}
