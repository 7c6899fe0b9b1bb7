//! Convolution of any stride as matrix products over tiles of rows that stay in the cache, forward and backward.
//!
//! For each image and each tile of output rows the receptive fields are unfolded into a matrix `[c_in k k, pixels]`
//! ("im2col"); then y = W cols. Backward: dW += dy cols^T, and dx gathers W^T dy back ("col2im").

use super::conv::{Added, ConvShape};
use super::matmul::{Strides, matmul};
use super::memory::buffer;
use super::parallel::for_each_chunk;
#[cfg(feature = "native")]
use super::parallel::for_each_run_summing;
use std::ops::Range;

/// Values in the unfolded tile: a quarter of a megabyte, which second-level caches hold beside the rest.
const TILE: usize = 1 << 16;

/// Images whose share of the weights' gradient is summed together.
#[cfg(feature = "native")]
const RUN: usize = 4;

impl ConvShape {
    /// Rows of the unfolded matrix.
    fn depth(&self) -> usize {
        self.c_in * self.kernel[0] * self.kernel[1]
    }

    /// Runs of output rows that are unfolded together.
    fn tiles(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let rows = (TILE / (self.depth() * self.w_out)).clamp(1, self.h_out);
        let h_out = self.h_out;
        (0..h_out)
            .step_by(rows)
            .map(move |first| first..(first + rows).min(h_out))
    }

    /// Output columns whose tap `kx` falls inside the input, and the input column of the first of them.
    fn columns(&self, kx: usize) -> (Range<usize>, usize) {
        let first = self.padding.saturating_sub(kx).div_ceil(self.stride);
        let end = (self.w + self.padding)
            .saturating_sub(kx)
            .div_ceil(self.stride)
            .min(self.w_out);
        (
            first.min(end)..end,
            first * self.stride + kx - self.padding.min(first * self.stride + kx),
        )
    }

    /// The input row that tap `ky` of output row `row` reads, if it lies inside the image.
    fn input_row(&self, row: usize, ky: usize) -> Option<usize> {
        (row * self.stride + ky)
            .checked_sub(self.padding)
            .filter(|&y| y < self.h)
    }
}

/// Unfolds the receptive fields of the output `rows` of one image into `cols` `[depth, pixels]`.
fn im2col(x: &[f32], cols: &mut Vec<f32>, shape: &ConvShape, rows: &Range<usize>) {
    let pixels = rows.len() * shape.w_out;
    // What lies outside the image is zeroed row by row below; nothing else of an earlier tile survives.
    cols.resize(shape.depth() * pixels, 0.0);
    let [kh, kw] = shape.kernel;
    let mut lines = cols.chunks_exact_mut(shape.w_out);
    for c in 0..shape.c_in {
        let plane = &x[c * shape.h * shape.w..][..shape.h * shape.w];
        for ky in 0..kh {
            for kx in 0..kw {
                let (columns, x0) = shape.columns(kx);
                for row in rows.clone() {
                    let Some(line) = lines.next() else { return };
                    let Some(y) = shape.input_row(row, ky) else {
                        line.fill(0.0);
                        continue;
                    };
                    line[..columns.start].fill(0.0);
                    line[columns.end..].fill(0.0);
                    let source = &plane[y * shape.w + x0..(y + 1) * shape.w];
                    let line = &mut line[columns.clone()];
                    if shape.stride == 1 {
                        line.copy_from_slice(&source[..line.len()]);
                    } else {
                        for (value, x) in line.iter_mut().zip(source.iter().step_by(shape.stride)) {
                            *value = *x;
                        }
                    }
                }
            }
        }
    }
}

/// Adds the unfolded gradient of the output `rows` back onto the image it came from.
#[cfg(feature = "native")]
fn col2im(cols: &[f32], dx: &mut [f32], shape: &ConvShape, rows: &Range<usize>) {
    let [kh, kw] = shape.kernel;
    let mut lines = cols.chunks_exact(shape.w_out);
    for plane in dx.chunks_exact_mut(shape.h * shape.w) {
        for ky in 0..kh {
            for kx in 0..kw {
                let (columns, x0) = shape.columns(kx);
                for row in rows.clone() {
                    let Some(line) = lines.next() else { return };
                    let Some(y) = shape.input_row(row, ky) else {
                        continue;
                    };
                    let line = &line[columns.clone()];
                    let target = &mut plane[y * shape.w + x0..(y + 1) * shape.w];
                    if shape.stride == 1 {
                        for (x, value) in target.iter_mut().zip(line) {
                            *x += value;
                        }
                    } else {
                        for (x, value) in target.iter_mut().step_by(shape.stride).zip(line) {
                            *x += value;
                        }
                    }
                }
            }
        }
    }
}

/// y = W cols + bias: `[n, c_out, h_out, w_out]`.
pub(super) fn forward(x: &[f32], weight: &[f32], added: Added, shape: &ConvShape) -> Vec<f32> {
    let (depth, area) = (shape.depth(), shape.h_out * shape.w_out);
    let image = shape.c_in * shape.h * shape.w;
    let mut y = buffer(shape.n * shape.c_out * area);
    for_each_chunk(&mut y, shape.c_out * area, |i, y, cols: &mut Vec<f32>| {
        let x = &x[i * image..][..image];
        let added = added.image(i, shape.c_out, shape.c_out * area);
        for (plane, &bias) in y.chunks_exact_mut(area).zip(added.bias) {
            plane.fill(bias);
        }
        if let Some(residual) = added.residual {
            for (y, residual) in y.iter_mut().zip(residual) {
                *y += residual;
            }
        }
        for rows in shape.tiles() {
            let (first, pixels) = (rows.start * shape.w_out, rows.len() * shape.w_out);
            im2col(x, cols, shape, &rows);
            matmul(
                (shape.c_out, depth, pixels),
                (&mut y[first..], Strides::rows(area)),
                (weight, Strides::rows(depth)),
                (cols, Strides::rows(pixels)),
                true,
            );
        }
    });
    y
}

/// The gradients for input, weight and bias, given that of the output; that of the input only if asked for.
#[cfg(feature = "native")]
pub(super) fn backward(
    x: &[f32],
    weight: &[f32],
    dy: &[f32],
    shape: &ConvShape,
    needs_dx: bool,
) -> (Option<Vec<f32>>, Vec<f32>) {
    let (depth, area) = (shape.depth(), shape.h_out * shape.w_out);
    let image = shape.c_in * shape.h * shape.w;
    let mut dx = buffer(shape.n * image);
    let dw = for_each_run_summing(
        &mut dx,
        image,
        RUN,
        shape.c_out * depth,
        |first, dx, dw, scratch: &mut Vec<f32>| {
            let mut dcols = Vec::new();
            for (offset, dx) in dx.chunks_exact_mut(image).enumerate() {
                dx.fill(0.0);
                let x = &x[(first + offset) * image..][..image];
                let dy = &dy[(first + offset) * shape.c_out * area..][..shape.c_out * area];
                for rows in shape.tiles() {
                    let (start, pixels) = (rows.start * shape.w_out, rows.len() * shape.w_out);
                    let dy = (&dy[start..], Strides::rows(area));
                    im2col(x, scratch, shape, &rows);
                    matmul(
                        (shape.c_out, pixels, depth),
                        (dw, Strides::rows(depth)),
                        dy,
                        (scratch, Strides::rows(pixels).transposed()),
                        true,
                    );
                    if !needs_dx {
                        continue;
                    }
                    let transposed = (weight, Strides::rows(depth).transposed());
                    dcols.resize(depth * pixels, 0.0);
                    let to = (&mut dcols[..], Strides::rows(pixels));
                    matmul((depth, shape.c_out, pixels), to, transposed, dy, false);
                    col2im(&dcols, dx, shape, &rows);
                }
            }
        },
    );
    (needs_dx.then_some(dx), dw)
}
