//! The CPU's own kernels compute what burn's plain operators compute, values and gradients.

#![cfg(feature = "native")]

use burn::tensor::{Device, Tensor, TensorData};
use walkback::noise::NoiseStream;
use walkback::unet::ops;

fn random<const D: usize>(seed: u64, shape: [usize; D], device: &Device) -> Tensor<D> {
    let values = NoiseStream::new(seed).normal(shape.iter().product());
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn assert_close<const D: usize>(what: &str, ours: Tensor<D>, reference: Tensor<D>) {
    assert_eq!(ours.dims(), reference.dims(), "{what}");
    let scale = reference.clone().abs().max().into_scalar::<f32>().max(1.0);
    let difference = (ours - reference).abs().max().into_scalar::<f32>();
    assert!(difference < 2e-5 * scale, "{what}: {difference} of {scale}");
}

type Inputs = (Tensor<4>, Tensor<4>, Tensor<1>);

/// Values, and gradients of a weighted sum of them, of the same function computed in two ways.
fn compare(what: &str, inputs: impl Fn(&Device) -> Inputs, f: [&dyn Fn(Inputs) -> Tensor<4>; 2]) {
    let plain = Device::flex();
    let [ours, reference] = f.map(|f| f(inputs(&plain)));
    assert_close(what, ours, reference);

    let device = Device::flex().autodiff();
    let [ours, reference] = f.map(|f| {
        let (x, weight, bias) = inputs(&device);
        let (x, weight, bias) = (x.require_grad(), weight.require_grad(), bias.require_grad());
        let y = f((x.clone(), weight.clone(), bias.clone()));
        let loss = (y.clone() * random(9, y.dims(), &device)).sum();
        let grads = loss.backward();
        (
            y.inner(),
            x.grad(&grads).unwrap(),
            weight.grad(&grads),
            bias.grad(&grads),
        )
    });
    assert_close(&format!("{what}, tracked"), ours.0, reference.0);
    assert_close(&format!("{what}, gradient for x"), ours.1, reference.1);
    assert_both_close(&format!("{what}, weight"), ours.2, reference.2);
    assert_both_close(&format!("{what}, bias"), ours.3, reference.3);
}

/// Gradients that are there in both computations, and close, or in neither.
#[track_caller]
fn assert_both_close<const D: usize>(
    of: &str,
    ours: Option<Tensor<D>>,
    reference: Option<Tensor<D>>,
) {
    match (ours, reference) {
        (Some(ours), Some(reference)) => {
            assert_close(&format!("gradient for {of}"), ours, reference);
        }
        (None, None) => {}
        (Some(_), None) => panic!("a gradient too many for {of}"),
        (None, Some(_)) => panic!("no gradient for {of}"),
    }
}

#[test]
fn convolution_agrees_with_the_plain_operators() {
    for (n, c_in, c_out, side, kernel, stride, padding) in [
        (3, 5, 7, 9, 3, 1, 1),
        (2, 4, 4, 8, 3, 2, 1),
        (2, 4, 4, 9, 3, 2, 0),
        (2, 3, 6, 7, 1, 1, 0),
        (1, 1, 2, 28, 3, 1, 1),
        (2, 3, 1, 6, 3, 1, 1),
        (2, 3, 13, 8, 5, 1, 1),
        (2, 6, 5, 7, 3, 1, 0),
        (2, 4, 5, 10, 3, 2, 0),
        (2, 6, 4, 8, 1, 2, 0),
        (2, 3, 4, 11, 5, 3, 2),
        (20, 40, 8, 28, 3, 1, 1),
        // Tiles with a rim, vectors that channels do not fill, and images that share their tiles' sums.
        (3, 9, 17, 14, 3, 1, 1),
        (17, 40, 33, 7, 3, 1, 1),
        (2, 24, 40, 4, 3, 1, 1),
        (3, 16, 10, 5, 3, 1, 1),
        (2, 16, 8, 7, 3, 1, 2),
        (2, 8, 8, 9, 3, 1, 0),
        // More tiles than are computed at a time.
        (2, 96, 8, 70, 3, 1, 1),
    ] {
        compare(
            &format!("{n}x{c_in}x{side}x{side} to {c_out}, kernel {kernel}, stride {stride}"),
            |device| {
                (
                    random(1, [n, c_in, side, side], device),
                    random(2, [c_out, c_in, kernel, kernel], device),
                    random(3, [c_out], device),
                )
            },
            [
                &|(x, w, b)| ops::conv2d(x, w, b, None, stride, padding),
                &|(x, w, b)| ops::reference::conv2d(x, w, b, None, stride, padding),
            ],
        );
    }
}

#[test]
fn what_a_convolution_adds_for_each_image_and_pixel_agrees_with_the_plain_operators() {
    for (n, channels, side, stride) in [(5, 12, 7usize, 1), (2, 4, 6, 2)] {
        let out = side.div_ceil(stride);
        compare(
            &format!("{n}x{channels}x{side}x{side}, stride {stride}"),
            |device| {
                (
                    random(1, [n, channels, side, side], device),
                    random(2, [channels, channels, 3, 3], device),
                    random(3, [n * channels], device),
                )
            },
            [
                &|(x, w, b)| {
                    let bias = b.reshape([n, channels]);
                    let residual = x.clone().slice([0..n, 0..channels, 0..out, 0..out]);
                    ops::conv2d(x, w, bias, Some(residual), stride, 1)
                },
                &|(x, w, b)| {
                    let bias = b.reshape([n, channels]);
                    let residual = x.clone().slice([0..n, 0..channels, 0..out, 0..out]);
                    ops::reference::conv2d(x, w, bias, Some(residual), stride, 1)
                },
            ],
        );
    }
}

#[test]
fn concatenation_agrees_with_the_plain_operators() {
    compare(
        "concatenation",
        |device| {
            (
                random(1, [3, 2, 5, 4], device),
                random(2, [3, 7, 5, 4], device),
                random(3, [1], device),
            )
        },
        [&|(x, skip, _)| ops::concatenate(x, skip), &|(
            x,
            skip,
            _,
        )| {
            ops::reference::concatenate(x, skip)
        }],
    );
}

#[test]
fn memory_that_serves_again_leaves_nothing_behind() {
    let device = Device::flex();
    let y = |seed| {
        let x = random(seed, [4, 16, 14, 14], &device);
        let (w, b) = (random(2, [16, 16, 3, 3], &device), random(3, [16], &device));
        let y = ops::conv2d(x.clone(), w, b, Some(x), 1, 1);
        let (w, b) = (random(4, [16], &device), random(5, [16], &device));
        ops::concatenate(ops::group_norm(y.clone(), w, b, 4, 1e-5, true), y).into_data()
    };
    let first = y(1);
    for seed in 2..5 {
        assert_ne!(y(seed), first);
    }
    assert_eq!(y(1), first);
}

#[test]
fn group_normalisation_agrees_with_the_plain_operators() {
    for (n, channels, groups, h, w) in [(3, 8, 4, 5, 7), (2, 6, 1, 4, 4), (18, 32, 8, 14, 14)] {
        for with_silu in [false, true] {
            compare(
                &format!("{channels} channels in {groups} groups, silu {with_silu}"),
                |device| {
                    (
                        random(1, [n, channels, h, w], device) * 3.0 + 1.0,
                        random(2, [channels, 1, 1, 1], device),
                        random(3, [channels], device),
                    )
                },
                [
                    &|(x, w, b)| {
                        ops::group_norm(x, w.reshape([channels]), b, groups, 1e-5, with_silu)
                    },
                    &|(x, w, b)| {
                        ops::reference::group_norm(
                            x,
                            w.reshape([channels]),
                            b,
                            groups,
                            1e-5,
                            with_silu,
                        )
                    },
                ],
            );
        }
    }
}

#[test]
fn upsampling_agrees_with_the_plain_operators() {
    compare(
        "upsampling",
        |device| {
            (
                random(1, [2, 3, 5, 4], device),
                random(2, [1, 1, 1, 1], device),
                random(3, [1], device),
            )
        },
        [&|(x, _, _)| ops::upsample_nearest_2x(x), &|(x, _, _)| {
            ops::reference::upsample_nearest_2x(x)
        }],
    );
}

#[test]
fn linear_layers_agree_with_the_plain_operators() {
    let device = Device::flex();
    for (n, d_in, d_out) in [(1, 128, 96), (3, 37, 7), (2, 3, 5), (1, 16, 1)] {
        let x = random::<2>(1, [n, d_in], &device);
        let weight = random::<2>(2, [d_out, d_in], &device);
        let bias = random::<1>(3, [d_out], &device);
        let ours = ops::linear(x.clone(), weight.clone(), bias.clone());
        let reference = ops::reference::linear(x, weight, bias);
        assert_close(&format!("{n}x{d_in} to {d_out}"), ours, reference);
    }
}
