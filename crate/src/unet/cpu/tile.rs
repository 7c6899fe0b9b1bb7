//! One image's convolution from padded planes: vectors run along pixels, and each tile of channels by pixels
//! stays in registers while all channels and taps of the input go by.

use super::conv::Added;
use super::planes::copy;
use super::simd::{Simd, Vectorised};

/// Channels that a tile of outputs covers.
const CHANNELS: usize = if cfg!(target_arch = "wasm32") { 4 } else { 8 };

/// Weights in the order in which the kernel reads them: `[blocks of output channels][c_in][taps][channels of the block]`.
#[derive(Debug)]
pub(super) struct Packed {
    values: Vec<f32>,
    c_out: usize,
    per_channel: usize,
}

impl Packed {
    /// Packs `[c_out, per_channel]`, as weights are stored. This is done for every batch, so it must be quick.
    pub(super) fn rows(weight: &[f32], c_out: usize, per_channel: usize) -> Self {
        let mut values = vec![0.0; c_out * per_channel];
        for (first, size) in blocks(c_out) {
            let range = first * per_channel..(first + size) * per_channel;
            let (rows, block) = (&weight[range.clone()], &mut values[range]);
            match size {
                8 => transpose::<8>(rows, per_channel, block),
                4 => transpose::<4>(rows, per_channel, block),
                2 => transpose::<2>(rows, per_channel, block),
                _ => block.copy_from_slice(rows),
            }
        }
        Self {
            values,
            c_out,
            per_channel,
        }
    }

    /// Packs `[per_channel, c_out]`: the weights of an output channel are a column.
    pub(super) fn columns(weight: &[f32], c_out: usize, per_channel: usize) -> Self {
        let mut values = vec![0.0; c_out * per_channel];
        for (first, size) in blocks(c_out) {
            let block = &mut values[first * per_channel..][..size * per_channel];
            let rows = weight.chunks_exact(c_out);
            for (to, row) in block.chunks_exact_mut(size).zip(rows) {
                to.copy_from_slice(&row[first..first + size]);
            }
        }
        Self {
            values,
            c_out,
            per_channel,
        }
    }

    /// Packs the weights of `c_out` output channels: `row(o)` are the `per_channel` of one, by input channel and tap.
    #[cfg(feature = "learn")]
    pub(super) fn new<Row: Iterator<Item = f32>>(
        c_out: usize,
        per_channel: usize,
        row: impl Fn(usize) -> Row,
    ) -> Self {
        let mut values = vec![0.0; c_out * per_channel];
        for (first, size) in blocks(c_out) {
            let block = &mut values[first * per_channel..][..size * per_channel];
            let row = |m| row(first + m);
            match size {
                8 => interleave::<8, _>(block, row),
                4 => interleave::<4, _>(block, row),
                2 => interleave::<2, _>(block, row),
                _ => interleave::<1, _>(block, row),
            }
        }
        Self {
            values,
            c_out,
            per_channel,
        }
    }
}

/// Writes `M` rows of `len` values as `len` rows of `M`, in squares that compilers make vector shuffles of.
fn transpose<const M: usize>(rows: &[f32], len: usize, to: &mut [f32]) {
    const SIDE: usize = 4;
    let row = |m: usize| &rows[m * len..(m + 1) * len];
    let mut squares: [_; M] = std::array::from_fn(|m| row(m).as_chunks::<SIDE>().0.iter());
    let mut columns = to.as_chunks_mut::<M>().0.chunks_exact_mut(SIDE);
    for columns in &mut columns {
        let square: [[f32; SIDE]; M] =
            std::array::from_fn(|m| squares[m].next().copied().unwrap_or_default());
        for (k, column) in columns.iter_mut().enumerate() {
            *column = std::array::from_fn(|m| square[m][k]);
        }
    }
    let rest = columns.into_remainder();
    for (k, column) in (len - rest.len()..).zip(rest) {
        *column = std::array::from_fn(|m| row(m)[k]);
    }
}

/// Writes the first values of `M` rows, then their second ones, and so on.
#[cfg(feature = "learn")]
fn interleave<const M: usize, Row: Iterator<Item = f32>>(
    to: &mut [f32],
    row: impl Fn(usize) -> Row,
) {
    let mut rows: [Row; M] = std::array::from_fn(row);
    for values in to.as_chunks_mut::<M>().0 {
        for (value, row) in values.iter_mut().zip(&mut rows) {
            *value = row.next().unwrap_or(0.0);
        }
    }
}

/// Runs of output channels that are computed together, `(first, length)`: what full blocks leave comes in powers of two.
fn blocks(c_out: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut first = 0;
    std::iter::from_fn(move || {
        let left = c_out - first;
        let size = if left >= CHANNELS {
            CHANNELS
        } else {
            1 << left.checked_ilog2()?
        };
        first += size;
        Some((first - size, size))
    })
}

/// One image's convolution, y = W x + bias.
pub(super) struct Forward<'a> {
    /// How far each tap reads from the position of its output.
    pub(super) taps: &'a [usize],
    /// The image in padded planes; what follows its last position is read, too, as far as a tile's width, and does not count.
    pub(super) x: &'a [f32],
    /// Values of a channel of it.
    pub(super) channel: usize,
    /// From a row to the next, for input and output.
    pub(super) pitch: usize,
    /// Height and width of the output.
    pub(super) output: [usize; 2],
    pub(super) weights: &'a Packed,
    /// Without a bias, that of all channels is 0.
    pub(super) added: Added<'a>,
    /// `[c_out, height, width]`.
    pub(super) y: &'a mut [f32],
    /// Memory for a block of outputs.
    pub(super) scratch: &'a mut Vec<f32>,
}

impl Vectorised for Forward<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let ([h, w], pitch) = (self.output, self.pitch);
        let vectors = ((h - 1) * pitch + w).div_ceil(S::LANES);
        let line = vectors * S::LANES;
        self.scratch.resize(CHANNELS * line, 0.0);
        for (first, size) in blocks(self.weights.c_out) {
            let weights = self.weights.per_channel;
            let part = Block {
                channel: self.channel,
                taps: self.taps,
                x: self.x,
                weights: &self.weights.values[first * weights..][..size * weights],
                bias: self.added.bias.get(first..first + size).unwrap_or(&[]),
                vectors,
            };
            match size {
                8 => part.run::<S, 8>(simd, self.scratch),
                4 => part.run::<S, 4>(simd, self.scratch),
                2 => part.run::<S, 2>(simd, self.scratch),
                _ => part.run::<S, 1>(simd, self.scratch),
            }
            let y = &mut self.y[first * h * w..][..size * h * w];
            for (y, padded) in y
                .chunks_exact_mut(h * w)
                .zip(self.scratch.chunks_exact(line))
            {
                for (y, padded) in y.chunks_exact_mut(w).zip(padded.chunks(pitch)) {
                    copy(&padded[..w], y);
                }
            }
            if let Some(residual) = self.added.residual {
                for (y, residual) in y.iter_mut().zip(&residual[first * h * w..]) {
                    *y += residual;
                }
            }
        }
    }
}

/// Some output channels of one image.
struct Block<'a> {
    channel: usize,
    taps: &'a [usize],
    x: &'a [f32],
    weights: &'a [f32],
    bias: &'a [f32],
    /// Vectors in an output channel, at the pitch of the planes.
    vectors: usize,
}

impl Block<'_> {
    /// All tiles of `M` channels; the last two share what is left, so that neither is too narrow to be quick.
    #[inline(always)]
    fn run<S: Simd, const M: usize>(&self, simd: S, out: &mut [f32]) {
        let mut at = 0;
        while at < self.vectors {
            let left = self.vectors - at;
            let position = at * S::LANES;
            at += if S::TILE >= 3 && left != 4 && left >= 3 {
                self.tile::<S, M, 3>(simd, position, out)
            } else if S::TILE >= 2 && left >= 2 {
                self.tile::<S, M, 2>(simd, position, out)
            } else {
                self.tile::<S, M, 1>(simd, position, out)
            };
        }
    }

    /// `M` channels by `N` vectors from `position` on; returns `N`.
    #[inline(always)]
    fn tile<S: Simd, const M: usize, const N: usize>(
        &self,
        simd: S,
        position: usize,
        out: &mut [f32],
    ) -> usize {
        let mut sums = [[simd.splat(0.0); N]; M];
        for (m, sums) in sums.iter_mut().enumerate() {
            *sums = [simd.splat(self.bias.get(m).copied().unwrap_or(0.0)); N];
        }
        let channels = self.weights.chunks_exact(M * self.taps.len());
        for (i, weights) in channels.enumerate() {
            let first = i * self.channel + position;
            for (&tap, weights) in self.taps.iter().zip(weights.chunks_exact(M)) {
                let x = &S::chunks(&self.x[first + tap..])[..N];
                let mut vectors = [simd.splat(0.0); N];
                for n in 0..N {
                    vectors[n] = simd.read(&x[n]);
                }
                for m in 0..M {
                    let weight = simd.splat(weights[m]);
                    for n in 0..N {
                        sums[m][n] = simd.mul_add(weight, vectors[n], sums[m][n]);
                    }
                }
            }
        }
        let line = self.vectors * S::LANES;
        for m in 0..M {
            let out = &mut out[m * line + position..][..N * S::LANES];
            for n in 0..N {
                simd.store(sums[m][n], &mut out[n * S::LANES..]);
            }
        }
        N
    }
}
