//! 3x3 convolutions with stride 1 by Winograd's minimal filtering: a fraction of the multiplications of the direct way.
//!
//! An image is cut into overlapping tiles; tiles and filters are transformed, multiplied point by point with sums over the
//! input channels (one matrix product for each point), and transformed back. Channels lie side by side in vectors all the
//! way, so that tiles need not fill them. Filters are transformed by the block of output channels, when it is their turn:
//! all of them at once would take four times the memory of the weights.
//!
//! Each output depends on its own tile alone, in an order that does not depend on how images are grouped.

mod forms;
#[cfg(feature = "learn")]
mod gradient;
mod input;
mod kept;
mod lanes;
mod product;
mod work;

use super::DIRECTLY;
use super::conv::{Added, ConvShape};
use super::memory::buffer;
use super::parallel::{for_each_chunk, threads};
use super::simd::Simd;
use forms::{Form, both};
use input::{apart, room};
use lanes::{Rows, gather, scatter};
use product::{Tiles, product};
use std::cell::RefCell;
use std::ops::Range;
use work::{Cut, FEW, MANY, Part, Work, carry_out};

#[cfg(feature = "learn")]
pub(super) use gradient::weight_gradient;
pub(in crate::unet) use kept::KeptFilters;

/// The most channels in a block of outputs.
const WIDEST: usize = 32;
const TAPS: usize = 9;

/// Which transforms, if any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    Two,
    Four,
}

impl Choice {
    /// Outputs of a tile, along a side.
    fn out(self) -> usize {
        match self {
            Self::Two => 2,
            Self::Four => 4,
        }
    }

    /// The quicker of the two for one image, or `None` where the direct way is.
    pub(super) fn of(shape: &ConvShape) -> Option<Self> {
        let fits = shape.kernel == [3, 3] && shape.stride == 1;
        if DIRECTLY.get() || !fits || shape.padding > 2 || shape.c_in < 8 || shape.c_out < 8 {
            return None;
        }
        let tiles = |out: usize| shape.h_out.div_ceil(out) * shape.w_out.div_ceil(out);
        // By the image, so that a batch gives what its images give: the products of a filter are those of its transform,
        // and one for each tile and point.
        let cost = |points: usize, out| points * (tiles(out).next_multiple_of(4) + 2);
        Some(if cost(36, 4) < cost(16, 2) {
            Self::Four
        } else {
            Self::Two
        })
    }
}

/// Filters as the convolution takes them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filters<'a> {
    /// `[c_out, c_in, 3, 3]`, or turned `[c_in, c_out, 3, 3]`.
    pub(super) weight: &'a [f32],
    /// Whether inputs and outputs have changed places, and the taps are in reverse: the backward pass.
    pub(super) turned: bool,
}

impl Filters<'_> {
    /// Output channels from `first` on side by side: `[c_in][taps][lanes]`.
    #[inline(always)]
    fn gather<S: Simd>(self, simd: S, shape: &ConvShape, first: usize, to: &mut [f32]) {
        let count = (shape.c_out - first).min(S::LANES);
        if !self.turned {
            let len = shape.c_in * TAPS;
            let rows = Rows {
                at: first * len,
                step: len,
                len,
                count,
            };
            return gather(simd, self.weight, rows, to);
        }
        for (i, to) in to.chunks_exact_mut(TAPS * S::LANES).enumerate() {
            let rows = Rows {
                at: (i * shape.c_out + first) * TAPS,
                step: TAPS,
                len: TAPS,
                count,
            };
            gather(simd, self.weight, rows, to);
            for tap in 0..TAPS / 2 {
                let (earlier, later) = to.split_at_mut((TAPS - 1 - tap) * S::LANES);
                earlier[tap * S::LANES..][..S::LANES].swap_with_slice(&mut later[..S::LANES]);
            }
        }
    }
}

/// Values of a block of `n` vectors of transformed filters.
#[inline(always)]
fn block_len<S: Simd, const IN: usize>(c_in: usize, n: usize) -> usize {
    IN * IN * apart(c_in * n * S::LANES)
}

/// The filters of `N` vectors of output channels from `first` on, transformed: `[points][c_in][N vectors]`.
#[inline(always)]
fn transform_filters<
    S: Simd,
    F: Form<IN, OUT>,
    const IN: usize,
    const OUT: usize,
    const N: usize,
>(
    simd: S,
    filters: Filters,
    shape: &ConvShape,
    first: usize,
    aside: &mut Vec<f32>,
    u: &mut [f32],
) {
    let width = N * S::LANES;
    let plane = apart(shape.c_in * width);
    let aside = room(aside, shape.c_in * TAPS * S::LANES);
    for n in 0..N {
        let first = first + n * S::LANES;
        filters.gather(simd, shape, first, aside);
        for (i, g) in S::chunks(aside).chunks_exact(TAPS).enumerate() {
            let at = i * width + n * S::LANES;
            both(
                simd.splat(0.0),
                #[inline(always)]
                |y, x| simd.read(&g[3 * y + x]),
                #[inline(always)]
                |g| F::weight(simd, g),
                #[inline(always)]
                |y, g: [S::Vector; IN]| {
                    let points = &mut u[y * IN * plane + at..];
                    for x in 0..IN {
                        simd.store(g[x], &mut points[x * plane..]);
                    }
                },
            );
        }
    }
}

/// y = W x + bias + residual: `[n, c_out, h_out, w_out]`. `ready` are the filters transformed, if they were kept.
pub(super) fn convolve(
    x: &[f32],
    filters: Filters,
    ready: Option<&[f32]>,
    added: Added,
    shape: &ConvShape,
    choice: Choice,
) -> Vec<f32> {
    let values = if ready.is_some() { FEW } else { MANY };
    let cut = Cut::of(shape, choice, values, shape.n, threads());
    let images = cut.images;
    let image = shape.c_in * shape.h * shape.w;
    let output = shape.c_out * shape.h_out * shape.w_out;
    let mut y = buffer(shape.n * output);
    let work = |group: usize, y: &mut [f32], _: &mut ()| {
        let mut scratch = SCRATCH.take();
        let first = group * images;
        let x = &x[first * image..][..y.len() / output * image];
        let group = Convolution {
            part: Part { x, shape, cut },
            filters,
            ready,
            added,
            first,
            y,
            scratch: &mut scratch,
        };
        carry_out(group, choice);
        SCRATCH.set(scratch);
    };
    for_each_chunk(&mut y, images * output, work);
    y
}

thread_local! {
    /// Fresh memory for every convolution would cost a small one more than its arithmetic.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Memory that is used again by one group of images after the other.
#[derive(Debug, Default)]
struct Scratch {
    /// Some channels of an image, side by side, with their padding.
    padded: Vec<f32>,
    /// Transformed tiles: `[points][tiles][c_in]`.
    v: Vec<f32>,
    /// Filters of a block, side by side: `[c_in][taps][lanes]`.
    filters: Vec<f32>,
    /// Transformed filters: `[points][c_in][block]`.
    u: Vec<f32>,
    /// Products: `[points][tiles][block]`.
    m: Vec<f32>,
    /// Some channels of an output, side by side.
    out: Vec<f32>,
}

/// The convolution of some images.
struct Convolution<'a> {
    part: Part<'a>,
    filters: Filters<'a>,
    /// All of them transformed, block by block.
    ready: Option<&'a [f32]>,
    added: Added<'a>,
    /// The number of the first image.
    first: usize,
    y: &'a mut [f32],
    scratch: &'a mut Scratch,
}

impl<'a> Work<'a> for Convolution<'a> {
    fn part(&self) -> Part<'a> {
        self.part
    }

    fn input(&mut self) -> [&mut Vec<f32>; 2] {
        [&mut self.scratch.padded, &mut self.scratch.v]
    }

    /// `N` vectors of output channels from `first` on.
    #[inline(always)]
    fn block<S: Simd, F: Form<IN, OUT>, const IN: usize, const OUT: usize, const N: usize>(
        &mut self,
        simd: S,
        rows: &Range<usize>,
        first: usize,
    ) {
        let Part { shape, cut, .. } = self.part;
        let c_in = shape.c_in;
        let row = c_in.next_multiple_of(S::LANES);
        let tiles = self.part.images() * rows.len() * cut.grid[1];
        let plane = apart(tiles * row);
        let width = N * S::LANES;
        let m_plane = apart(tiles * width);
        let u_plane = apart(c_in * width);
        let Scratch {
            v, filters, u, m, ..
        } = &mut *self.scratch;
        let m = room(m, IN * IN * m_plane);
        let u = match self.ready {
            Some(all) => {
                let at = first / (2 * S::LANES) * block_len::<S, IN>(c_in, 2);
                &all[at..][..IN * IN * u_plane]
            }
            None => {
                let u = room(u, IN * IN * u_plane);
                transform_filters::<S, F, IN, OUT, N>(simd, self.filters, shape, first, filters, u);
                &*u
            }
        };
        for point in 0..IN * IN {
            let v = Tiles {
                values: &v[point * plane..][..tiles * row],
                row,
                count: tiles,
            };
            let u = &u[point * u_plane..][..c_in * width];
            product::<S, N>(simd, v, u, &mut m[point * m_plane..][..tiles * width]);
        }
        for n in 0..N {
            let first = first + n * S::LANES;
            if first < shape.c_out {
                self.finish::<S, F, IN, OUT>(simd, rows, first, [m_plane, width, n]);
            }
        }
    }
}

impl Convolution<'_> {
    /// A^T m A of all tiles, and what is added to it, for a vector of output channels.
    #[inline(always)]
    fn finish<S: Simd, F: Form<IN, OUT>, const IN: usize, const OUT: usize>(
        &mut self,
        simd: S,
        rows: &Range<usize>,
        first: usize,
        [plane, width, n]: [usize; 3],
    ) {
        let Part { shape, cut, .. } = self.part;
        let &ConvShape {
            c_out,
            h_out,
            w_out,
            ..
        } = shape;
        let count = (c_out - first).min(S::LANES);
        let Scratch { m, out, .. } = &mut *self.scratch;
        let across = OUT * cut.grid[1];
        let out = room(out, OUT * rows.len() * across * S::LANES);
        let per_image = rows.len() * cut.grid[1];
        let size = c_out * h_out * w_out;
        for (image, y) in self.y.chunks_exact_mut(size).enumerate() {
            let added = self.added.image(self.first + image, c_out, size);
            let mut bias = [0.0; WIDEST];
            if let Some(values) = added.bias.get(first..first + count) {
                bias[..count].copy_from_slice(values);
            }
            let bias = simd.read(&S::chunks(&bias)[0]);
            for tile in 0..per_image {
                let at = (image * per_image + tile) * width + n * S::LANES;
                let (ty, tx) = (tile / cut.grid[1], tile % cut.grid[1]);
                let first = ty * OUT * across + tx * OUT;
                both(
                    simd.splat(0.0),
                    #[inline(always)]
                    |i, j| simd.read(&S::chunks(&m[(i * IN + j) * plane + at..])[0]),
                    #[inline(always)]
                    |m| F::output(simd, m),
                    #[inline(always)]
                    |i, y: [S::Vector; OUT]| {
                        let to = &mut out[(first + i * across) * S::LANES..][..OUT * S::LANES];
                        for j in 0..OUT {
                            simd.store(simd.add(y[j], bias), &mut to[j * S::LANES..]);
                        }
                    },
                );
            }
            let top = OUT * rows.start;
            for (i, line) in out.chunks_exact(across * S::LANES).enumerate() {
                if top + i < h_out {
                    let to = Rows {
                        at: (first * h_out + top + i) * w_out,
                        step: h_out * w_out,
                        len: w_out,
                        count,
                    };
                    scatter(simd, line, to, y, added.residual);
                }
            }
        }
    }
}
