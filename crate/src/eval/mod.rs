//! Judging a model (native only): the variational bound on test images, and samples as a classifier sees them.
//!
//! The bound ([`bound`]) estimates what a test image costs in bits, with an interval. For the samples, a small
//! convolutional network ([`classifier`]) is trained once on the same training images and cached ([`cache`]). It reads each
//! sample, to compare with the label it was drawn for, and its features give the distance between samples and test images
//! ([`frechet`]). Samples are also compared with their nearest training images ([`nearest`]). No model learns from the
//! classifier. The network's answers are compared with the best possible ones for the training images ([`optimum`]).
//! Everything random follows from a seed.

pub mod best;
pub mod bound;
pub mod cache;
pub mod classifier;
pub mod estimate;
pub mod frechet;
pub mod nearest;
pub mod optimum;
pub mod picture;
pub mod plot;
pub mod rate;
pub mod samples;

use crate::data::Dataset;
use crate::denoiser::ModelSpec;
use rand_mt::Mt64;
use thiserror::Error;

/// Why a model cannot be judged on these images.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum FitError {
    /// The model draws images of another shape.
    #[error("the model draws images of {} but the {what} images have {} (channels x height x width): give the data that the model was trained on", sizes(.model), sizes(.data))]
    Shape {
        /// "training" or "test".
        what: &'static str,
        /// Channels, height and width of the model.
        model: [usize; 3],
        /// Those of the data.
        data: [usize; 3],
    },
    /// The data has classes that the model does not know.
    #[error(
        "the {what} images have {data} classes, the model knows {model}: give the data that the model was trained on"
    )]
    Classes {
        /// "training" or "test".
        what: &'static str,
        /// Classes of the model.
        model: usize,
        /// Classes of the data.
        data: usize,
    },
}

fn sizes(shape: &[usize; 3]) -> String {
    format!("{} x {} x {}", shape[0], shape[1], shape[2])
}

/// Whether the images (`what`: "training" or "test") have the model's shape, and `names` classes if it is conditional.
///
/// # Errors
/// Another shape, or more classes than the model knows.
pub fn check_fit(
    spec: &ModelSpec,
    names: usize,
    data: &Dataset,
    what: &'static str,
) -> Result<(), FitError> {
    let model = [spec.channels, spec.height, spec.width];
    let found = [data.channels, data.height, data.width];
    if model != found {
        let data = found;
        return Err(FitError::Shape { what, model, data });
    }
    if spec.num_class_embeds.is_some() && data.classes() > names {
        let (model, data) = (names, data.classes());
        return Err(FitError::Classes { what, model, data });
    }
    Ok(())
}

/// A random choice of `per_class` images of each class (all, where there are fewer), class after class.
pub fn choose_per_class(data: &Dataset, per_class: usize, seed: u64) -> Vec<usize> {
    let order = permutation(data.len(), &mut generator(seed, 1));
    let mut chosen = Vec::new();
    for class in 0..data.classes() {
        let of_class = |i: &usize| usize::from(data.labels[*i]) == class;
        chosen.extend(order.iter().copied().filter(of_class).take(per_class));
    }
    chosen
}

/// The generator for one purpose: draws for one never shift those for another.
fn generator(seed: u64, purpose: u64) -> Mt64 {
    Mt64::new_with_key([seed, purpose])
}

/// A whole number below `n`; n must not be 0.
fn below(rng: &mut Mt64, n: usize) -> usize {
    // The product's high half is uniform up to n / 2^64 (Lemire 2019, arXiv 1805.10941).
    ((u128::from(rng.next_u64()) * n as u128) >> 64) as usize
}

/// The numbers 0 to n - 1 in a random order (Fisher-Yates).
fn permutation(n: usize, rng: &mut Mt64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i, below(rng, i + 1));
    }
    order
}
