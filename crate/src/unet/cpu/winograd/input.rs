//! Images cut into tiles, and their transform.

use super::super::conv::ConvShape;
use super::super::simd::Simd;
use super::forms::{Form, both};
use super::lanes::{Rows, gather};
use std::ops::Range;

/// Distances in memory that are not powers of two, so that the points do not share the same few cache lines.
pub(super) fn apart(values: usize) -> usize {
    (values.div_ceil(16) | 1) * 16
}

/// The first `len` values of memory that only ever grows; the caller must write all of them.
pub(super) fn room(memory: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if memory.len() < len {
        memory.resize(len, 0.0);
    }
    &mut memory[..len]
}

/// Some rows of tiles of some images.
pub(super) struct Input<'a> {
    /// `[images, c_in, h, w]`
    pub(super) x: &'a [f32],
    pub(super) shape: &'a ConvShape,
    /// Tiles in a row.
    pub(super) across: usize,
    pub(super) rows: Range<usize>,
}

impl Input<'_> {
    /// B^T d B of all tiles: `[points][tiles][c_in in whole vectors]`. `padded` is memory for some channels of an image.
    #[inline(always)]
    pub(super) fn transform<S: Simd, F: Form<IN, OUT>, const IN: usize, const OUT: usize>(
        &self,
        simd: S,
        padded: &mut Vec<f32>,
        v: &mut Vec<f32>,
    ) {
        let &ConvShape { c_in, h, w, .. } = self.shape;
        let row = c_in.next_multiple_of(S::LANES);
        let width = OUT * self.across + 2;
        let per_image = self.rows.len() * self.across;
        let plane = apart(self.x.len() / (c_in * h * w) * per_image * row);
        let v = room(v, IN * IN * plane);
        let padded = room(padded, (OUT * self.rows.len() + 2) * width * S::LANES);
        for (image, x) in self.x.chunks_exact(c_in * h * w).enumerate() {
            for channel in (0..c_in).step_by(S::LANES) {
                self.pad(simd, x, OUT * self.rows.start, channel, width, padded);
                let chunks = S::chunks(padded);
                for tile in 0..per_image {
                    let (ty, tx) = (tile / self.across, tile % self.across);
                    let first = ty * OUT * width + tx * OUT;
                    let at = (image * per_image + tile) * row + channel;
                    both(
                        simd.splat(0.0),
                        #[inline(always)]
                        |i, j| simd.read(&chunks[first + i * width + j]),
                        #[inline(always)]
                        |d| F::data(simd, d),
                        #[inline(always)]
                        |i, d: [S::Vector; IN]| {
                            let points = &mut v[i * IN * plane + at..];
                            for j in 0..IN {
                                simd.store(d[j], &mut points[j * plane..]);
                            }
                        },
                    );
                }
            }
        }
    }

    /// A vector of channels of an image from row `top` of the padded image on, `width` pixels a row.
    #[inline(always)]
    fn pad<S: Simd>(
        &self,
        simd: S,
        x: &[f32],
        top: usize,
        channel: usize,
        width: usize,
        to: &mut [f32],
    ) {
        let &ConvShape {
            c_in,
            h,
            w,
            padding,
            ..
        } = self.shape;
        for (i, line) in to.chunks_exact_mut(width * S::LANES).enumerate() {
            let Some(y) = (top + i).checked_sub(padding).filter(|&y| y < h) else {
                line.fill(0.0);
                continue;
            };
            line[..padding * S::LANES].fill(0.0);
            line[(padding + w) * S::LANES..].fill(0.0);
            let from = Rows {
                at: (channel * h + y) * w,
                step: h * w,
                len: w,
                count: (c_in - channel).min(S::LANES),
            };
            gather(simd, x, from, &mut line[padding * S::LANES..]);
        }
    }
}
