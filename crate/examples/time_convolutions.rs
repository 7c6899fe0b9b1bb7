//! Times the convolutions of the networks in `bench/networks.js`, tap by tap and as they are computed, on one thread or
//! more (`RAYON_NUM_THREADS`): the least time of several, forward, and with the gradients of input and weight.

use std::hint::black_box;
use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor, TensorData};
use walkback::noise::NoiseStream;
use walkback::unet::ops;

/// Images, input channels, side, output channels, side of the kernel.
const LAYERS: [(&str, [usize; 5]); 14] = [
    ("plain", [1, 16, 28, 16, 3]),
    ("plain", [16, 32, 14, 32, 3]),
    ("pretrained/mnist", [1, 32, 28, 32, 3]),
    ("pretrained/mnist", [1, 96, 7, 96, 3]),
    ("pretrained/mnist", [64, 64, 28, 32, 3]),
    ("pretrained/mnist", [64, 64, 14, 64, 3]),
    ("pretrained/mnist", [64, 192, 7, 96, 3]),
    ("18.5M at 32x32", [1, 64, 32, 64, 3]),
    ("18.5M at 32x32", [1, 128, 16, 128, 3]),
    ("18.5M at 32x32", [1, 256, 4, 256, 3]),
    ("ddpm-cifar10-32", [1, 128, 32, 128, 3]),
    ("ddpm-cifar10-32", [1, 256, 16, 256, 3]),
    ("ddpm-cifar10-32", [1, 512, 8, 256, 3]),
    ("ddpm-cifar10-32", [1, 256, 16, 256, 1]),
];

fn main() {
    println!(
        "                  images, channels, side, channels, kernel   tap by tap         now   ratio"
    );
    for (network, layer) in LAYERS {
        for backward in [false, true] {
            let run = || step(layer, backward);
            let (direct, now) = in_turn(|| ops::directly(run), run);
            println!(
                "{network:17} {:27} {:>12} {:8.3} ms {:8.3} ms {:5.2} x",
                format!("{layer:?}"),
                if backward { "and gradients" } else { "forward" },
                direct * 1e3,
                now * 1e3,
                now / direct,
            );
        }
    }
}

/// Seconds of one convolution, with its gradients if asked for.
fn step([n, c_in, side, c_out, kernel]: [usize; 5], backward: bool) -> f64 {
    let device = if backward {
        Device::flex().autodiff()
    } else {
        Device::flex()
    };
    let draw = |seed, len| NoiseStream::new(seed).normal(len);
    let tensor = |seed, shape: [usize; 4]| {
        let values = draw(seed, shape.iter().product());
        let x = Tensor::<4>::from_data(TensorData::new(values, shape), &device);
        if backward { x.require_grad() } else { x }
    };
    let (x, weight) = (
        tensor(1, [n, c_in, side, side]),
        tensor(2, [c_out, c_in, kernel, kernel]),
    );
    let bias = Tensor::<1>::zeros([c_out], &device);
    let began = Instant::now();
    let y = ops::conv2d(x, weight, bias, None, 1, kernel / 2);
    if backward {
        black_box(y.sum().backward());
    } else {
        black_box(y);
    }
    began.elapsed().as_secs_f64()
}

/// The least of both times over at least five rounds and half a second.
fn in_turn(a: impl Fn() -> f64, b: impl Fn() -> f64) -> (f64, f64) {
    let (mut least, began, mut rounds) = ((f64::MAX, f64::MAX), Instant::now(), 0);
    while rounds < 5 || began.elapsed() < Duration::from_millis(500) {
        least = (least.0.min(a()), least.1.min(b()));
        rounds += 1;
    }
    least
}
