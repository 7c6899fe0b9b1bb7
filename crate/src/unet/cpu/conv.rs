//! 2-D convolution, forward and backward: straight from padded planes where the stride is 1, unfolded elsewhere.

use super::{direct, unfold};
#[cfg(feature = "native")]
use super::{norm::lanes_sum, parallel::for_each_chunk, simd::vectorised};

/// The sizes of a convolution.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConvShape {
    pub(super) n: usize,
    pub(super) c_in: usize,
    pub(super) h: usize,
    pub(super) w: usize,
    pub(super) c_out: usize,
    pub(super) kernel: [usize; 2],
    pub(super) stride: usize,
    pub(super) padding: usize,
    pub(super) h_out: usize,
    pub(super) w_out: usize,
}

impl ConvShape {
    pub(super) fn new(
        [n, c_in, h, w]: [usize; 4],
        [c_out, _, kh, kw]: [usize; 4],
        stride: usize,
        padding: usize,
    ) -> Self {
        let out = |side: usize, k: usize| (side + 2 * padding - k) / stride + 1;
        Self {
            n,
            c_in,
            h,
            w,
            c_out,
            kernel: [kh, kw],
            stride,
            padding,
            h_out: out(h, kh),
            w_out: out(w, kw),
        }
    }

    pub(super) fn output(&self) -> [usize; 4] {
        [self.n, self.c_out, self.h_out, self.w_out]
    }
}

/// What is added to the output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Added<'a> {
    /// `[c_out]`, or `[n, c_out]`.
    pub(super) bias: &'a [f32],
    /// `[n, c_out, h_out, w_out]`.
    pub(super) residual: Option<&'a [f32]>,
}

impl<'a> Added<'a> {
    /// Neither.
    #[cfg(feature = "native")]
    pub(super) const NOTHING: Self = Self {
        bias: &[],
        residual: None,
    };

    /// What is added to image `i`, given the sizes of bias and output of an image.
    pub(super) fn image(self, i: usize, channels: usize, output: usize) -> Added<'a> {
        Added {
            bias: &self.bias[i * channels % self.bias.len()..][..channels],
            residual: self
                .residual
                .map(|residual| &residual[i * output..][..output]),
        }
    }
}

/// y = W x + bias + residual: `[n, c_out, h_out, w_out]`.
pub(super) fn forward(x: &[f32], weight: &[f32], added: Added, shape: &ConvShape) -> Vec<f32> {
    if direct::suits(shape) {
        direct::forward(x, weight, added, shape)
    } else {
        unfold::forward(x, weight, added, shape)
    }
}

/// The gradient for the bias, given that of the output: `[n, c_out]`, or `[c_out]`.
#[cfg(feature = "native")]
pub(super) fn bias_gradient(dy: &[f32], shape: &ConvShape, for_each_image: bool) -> Vec<f32> {
    let area = shape.h_out * shape.w_out;
    let mut db = vec![0.0; shape.n * shape.c_out];
    for_each_chunk(&mut db, shape.c_out, |i, db, _: &mut ()| {
        let dy = &dy[i * shape.c_out * area..][..shape.c_out * area];
        vectorised(
            #[inline(always)]
            || {
                for (db, plane) in db.iter_mut().zip(dy.chunks_exact(area)) {
                    *db = lanes_sum(plane, |dy| dy);
                }
            },
        );
    });
    if for_each_image {
        return db;
    }
    let mut total = vec![0.0; shape.c_out];
    for db in db.chunks_exact(shape.c_out) {
        for (total, db) in total.iter_mut().zip(db) {
            *total += db;
        }
    }
    total
}

/// The gradients for input and weight, given that of the output; that of the input only if asked for.
#[cfg(feature = "native")]
pub(super) fn backward(
    x: &[f32],
    weight: &[f32],
    dy: &[f32],
    shape: &ConvShape,
    needs_dx: bool,
) -> (Option<Vec<f32>>, Vec<f32>) {
    if direct::suits(shape) {
        direct::backward(x, weight, dy, shape, needs_dx)
    } else {
        unfold::backward(x, weight, dy, shape, needs_dx)
    }
}
