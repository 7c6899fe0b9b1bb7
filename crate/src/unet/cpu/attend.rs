//! Attention (Vaswani et al. 2017, eq. 1) by blocks of queries, so that a large map's scores are never all there at once.
//!
//! Both of its products are convolutions of one pixel: the scores are the queries weighed by the keys, and the output is
//! the scores weighed by the values. Queries lie side by side in vectors all the way.

use super::conv::Added;
use super::memory::buffer;
use super::norm::exp;
use super::parallel::for_each_chunk;
use super::simd::{dispatch, vectorised};
use super::tile::{Forward, Packed};

/// Queries of a block: some of the widest vectors.
const BLOCK: usize = 64;
/// What queries are filled up to, so that vectors end where they do.
const FULL: usize = 16;

/// The sizes of an attention.
#[derive(Debug, Clone, Copy)]
pub(super) struct AttendShape {
    pub(super) n: usize,
    pub(super) heads: usize,
    pub(super) head_dim: usize,
    pub(super) pixels: usize,
}

impl AttendShape {
    /// Values of a head.
    fn head(&self) -> usize {
        self.head_dim * self.pixels
    }
}

/// Memory for a block of queries.
#[derive(Debug, Default)]
struct Scratch {
    queries: Vec<f32>,
    scores: Vec<f32>,
    sums: Vec<f32>,
    out: Vec<f32>,
    tile: Vec<f32>,
}

/// softmax(q^T k / sqrt(d)) v of each head: q, k, v and the result are `[n, heads, head_dim, pixels]`.
pub(super) fn forward([q, k, v]: [&[f32]; 3], shape: &AttendShape) -> Vec<f32> {
    let mut y = buffer(q.len());
    for_each_chunk(&mut y, shape.head(), |head, y, scratch: &mut Scratch| {
        let [q, k, v] = [q, k, v].map(|x| &x[head * shape.head()..][..shape.head()]);
        let keys = Packed::columns(k, shape.pixels, shape.head_dim);
        let values = Packed::rows(v, shape.head_dim, shape.pixels);
        for first in (0..shape.pixels).step_by(BLOCK) {
            let width = scores(q, &keys, shape, first, scratch);
            let Scratch {
                scores,
                sums,
                out,
                tile,
                ..
            } = scratch;
            out.resize(shape.head_dim * width, 0.0);
            weigh(scores, width, &values, out, tile);
            let pixels = y.chunks_exact_mut(shape.pixels);
            for (y, out) in pixels.zip(out.chunks_exact(width)) {
                for ((y, out), sum) in y[first..].iter_mut().zip(out).zip(&*sums) {
                    *y = out / sum;
                }
            }
        }
    });
    y
}

/// The attention itself: `[n, heads, pixels, pixels]`, a row for each query, summing to 1.
pub(super) fn weights([q, k]: [&[f32]; 2], shape: &AttendShape) -> Vec<f32> {
    let pixels = shape.pixels;
    let mut weights = vec![0.0; shape.n * shape.heads * pixels * pixels];
    for_each_chunk(
        &mut weights,
        pixels * pixels,
        |head, to, scratch: &mut Scratch| {
            let [q, k] = [q, k].map(|x| &x[head * shape.head()..][..shape.head()]);
            let keys = Packed::columns(k, pixels, shape.head_dim);
            for first in (0..pixels).step_by(BLOCK) {
                let width = scores(q, &keys, shape, first, scratch);
                let rows = to[first * pixels..].chunks_exact_mut(pixels);
                for (query, row) in rows.take(BLOCK).enumerate() {
                    let column = scratch.scores[query..].iter().step_by(width);
                    for (to, score) in row.iter_mut().zip(column) {
                        *to = score / scratch.sums[query];
                    }
                }
            }
        },
    );
    weights
}

/// e^(score - the query's largest) of a block of queries from `first` on, `[pixels, width]`, and each query's sum of them;
/// returns the width.
fn scores(
    q: &[f32],
    keys: &Packed,
    shape: &AttendShape,
    first: usize,
    scratch: &mut Scratch,
) -> usize {
    let count = BLOCK.min(shape.pixels - first);
    let width = count.next_multiple_of(FULL);
    let scale = (shape.head_dim as f32).sqrt().recip();
    let Scratch {
        queries,
        scores,
        sums,
        tile,
        ..
    } = scratch;
    queries.clear();
    queries.resize(shape.head_dim * width, 0.0);
    let channels = q.chunks_exact(shape.pixels);
    for (to, q) in queries.chunks_exact_mut(width).zip(channels) {
        for (to, q) in to.iter_mut().zip(&q[first..first + count]) {
            *to = q * scale;
        }
    }
    scores.resize(shape.pixels * width, 0.0);
    weigh(queries, width, keys, scores, tile);
    sums.resize(width, 0.0);
    vectorised(
        #[inline(always)]
        || exponentiate(scores, sums),
    );
    width
}

/// Makes scores `[pixels, width]` what they are the logarithms of, relative to the largest of each column, and sums columns.
#[inline(always)]
fn exponentiate(scores: &mut [f32], sums: &mut [f32]) {
    let mut largest = [f32::NEG_INFINITY; BLOCK];
    let largest = &mut largest[..sums.len()];
    for row in scores.chunks_exact(sums.len()) {
        for (largest, score) in largest.iter_mut().zip(row) {
            *largest = largest.max(*score);
        }
    }
    sums.fill(0.0);
    for row in scores.chunks_exact_mut(sums.len()) {
        for ((score, sum), largest) in row.iter_mut().zip(&mut *sums).zip(&*largest) {
            *score = exp(*score - largest);
            *sum += *score;
        }
    }
}

/// y `[c_out, width]` of x `[c_in, width]`, which fills its vectors.
fn weigh(x: &[f32], width: usize, weights: &Packed, y: &mut [f32], tile: &mut Vec<f32>) {
    dispatch(Forward {
        taps: &[0],
        x,
        channel: width,
        pitch: width,
        output: [1, width],
        weights,
        added: Added::NOTHING,
        y,
        scratch: tile,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::NoiseStream;

    /// Attention and output of one head, by their formula.
    fn by_formula([q, k, v]: [&[f32]; 3], d: usize, pixels: usize) -> [Vec<f64>; 2] {
        let at = |x: &[f32], i: usize, pixel: usize| f64::from(x[i * pixels + pixel]);
        let row = |query: usize| -> Vec<f64> {
            let score = |key| (0..d).map(|i| at(q, i, query) * at(k, i, key)).sum::<f64>();
            let scores = (0..pixels).map(|key| (score(key) / (d as f64).sqrt()).exp());
            let total: f64 = scores.clone().sum();
            scores.map(|score| score / total).collect()
        };
        let weights: Vec<Vec<f64>> = (0..pixels).map(row).collect();
        let out = (0..d).flat_map(|i| {
            let weigh = move |row: &Vec<f64>| (0..).zip(row).map(|(j, w)| w * at(v, i, j)).sum();
            weights.iter().map(weigh)
        });
        [out.collect(), weights.concat()]
    }

    #[test]
    fn attention_is_what_its_formula_says_however_many_pixels_there_are() {
        // Fewer than a block, a whole one, and what no block of vectors divides.
        for (n, heads, head_dim, pixels) in
            [(1, 1, 8, 1), (2, 3, 5, 49), (1, 2, 8, 64), (1, 2, 3, 150)]
        {
            let shape = AttendShape {
                n,
                heads,
                head_dim,
                pixels,
            };
            let len = n * heads * head_dim * pixels;
            let [q, k, v] = [1, 2, 3].map(|seed| NoiseStream::new(seed).normal(len));
            // Scores far from 0, too.
            let k: Vec<f32> = k.iter().map(|x| 5.0 * x).collect();
            let found = [forward([&q, &k, &v], &shape), weights([&q, &k], &shape)];
            let head = |x: &[f32], i: usize| x[i * shape.head()..][..shape.head()].to_vec();
            let expected = (0..n * heads).map(|i| {
                let [q, k, v] = [&q, &k, &v].map(|x| head(x, i));
                by_formula([&q, &k, &v], head_dim, pixels)
            });
            let [out, attention]: [Vec<_>; 2] = expected
                .fold(Default::default(), |[a, b], [c, d]| {
                    [[a, c].concat(), [b, d].concat()]
                });
            for (found, expected) in found.iter().zip([out, attention]) {
                assert_eq!(found.len(), expected.len());
                let apart = (found.iter().zip(&expected))
                    .map(|(x, y)| (f64::from(*x) - y).abs())
                    .fold(0.0, f64::max);
                assert!(apart < 1e-5, "{shape:?}: {apart}");
            }
        }
    }
}
