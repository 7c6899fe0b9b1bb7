//! The gradient of a convolution's weights from padded planes: vectors run along pixels, and a tile of the gradient stays in
//! registers while the pixels of some images go by.

use super::simd::{Simd, Vectorised};

/// Inputs that a tile of weights covers.
const ROWS: usize = 6;
/// Outputs that a tile of weights covers.
const OUTS: usize = 4;

/// Gradients of the weights, summed over some images: dW[o][i] += sum over positions of dy[o] x[i], where i counts
/// channels and taps of the input.
pub(super) struct WeightGradient<'a> {
    /// From image to image in `x` and `dy`.
    pub(super) images: [usize; 2],
    /// Where each i starts in an image of `x`.
    pub(super) rows: &'a [usize],
    pub(super) x: &'a [f32],
    /// Where each o starts in an image of `dy`.
    pub(super) outs: &'a [usize],
    /// Zero wherever there is no output.
    pub(super) dy: &'a [f32],
    pub(super) positions: usize,
    /// `[o, i]`.
    pub(super) dw: &'a mut [f32],
}

impl Vectorised for WeightGradient<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let length = self.positions.div_ceil(S::LANES);
        let width = self.rows.len();
        for (o, outs) in self.outs.chunks(OUTS).enumerate() {
            for (i, rows) in self.rows.chunks(ROWS).enumerate() {
                // What a tile at the edge lacks is computed twice, and dropped.
                let tile_outs: [usize; OUTS] = std::array::from_fn(|m| outs[m.min(outs.len() - 1)]);
                let tile_rows: [usize; ROWS] = std::array::from_fn(|n| rows[n.min(rows.len() - 1)]);
                let sums = self.tile(simd, tile_outs, tile_rows, length);
                for (m, sums) in sums.iter().enumerate().take(outs.len()) {
                    let dw = &mut self.dw[(o * OUTS + m) * width + i * ROWS..][..rows.len()];
                    for (dw, sum) in dw.iter_mut().zip(sums) {
                        *dw += sum;
                    }
                }
            }
        }
    }
}

impl WeightGradient<'_> {
    #[inline(always)]
    fn tile<S: Simd>(
        &self,
        simd: S,
        outs: [usize; OUTS],
        rows: [usize; ROWS],
        length: usize,
    ) -> [[f32; ROWS]; OUTS] {
        let mut sums = [[simd.splat(0.0); ROWS]; OUTS];
        let images = self.x.chunks_exact(self.images[0]);
        for (x, dy) in images.zip(self.dy.chunks_exact(self.images[1])) {
            let mut xs = [S::chunks(&[]); ROWS];
            for n in 0..ROWS {
                xs[n] = &S::chunks(&x[rows[n]..])[..length];
            }
            let mut dys = [S::chunks(&[]); OUTS];
            for m in 0..OUTS {
                dys[m] = &S::chunks(&dy[outs[m]..])[..length];
            }
            for at in 0..length {
                let mut dy = [simd.splat(0.0); OUTS];
                for m in 0..OUTS {
                    dy[m] = simd.read(&dys[m][at]);
                }
                for n in 0..ROWS {
                    let x = simd.read(&xs[n][at]);
                    for m in 0..OUTS {
                        sums[m][n] = simd.mul_add(dy[m], x, sums[m][n]);
                    }
                }
            }
        }
        let mut totals = [[0.0; ROWS]; OUTS];
        for m in 0..OUTS {
            for n in 0..ROWS {
                totals[m][n] = simd.sum(sums[m][n]);
            }
        }
        totals
    }
}
