//! Linear layers of a vector for each image. They are too small for a matrix product that arranges its operands first.

use super::parallel::for_each_chunk;
use super::simd::{Simd, Vectorised, dispatch};

/// Outputs that are computed together.
const ROWS: usize = 4;

/// y = W x + b: `[n, d_out]` from x `[n, d_in]` and `weight` `[d_out, d_in]`.
pub(super) fn forward(x: &[f32], weight: &[f32], bias: &[f32], n: usize) -> Vec<f32> {
    let (d_in, d_out) = (x.len() / n, bias.len());
    let mut y = bias.repeat(n);
    for_each_chunk(&mut y, d_out, |image, y, _: &mut ()| {
        let x = &x[image * d_in..][..d_in];
        dispatch(Image { x, weight, y });
    });
    y
}

/// Adds W x to `y`.
struct Image<'a> {
    x: &'a [f32],
    weight: &'a [f32],
    y: &'a mut [f32],
}

impl Vectorised for Image<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let d_in = self.x.len();
        let mut blocks = self.y.chunks_exact_mut(ROWS);
        let mut weights = self.weight.chunks_exact(ROWS * d_in);
        for (y, weight) in (&mut blocks).zip(&mut weights) {
            rows::<S, ROWS>(simd, self.x, weight, y);
        }
        let weights = weights.remainder().chunks_exact(d_in);
        for (y, weight) in blocks.into_remainder().chunks_exact_mut(1).zip(weights) {
            rows::<S, 1>(simd, self.x, weight, y);
        }
    }
}

/// `M` rows of the weight.
#[inline(always)]
fn rows<S: Simd, const M: usize>(simd: S, x: &[f32], weight: &[f32], y: &mut [f32]) {
    let vectors = S::chunks(x);
    let whole = vectors.len() * S::LANES;
    let mut chunks = [S::chunks(weight); M];
    for m in 0..M {
        chunks[m] = &S::chunks(&weight[m * x.len()..][..x.len()])[..vectors.len()];
    }
    let mut sums = [simd.splat(0.0); M];
    for (i, x) in vectors.iter().enumerate() {
        let x = simd.read(x);
        for m in 0..M {
            sums[m] = simd.mul_add(x, simd.read(&chunks[m][i]), sums[m]);
        }
    }
    for m in 0..M {
        let rest = &weight[m * x.len() + whole..(m + 1) * x.len()];
        let rest: f32 = rest.iter().zip(&x[whole..]).map(|(w, x)| w * x).sum();
        y[m] += simd.sum(sums[m]) + rest;
    }
}
