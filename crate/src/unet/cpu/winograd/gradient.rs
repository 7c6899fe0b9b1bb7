//! The gradient of the filters: the way forward in reverse, dg = G^T [(B^T d B) * (A dy A^T)] G, summed over tiles.

use super::super::conv::ConvShape;
use super::super::parallel::sum_of_runs;
use super::super::simd::{Simd, Vectorised, dispatch};
use super::forms::{Form, Four, Two, both};
use super::input::{Input, apart, room};
use super::lanes::{Rows, gather, scatter};
use super::{Choice, TAPS, TILES};
use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::Range;

/// Images in a run at most, so that there are enough runs for all cores.
const MOST: usize = 16;

/// The gradient for the weight `[c_out, c_in, 3, 3]`, given that of the output.
pub(in super::super) fn weight_gradient(
    x: &[f32],
    dy: &[f32],
    shape: &ConvShape,
    choice: Choice,
) -> Vec<f32> {
    let out = choice.out();
    let grid = [shape.h_out.div_ceil(out), shape.w_out.div_ceil(out)];
    let points = (out + 2) * (out + 2);
    let tiles = (TILES / (points * shape.c_in)).max(16);
    let images = (tiles / (grid[0] * grid[1])).clamp(1, MOST);
    let rows = (tiles / grid[1]).clamp(1, grid[0]);
    let image = shape.c_in * shape.h * shape.w;
    let output = shape.c_out * shape.h_out * shape.w_out;
    let len = shape.c_out * shape.c_in * TAPS;
    let work = |run: Range<usize>, dw: &mut [f32], _: &mut ()| {
        let mut scratch = SCRATCH.take();
        let run = Run {
            x: &x[run.start * image..run.end * image],
            dy: &dy[run.start * output..run.end * output],
            shape,
            grid,
            rows,
            dw,
            scratch: &mut scratch,
        };
        match choice {
            Choice::Two => dispatch(Formed(run, PhantomData::<Two>)),
            Choice::Four => dispatch(Formed(run, PhantomData::<Four>)),
        }
        SCRATCH.set(scratch);
    };
    sum_of_runs(shape.n, images, len, work)
}

thread_local! {
    /// As for the way forward.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Memory that runs take one after the other.
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

/// Some images, one after the other.
struct Run<'a> {
    x: &'a [f32],
    dy: &'a [f32],
    shape: &'a ConvShape,
    /// Rows and columns of tiles.
    grid: [usize; 2],
    /// Rows of tiles that are computed at a time.
    rows: usize,
    dw: &'a mut [f32],
    scratch: &'a mut Scratch,
}

struct Formed<'a, F>(Run<'a>, PhantomData<F>);

impl Vectorised for Formed<'_, Two> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        self.0.run::<S, Two, 4, 2>(simd);
    }
}

impl Vectorised for Formed<'_, Four> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        self.0.run::<S, Four, 6, 4>(simd);
    }
}

impl Run<'_> {
    #[inline(always)]
    fn run<S: Simd, F: Form<IN, OUT>, const IN: usize, const OUT: usize>(mut self, simd: S) {
        for top in (0..self.grid[0]).step_by(self.rows) {
            let rows = top..(top + self.rows).min(self.grid[0]);
            let input = Input {
                x: self.x,
                shape: self.shape,
                across: self.grid[1],
                rows: rows.clone(),
            };
            let Scratch { padded, v, .. } = &mut *self.scratch;
            input.transform::<S, F, IN, OUT>(simd, padded, v);
            let mut first = 0;
            while first < self.shape.c_out {
                if S::LANES < self.shape.c_out - first {
                    self.block::<S, F, IN, OUT, 2>(simd, &rows, first);
                    first += 2 * S::LANES;
                } else {
                    self.block::<S, F, IN, OUT, 1>(simd, &rows, first);
                    first += S::LANES;
                }
            }
        }
    }

    /// `N` vectors of output channels from `first` on.
    #[inline(always)]
    fn block<S: Simd, F: Form<IN, OUT>, const IN: usize, const OUT: usize, const N: usize>(
        &mut self,
        simd: S,
        rows: &Range<usize>,
        first: usize,
    ) {
        let &ConvShape {
            c_in,
            c_out,
            h_out,
            w_out,
            ..
        } = self.shape;
        let images = self.dy.len() / (c_out * h_out * w_out);
        let tiles = images * rows.len() * self.grid[1];
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
                let mut g = [[simd.splat(0.0); IN]; IN];
                for (y, g) in g.iter_mut().enumerate() {
                    for (x, g) in g.iter_mut().enumerate() {
                        let at = (y * IN + x) * u_plane + i * width + n * S::LANES;
                        *g = simd.read(&S::chunks(&u[at..][..S::LANES])[0]);
                    }
                }
                let g = both(
                    simd.splat(0.0),
                    &g,
                    #[inline(always)]
                    |g| F::weight_back(simd, g),
                );
                for y in 0..3 {
                    for x in 0..3 {
                        simd.store(g[y][x], &mut to[(3 * y + x) * S::LANES..]);
                    }
                }
            }
            let count = (c_out - first).min(S::LANES);
            let to = Rows {
                at: 0,
                step: c_in * TAPS,
                len: c_in * TAPS,
                count,
            };
            scatter(S::LANES, aside, S::LANES, to, after, None);
            let dw = &mut self.dw[first * c_in * TAPS..][..count * c_in * TAPS];
            for (dw, g) in dw.iter_mut().zip(&*after) {
                *dw += g;
            }
        }
    }

    /// A dy A^T of all tiles of these rows, for a vector of output channels.
    #[inline(always)]
    fn transform<S: Simd, F: Form<IN, OUT>, const IN: usize, const OUT: usize>(
        &mut self,
        simd: S,
        rows: &Range<usize>,
        first: usize,
        [plane, width, n]: [usize; 3],
    ) {
        let &ConvShape {
            c_out,
            h_out,
            w_out,
            ..
        } = self.shape;
        let Scratch { padded, m, .. } = &mut *self.scratch;
        let across = OUT * self.grid[1];
        let padded = room(padded, OUT * rows.len() * across * S::LANES);
        let m = room(m, IN * IN * plane);
        let per_image = rows.len() * self.grid[1];
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
                gather(S::LANES, dy, from, line);
            }
            let chunks = S::chunks(padded);
            for tile in 0..per_image {
                let (ty, tx) = (tile / self.grid[1], tile % self.grid[1]);
                let mut d = [[simd.splat(0.0); OUT]; OUT];
                for i in 0..OUT {
                    let chunks = &chunks[(ty * OUT + i) * across + tx * OUT..][..OUT];
                    for j in 0..OUT {
                        d[i][j] = simd.read(&chunks[j]);
                    }
                }
                let d = both(
                    simd.splat(0.0),
                    &d,
                    #[inline(always)]
                    |d| F::output_back(simd, d),
                );
                let at = (image * per_image + tile) * width + n * S::LANES;
                for i in 0..IN {
                    for j in 0..IN {
                        simd.store(d[i][j], &mut m[(i * IN + j) * plane + at..]);
                    }
                }
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
