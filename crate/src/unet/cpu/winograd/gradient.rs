//! The gradient of the filters: the way forward in reverse, dg = G^T [(B^T d B) * (A dy A^T)] G, summed over tiles.

use super::super::conv::ConvShape;
use super::super::parallel::sum_of_runs;
use super::super::simd::Simd;
use super::forms::{Form, both};
use super::input::{apart, room};
use super::lanes::{Rows, gather, scatter};
use super::work::{Cut, MANY, Part, Work, carry_out};
use super::{Choice, TAPS};
use std::cell::RefCell;
use std::ops::Range;

/// The most images in a run, so that there are enough runs for all cores.
const MOST: usize = 16;
/// What the number of runs is a multiple of, whatever the machine: their sums are added in order.
const RUNS: usize = 4;

/// The gradient for the weight `[c_out, c_in, 3, 3]`, given that of the output.
pub(in super::super) fn weight_gradient(
    x: &[f32],
    dy: &[f32],
    shape: &ConvShape,
    choice: Choice,
) -> Vec<f32> {
    let cut = Cut::of(shape, choice, MANY, MOST, RUNS);
    let image = shape.c_in * shape.h * shape.w;
    let output = shape.c_out * shape.h_out * shape.w_out;
    let len = shape.c_out * shape.c_in * TAPS;
    let work = |run: Range<usize>, dw: &mut [f32], _: &mut ()| {
        let mut scratch = SCRATCH.take();
        let x = &x[run.start * image..run.end * image];
        let gradient = Gradient {
            part: Part { x, shape, cut },
            dy: &dy[run.start * output..run.end * output],
            dw,
            scratch: &mut scratch,
        };
        carry_out(gradient, choice);
        SCRATCH.set(scratch);
    };
    sum_of_runs(shape.n, cut.images, len, work)
}

thread_local! {
    /// As for the convolution.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Memory that is used again by one run after the other.
#[derive(Debug, Default)]
struct Scratch {
    /// Some channels of an image or of dy, side by side, with their padding.
    padded: Vec<f32>,
    /// Transformed tiles of x: `[points][tiles][c_in]`.
    v: Vec<f32>,
    /// Transformed tiles of dy: `[points][tiles][block]`.
    m: Vec<f32>,
    /// Gradients of the transformed filters of a block: `[points][c_in][block]`.
    u: Vec<f32>,
    /// Gradients of the filters of a block, side by side, then one after the other.
    filters: [Vec<f32>; 2],
}

/// What some images add to the gradient.
struct Gradient<'a> {
    part: Part<'a>,
    dy: &'a [f32],
    dw: &'a mut [f32],
    scratch: &'a mut Scratch,
}

impl<'a> Work<'a> for Gradient<'a> {
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
        let &ConvShape { c_in, c_out, .. } = shape;
        let tiles = self.part.images() * rows.len() * cut.grid[1];
        let row = c_in.next_multiple_of(S::LANES);
        let width = N * S::LANES;
        let [v_plane, m_plane, u_plane] = [tiles * row, tiles * width, row * width].map(apart);
        for n in 0..N {
            self.transform::<S, F, IN, OUT>(simd, rows, first + n * S::LANES, [m_plane, width, n]);
        }
        let Scratch {
            v,
            m,
            u,
            filters: [aside, after],
            ..
        } = &mut *self.scratch;
        let u = room(u, IN * IN * u_plane);
        for point in 0..IN * IN {
            let v = &v[point * v_plane..][..tiles * row];
            let m = &m[point * m_plane..][..tiles * width];
            let u = &mut u[point * u_plane..][..row * width];
            let most = if S::TILE >= 3 { 8 } else { 4 };
            let mut at = 0;
            while at < c_in {
                let left = c_in - at;
                let size = if left >= most {
                    most
                } else {
                    1 << left.ilog2()
                };
                let u = &mut u[at * width..];
                match size {
                    8 => tile::<S, 8, N>(simd, v, row, at, m, u),
                    4 => tile::<S, 4, N>(simd, v, row, at, m, u),
                    2 => tile::<S, 2, N>(simd, v, row, at, m, u),
                    _ => tile::<S, 1, N>(simd, v, row, at, m, u),
                }
                at += size;
            }
        }
        let aside = room(aside, c_in * TAPS * S::LANES);
        let after = room(after, c_in * TAPS * S::LANES);
        for n in 0..N {
            let first = first + n * S::LANES;
            if first >= c_out {
                break;
            }
            for (i, to) in aside.chunks_exact_mut(TAPS * S::LANES).enumerate() {
                let at = i * width + n * S::LANES;
                both(
                    simd.splat(0.0),
                    #[inline(always)]
                    |y, x| simd.read(&S::chunks(&u[(y * IN + x) * u_plane + at..])[0]),
                    #[inline(always)]
                    |g| F::weight_back(simd, g),
                    #[inline(always)]
                    |y, g: [S::Vector; 3]| {
                        for x in 0..3 {
                            simd.store(g[x], &mut to[(3 * y + x) * S::LANES..]);
                        }
                    },
                );
            }
            let count = (c_out - first).min(S::LANES);
            let to = Rows {
                at: 0,
                step: c_in * TAPS,
                len: c_in * TAPS,
                count,
            };
            scatter(simd, aside, to, after, None);
            let dw = &mut self.dw[first * c_in * TAPS..][..count * c_in * TAPS];
            for (dw, g) in dw.iter_mut().zip(&*after) {
                *dw += g;
            }
        }
    }
}

impl Gradient<'_> {
    /// A dy A^T of all tiles of these rows, for a vector of output channels.
    #[inline(always)]
    fn transform<S: Simd, F: Form<IN, OUT>, const IN: usize, const OUT: usize>(
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
        let Scratch { padded, m, .. } = &mut *self.scratch;
        let across = OUT * cut.grid[1];
        let padded = room(padded, OUT * rows.len() * across * S::LANES);
        let m = room(m, IN * IN * plane);
        let per_image = rows.len() * cut.grid[1];
        for (image, dy) in self.dy.chunks_exact(c_out * h_out * w_out).enumerate() {
            for (i, line) in padded.chunks_exact_mut(across * S::LANES).enumerate() {
                let y = OUT * rows.start + i;
                if y >= h_out || first >= c_out {
                    line.fill(0.0);
                    continue;
                }
                line[w_out * S::LANES..].fill(0.0);
                let from = Rows {
                    at: (first * h_out + y) * w_out,
                    step: h_out * w_out,
                    len: w_out,
                    count: (c_out - first).min(S::LANES),
                };
                gather(simd, dy, from, line);
            }
            let chunks = S::chunks(padded);
            for tile in 0..per_image {
                let (ty, tx) = (tile / cut.grid[1], tile % cut.grid[1]);
                let first = ty * OUT * across + tx * OUT;
                let at = (image * per_image + tile) * width + n * S::LANES;
                both(
                    simd.splat(0.0),
                    #[inline(always)]
                    |i, j| simd.read(&chunks[first + i * across + j]),
                    #[inline(always)]
                    |d| F::output_back(simd, d),
                    #[inline(always)]
                    |i, d: [S::Vector; IN]| {
                        let points = &mut m[i * IN * plane + at..];
                        for j in 0..IN {
                            simd.store(d[j], &mut points[j * plane..]);
                        }
                    },
                );
            }
        }
    }
}

/// u = v^T m for `M` input channels from `first` on by `N` vectors, which stay in registers while all tiles go by.
#[inline(always)]
fn tile<S: Simd, const M: usize, const N: usize>(
    simd: S,
    v: &[f32],
    row: usize,
    first: usize,
    m: &[f32],
    to: &mut [f32],
) {
    let mut sums = [[simd.splat(0.0); N]; M];
    let vectors = S::chunks(m).chunks_exact(N);
    for (v, m) in v.chunks_exact(row).zip(vectors) {
        let v = &v[first..][..M];
        let mut vectors = [simd.splat(0.0); N];
        for n in 0..N {
            vectors[n] = simd.read(&m[n]);
        }
        for i in 0..M {
            let value = simd.splat(v[i]);
            for n in 0..N {
                sums[i][n] = simd.mul_add(value, vectors[n], sums[i][n]);
            }
        }
    }
    let to = &mut to[..M * N * S::LANES];
    for i in 0..M {
        for n in 0..N {
            simd.store(sums[i][n], &mut to[(i * N + n) * S::LANES..]);
        }
    }
}
