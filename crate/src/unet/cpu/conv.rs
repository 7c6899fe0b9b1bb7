//! 2-D convolution, forward and backward, straight from padded planes: nothing is unfolded.
//!
//! The gradient of the input is a convolution too, of dy with the weights turned about; with stride s it is one for each
//! remainder of row and column modulo s, whose outputs are dealt out to the pixels.

use super::FlexTensor;
use super::memory::{buffer, keep};
use super::parallel::for_each_chunk;
#[cfg(feature = "learn")]
use super::parallel::for_each_run_summing;
#[cfg(feature = "learn")]
use super::planes::first_pixel;
use super::planes::{Planes, SLACK};
use super::simd::dispatch;
use super::tile::{Forward, Packed};
use super::winograd::{self, Choice, Filters, KeptFilters};
#[cfg(feature = "learn")]
use super::{norm::lanes_sum, simd::vectorised, weight_gradient::WeightGradient};

/// Values that the images of a run may take, so that second-level caches hold them while their gradients are computed.
#[cfg(feature = "learn")]
const RUN: usize = 3 << 17;
/// The most images in a run, so that there are enough runs for all cores.
#[cfg(feature = "learn")]
const MOST: usize = 8;

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

    /// The convolution that takes the gradient of the output to that of the input, if the stride is 1.
    #[cfg(feature = "learn")]
    fn turned(&self) -> Self {
        Self {
            n: self.n,
            c_in: self.c_out,
            h: self.h_out,
            w: self.w_out,
            c_out: self.c_in,
            kernel: self.kernel,
            stride: self.stride,
            padding: self.kernel[0] - 1 - self.padding,
            h_out: self.h,
            w_out: self.w,
        }
    }

    /// Whether the input can be laid out for it.
    pub(super) fn is_supported(&self) -> bool {
        self.stride > 1 || self.kernel.iter().all(|&side| self.padding < side)
    }

    fn planes(&self) -> Planes {
        Planes {
            channels: self.c_in,
            h: self.h,
            w: self.w,
            kernel: self.kernel,
            padding: [self.padding; 2],
            stride: self.stride,
        }
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
    pub(super) const NOTHING: Self = Self {
        bias: &[],
        residual: None,
    };

    /// What is added to image `i`, given the sizes of bias and output of an image.
    pub(super) fn image(self, i: usize, channels: usize, output: usize) -> Added<'a> {
        Added {
            bias: match self.bias.len() {
                0 => &[],
                all => &self.bias[i * channels % all..][..channels],
            },
            residual: self
                .residual
                .map(|residual| &residual[i * output..][..output]),
        }
    }
}

/// y = W x + bias + residual: `[n, c_out, h_out, w_out]`.
pub(super) fn forward(x: &[f32], weight: &[f32], added: Added, shape: &ConvShape) -> Vec<f32> {
    let Some(choice) = Choice::of(shape) else {
        return direct(x, weight, added, shape);
    };
    let filters = Filters {
        weight,
        turned: false,
    };
    winograd::convolve(x, filters, None, added, shape, choice)
}

/// The same with transformed filters that the layer keeps, where there is room for them.
pub(super) fn keeping(
    x: &[f32],
    weight: &FlexTensor,
    added: Added,
    shape: &ConvShape,
    kept: &KeptFilters,
) -> Vec<f32> {
    forward_keeping(x, weight, added, shape, kept)
        .unwrap_or_else(|| forward(x, weight.storage(), added, shape))
}

/// The same with transformed filters that the layer keeps, or `None` if it keeps none.
pub(super) fn forward_keeping(
    x: &[f32],
    weight: &FlexTensor,
    added: Added,
    shape: &ConvShape,
    kept: &KeptFilters,
) -> Option<Vec<f32>> {
    let choice = Choice::of(shape)?;
    let ready = kept.of(weight, shape, choice)?;
    let filters = Filters {
        weight: weight.storage(),
        turned: false,
    };
    Some(winograd::convolve(
        x,
        filters,
        Some(ready),
        added,
        shape,
        choice,
    ))
}

/// The same tap by tap.
pub(super) fn direct(x: &[f32], weight: &[f32], added: Added, shape: &ConvShape) -> Vec<f32> {
    let planes = shape.planes();
    let taps = planes.taps();
    let per_channel = shape.c_in * taps.len();
    let weights = Packed::rows(weight, shape.c_out, per_channel);
    let image = shape.c_in * shape.h * shape.w;
    let output = shape.c_out * shape.h_out * shape.w_out;
    let mut y = buffer(shape.n * output);
    let work = |i: usize, y: &mut [f32], scratch: &mut Scratch| {
        let x = &x[i * image..];
        let as_it_is = planes.are_an_image() && x.len() >= image + SLACK;
        if !as_it_is {
            scratch.pad(&x[..image], &planes);
        }
        let (x, channel) = match as_it_is {
            true => (x, shape.h * shape.w),
            false => (&scratch.padded[..], planes.channel()),
        };
        dispatch(Forward {
            taps: &taps,
            x,
            channel,
            pitch: planes.pitch(),
            output: planes.output(),
            weights: &weights,
            added: added.image(i, shape.c_out, output),
            y,
            scratch: &mut scratch.block,
        });
    };
    for_each_chunk(&mut y, output, work);
    y
}

/// Memory for an image in padded planes, and for a block of outputs; the former comes from the reserve.
#[derive(Debug, Default)]
struct Scratch {
    padded: Vec<f32>,
    block: Vec<f32>,
}

impl Scratch {
    /// `x` in padded planes.
    fn pad(&mut self, x: &[f32], planes: &Planes) {
        if self.padded.is_empty() {
            self.padded = buffer(planes.image());
            self.padded.fill(0.0);
        }
        planes.fill(x, &mut self.padded);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        keep(std::mem::take(&mut self.padded));
    }
}

/// The gradient for the bias, given that of the output: `[n, c_out]`, or `[c_out]`.
#[cfg(feature = "learn")]
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
#[cfg(feature = "learn")]
pub(super) fn backward(
    x: &[f32],
    weight: &[f32],
    dy: &[f32],
    shape: &ConvShape,
    needs_dx: bool,
) -> (Option<Vec<f32>>, Vec<f32>) {
    if let Some(choice) = Choice::of(shape) {
        let filters = Filters {
            weight,
            turned: true,
        };
        let turned = shape.turned();
        let dx = needs_dx
            .then(|| winograd::convolve(dy, filters, None, Added::NOTHING, &turned, choice));
        return (dx, winograd::weight_gradient(x, dy, shape, choice));
    }
    let planes = shape.planes();
    let turned = Turned::new(weight, shape, &planes);
    let back = turned.planes;
    let taps = planes.taps();
    let starts = |c: usize| taps.iter().map(move |tap| c * planes.channel() + tap);
    let rows: Vec<usize> = (0..shape.c_in).flat_map(starts).collect();
    let out = |c| c * back.channel() + back.origin();
    let outs: Vec<usize> = (0..shape.c_out).map(out).collect();

    let image = shape.c_in * shape.h * shape.w;
    let output = shape.c_out * shape.h_out * shape.w_out;
    let run = (RUN / (planes.image() + back.image())).clamp(1, MOST);
    let mut dx = buffer(shape.n * image);
    let work = |first: usize, dx: &mut [f32], dw: &mut [f32], scratch: &mut [Vec<f32>; 4]| {
        let [padded_x, padded_dy, scratch @ ..] = scratch;
        let images = dx.len() / image;
        padded_x.resize(images * planes.image(), 0.0);
        padded_dy.resize(images * back.image(), 0.0);
        for (i, ((dx, padded_x), padded_dy)) in dx
            .chunks_exact_mut(image)
            .zip(padded_x.chunks_exact_mut(planes.image()))
            .zip(padded_dy.chunks_exact_mut(back.image()))
            .enumerate()
        {
            planes.fill(&x[(first + i) * image..][..image], padded_x);
            back.fill(&dy[(first + i) * output..][..output], padded_dy);
            if needs_dx {
                turned.convolve(padded_dy, dx, scratch);
            }
        }
        dispatch(WeightGradient {
            images: [planes.image(), back.image()],
            rows: &rows,
            x: padded_x,
            outs: &outs,
            dy: padded_dy,
            positions: planes.positions(),
            dw,
        });
    };
    let dw = for_each_run_summing(&mut dx, image, run, weight.len(), work);
    (needs_dx.then_some(dx), dw)
}

/// The convolution that takes dy to dx.
#[cfg(feature = "learn")]
struct Turned<'a> {
    shape: &'a ConvShape,
    /// The layout of dy, at the pitch of that of x.
    planes: Planes,
    /// For each remainder of row and column: distances of the taps, and their weights.
    phases: Vec<(Vec<usize>, Packed)>,
}

#[cfg(feature = "learn")]
impl<'a> Turned<'a> {
    fn new(weight: &[f32], shape: &'a ConvShape, input: &Planes) -> Self {
        let (s, [kh, kw], reach) = (shape.stride, shape.kernel, input.reach());
        let shared = if s == 1 { shape.padding } else { 0 };
        let planes = Planes {
            channels: shape.c_out,
            h: shape.h_out,
            w: shape.w_out,
            kernel: reach.map(|reach| reach + 1),
            padding: reach.map(|reach| reach - shared),
            stride: 1,
        };
        let phase = |phase: usize| {
            let (a, b) = (phase / s, phase % s);
            let taps: Vec<[usize; 2]> = (a..kh)
                .step_by(s)
                .flat_map(|ky| (b..kw).step_by(s).map(move |kx| [ky, kx]))
                .collect();
            let distance =
                |&[ky, kx]: &[usize; 2]| (reach[0] - ky / s) * planes.pitch() + reach[1] - kx / s;
            let weights = Packed::new(shape.c_in, shape.c_out * taps.len(), |i| {
                let taps = &taps;
                (0..shape.c_out).flat_map(move |o| {
                    let weight = &weight[(o * shape.c_in + i) * kh * kw..][..kh * kw];
                    taps.iter().map(move |&[ky, kx]| weight[ky * kw + kx])
                })
            });
            (taps.iter().map(distance).collect(), weights)
        };
        Self {
            shape,
            planes,
            phases: (0..s * s).map(phase).collect(),
        }
    }

    /// One image's dx from its dy in padded planes.
    fn convolve(&self, dy: &[f32], dx: &mut [f32], [phase, scratch]: &mut [Vec<f32>; 2]) {
        let (shape, s) = (self.shape, self.shape.stride);
        let mut convolve = |(taps, weights): &(Vec<usize>, Packed), output, y: &mut [f32]| {
            dispatch(Forward {
                taps,
                x: dy,
                channel: self.planes.channel(),
                pitch: self.planes.pitch(),
                output,
                weights,
                added: Added::NOTHING,
                y,
                scratch,
            });
        };
        if let [only] = &self.phases[..] {
            return convolve(only, [shape.h, shape.w], dx);
        }
        // What no tap reads has no gradient.
        dx.fill(0.0);
        let [h, w] = [shape.h_out, shape.w_out];
        let [h, w] = [h + self.planes.padding[0], w + self.planes.padding[1]];
        phase.resize(shape.c_in * h * w, 0.0);
        for (i, weights) in self.phases.iter().enumerate() {
            if weights.0.is_empty() {
                continue;
            }
            convolve(weights, [h, w], phase);
            let planes = dx.chunks_exact_mut(shape.h * shape.w);
            for (dx, phase) in planes.zip(phase.chunks_exact(h * w)) {
                let (y, row) = first_pixel(i / s, shape.padding, s);
                let (x, column) = first_pixel(i % s, shape.padding, s);
                let rows = dx.chunks_exact_mut(shape.w).skip(y).step_by(s);
                for (dx, phase) in rows.zip(phase.chunks_exact(w).skip(row)) {
                    let pixels = dx.iter_mut().skip(x).step_by(s);
                    for (dx, value) in pixels.zip(&phase[column..]) {
                        *dx = *value;
                    }
                }
            }
        }
    }
}
