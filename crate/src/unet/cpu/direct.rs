//! Convolution of stride 1 without unfolding, forward and backward. The gradient of the input is one more such convolution,
//! of dy with the weights turned about.

use super::conv::{Added, ConvShape};
use super::memory::buffer;
use super::parallel::for_each_chunk;
use super::planes::Planes;
use super::simd::dispatch;
use super::tile::{Forward, Packed};
#[cfg(feature = "native")]
use super::{parallel::for_each_run_summing, weight_gradient::WeightGradient};

/// Values that the images of a run may take, so that second-level caches hold them while their gradients are computed.
#[cfg(feature = "native")]
const RUN: usize = 3 << 17;
/// Images in a run at most, so that there are enough runs for all cores.
#[cfg(feature = "native")]
const MOST: usize = 8;

/// Whether a convolution can be computed this way.
pub(super) fn suits(shape: &ConvShape) -> bool {
    shape.stride == 1 && shape.kernel.iter().all(|&side| shape.padding < side)
}

fn planes(shape: &ConvShape) -> Planes {
    Planes::new(
        shape.c_in,
        [shape.h, shape.w],
        shape.kernel,
        [shape.padding; 2],
    )
}

/// See [`super::conv::forward`].
pub(super) fn forward(x: &[f32], weight: &[f32], added: Added, shape: &ConvShape) -> Vec<f32> {
    let planes = planes(shape);
    let taps = planes.taps();
    let per_channel = shape.c_in * taps.len();
    let weights = Packed::new(shape.c_out, per_channel, |o| {
        weight[o * per_channel..][..per_channel].iter().copied()
    });
    let image = shape.c_in * shape.h * shape.w;
    let output = shape.c_out * shape.h_out * shape.w_out;
    let mut y = buffer(shape.n * output);
    for_each_chunk(
        &mut y,
        output,
        |i, y, [padded, scratch]: &mut [Vec<f32>; 2]| {
            padded.resize(planes.image(), 0.0);
            planes.fill(&x[i * image..][..image], padded);
            dispatch(Forward {
                planes: &planes,
                taps: &taps,
                x: padded,
                weights: &weights,
                added: added.image(i, shape.c_out, output),
                y,
                scratch,
            });
        },
    );
    y
}

/// See [`super::conv::backward`].
#[cfg(feature = "native")]
pub(super) fn backward(
    x: &[f32],
    weight: &[f32],
    dy: &[f32],
    shape: &ConvShape,
    needs_dx: bool,
) -> (Option<Vec<f32>>, Vec<f32>) {
    let (c_in, c_out) = (shape.c_in, shape.c_out);
    let planes = planes(shape);
    let back = Planes::new(
        c_out,
        [shape.h_out, shape.w_out],
        shape.kernel,
        shape.kernel.map(|side| side - 1 - shape.padding),
    );
    let taps = planes.taps();
    let count = taps.len();
    let turned = Packed::new(c_in, c_out * count, |i| {
        let taps = move |o| {
            weight[(o * c_in + i) * count..][..count]
                .iter()
                .rev()
                .copied()
        };
        (0..c_out).flat_map(taps)
    });
    let rows: Vec<usize> = (0..c_in)
        .flat_map(|c| taps.iter().map(move |tap| c * planes.channel() + tap))
        .collect();
    let outs: Vec<usize> = (0..c_out)
        .map(|c| c * back.channel() + back.origin())
        .collect();

    let [image, output] = [c_in * shape.h * shape.w, c_out * shape.h_out * shape.w_out];
    let run = (RUN / (planes.image() + back.image())).clamp(1, MOST);
    let mut dx = buffer(shape.n * image);
    let dw = for_each_run_summing(
        &mut dx,
        image,
        run,
        c_out * c_in * count,
        |first, dx, dw, [padded_x, padded_dy, scratch]: &mut [Vec<f32>; 3]| {
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
                    dispatch(Forward {
                        planes: &back,
                        taps: &taps,
                        x: padded_dy,
                        weights: &turned,
                        added: Added::NOTHING,
                        y: dx,
                        scratch,
                    });
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
        },
    );
    (needs_dx.then_some(dx), dw)
}
