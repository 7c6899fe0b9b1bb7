//! How exact and how repeatable the quick kernels are.

use super::conv::{self, Added, ConvShape};
use super::{KeptFilters, directly, tensor};
use crate::chain::Denoiser;
use crate::folder;
use crate::noise::NoiseStream;
use crate::unet::gpu::in_double_precision;
use burn::tensor::Device;
use rayon::ThreadPoolBuilder;
use std::path::Path;

/// The largest error of eps at these timesteps, relative to the largest value of eps.
fn errors(folder: &str, timesteps: [usize; 3]) -> [[f64; 2]; 3] {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let files = folder::read(&root.join(folder)).unwrap();
    let pipeline = files.pipeline(&Device::flex()).unwrap();
    let spec = pipeline.spec();
    let shape = [1, spec.channels, spec.height, spec.width];
    let labels = spec.num_class_embeds.map(|_| vec![3]);
    let x = NoiseStream::new(5).normal(shape.iter().product());
    timesteps.map(|timestep| {
        let exact = in_double_precision(pipeline.unet(), &x, &[timestep as f32], labels.as_deref());
        let most = exact.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        let predict = || {
            let eps = pipeline.predict(&x, shape, timestep, labels.as_deref());
            let eps = pollster::block_on(eps).unwrap();
            assert_eq!(eps.len(), exact.len());
            eps
        };
        let [quick, direct] = [predict(), directly(predict)];
        assert!(quick != direct, "{folder}: nothing is compared");
        [quick, direct].map(|eps| {
            let apart = eps.iter().zip(&exact);
            apart.fold(0.0, |most: f64, (x, exact)| {
                most.max((f64::from(*x) - exact).abs())
            }) / most
        })
    })
}

#[test]
fn rounding_errors_of_eps_are_at_most_four_times_those_of_direct_convolutions() {
    for folder in ["tests/conformance/plain", "pretrained/mnist"] {
        let timesteps = [1, 500, 999];
        for (timestep, [quick, direct]) in timesteps.into_iter().zip(errors(folder, timesteps)) {
            println!("{folder}, t = {timestep}: {quick:.1e}, direct {direct:.1e}");
            assert!(direct > 0.0, "{folder}: nothing is compared");
            assert!(
                quick <= 4.0 * direct,
                "{folder}, t = {timestep}: {quick:.1e} and {direct:.1e}"
            );
        }
    }
}

/// Images of a batch: more than are computed together.
const MANY: usize = 37;

/// A convolution that is computed by tiles, forward and backward, of `n` images.
fn values(n: usize, side: usize) -> [Vec<f32>; 3] {
    let (c_in, c_out) = (24, 20);
    let shape = ConvShape::new([n, c_in, side, side], [c_out, c_in, 3, 3], 1, 1);
    let draw = |seed, len| NoiseStream::new(seed).normal(len);
    let (weight, bias) = (draw(1, c_out * c_in * 9), draw(2, c_out));
    // The last values of a draw depend on how many there are.
    let images = |seed, size| draw(seed, MANY * size)[..n * size].to_vec();
    let (x, dy) = (
        images(3, c_in * side * side),
        images(4, c_out * side * side),
    );
    let added = Added {
        bias: &bias,
        residual: Some(&dy),
    };
    let y = conv::forward(&x, &weight, added, &shape);
    let (dx, dw) = conv::backward(&x, &weight, &dy, &shape, true);
    [y, dx.unwrap(), dw]
}

#[test]
fn convolutions_do_not_depend_on_the_number_of_threads() {
    for side in [4, 7, 28] {
        let run = |threads| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap().install(|| values(MANY, side))
        };
        let one = run(1);
        for threads in [2, 5] {
            assert!(run(threads) == one, "{threads} threads, {side} by {side}");
        }
    }
}

#[test]
fn filters_that_a_layer_keeps_give_the_same_bits_and_never_serve_other_weights() {
    for side in [4, 7, 28] {
        let shape = ConvShape::new([2, 24, side, side], [20, 24, 3, 3], 1, 1);
        let draw = |seed, len| NoiseStream::new(seed).normal(len);
        let (x, bias) = (draw(3, 2 * 24 * side * side), draw(2, 20));
        let added = Added {
            bias: &bias,
            residual: None,
        };
        let weights = [1, 7].map(|seed| tensor(draw(seed, 20 * 24 * 9), &[20, 24, 3, 3]));
        let kept = KeptFilters::default();
        for _ in 0..2 {
            let y = conv::forward_keeping(&x, &weights[0], added, &shape, &kept);
            let expected = conv::forward(&x, weights[0].storage(), added, &shape);
            assert!(y.unwrap() == expected, "{side} by {side}");
        }
        let other = conv::forward_keeping(&x, &weights[1], added, &shape, &kept);
        assert!(other.is_none(), "{side} by {side}");
    }
}

#[test]
fn filters_that_would_take_too_much_memory_are_not_kept() {
    let shape = ConvShape::new([1, 800, 4, 4], [800, 800, 3, 3], 1, 1);
    let weight = tensor(vec![0.5; 800 * 800 * 9], &[800, 800, 3, 3]);
    let added = Added {
        bias: &[0.0; 800],
        residual: None,
    };
    let kept = KeptFilters::default();
    let y = conv::forward_keeping(&[1.0; 800 * 16], &weight, added, &shape, &kept);
    assert!(y.is_none());
}

#[test]
fn a_batch_gives_what_its_images_give() {
    for side in [4, 7, 28] {
        let [many, few] = [MANY, 1].map(|n| values(n, side));
        for which in 0..2 {
            let first = &many[which][..few[which].len()];
            assert!(first == few[which], "{side} by {side}");
        }
    }
}
