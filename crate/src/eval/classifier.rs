//! The judge: a small convolutional network that classifies the data, trained on its training images.
//!
//! Three levels of 3 x 3 convolutions, group normalisation and SiLU, then [`FEATURES`] features and one linear layer. The
//! features are what the Frechet distance is taken in. It runs on the CPU wherever the model runs, so that one data set
//! and one configuration mean one judge.

use super::{below, generator, permutation};
use crate::data::Dataset;
use crate::unet::build::Builder;
use crate::unet::layers::{Conv2d, GroupNorm, Linear, seed_init};
use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::activation::{log_softmax, silu};
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Dimensions of the features.
pub const FEATURES: usize = 64;
/// Sides of images that the network can classify.
pub(crate) const SIDES: std::ops::RangeInclusive<usize> = 8..=64;
/// Channels of the three levels.
const WIDTHS: [usize; 3] = [16, 32, 64];
/// Batch size when no gradient is computed.
const BATCH: usize = 100;

/// Why there is no judge for these images.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ClassifierError {
    /// The images are too small or too large.
    #[error("the classifier cannot judge images of {height} x {width} pixels: their sides must be {} to {}. Use --only bound", SIDES.start(), SIDES.end())]
    Size {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// A single class.
    #[error(
        "the training images are all of one class, so a classifier has nothing to distinguish: \
         use --only bound"
    )]
    OneClass,
    /// The weights became NaN.
    #[error(
        "the classifier's training has diverged, so it cannot judge samples of these images: use --only bound"
    )]
    Diverged,
}

/// How a judge is trained: part of its name in the cache.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassifierConfig {
    /// Changes whenever the network or its training does.
    pub version: u32,
    /// Passes over the training images.
    pub epochs: f64,
    /// The least number of steps, for small data sets.
    pub least_steps: usize,
    /// Images in a step.
    pub batch_size: usize,
    /// AdamW's largest step size.
    pub learning_rate: f64,
    /// Augmentation: images are shifted by up to this many pixels in each direction.
    pub shift: usize,
    /// Seed of everything random.
    pub seed: u64,
}

impl Default for ClassifierConfig {
    /// About 99% of MNIST's test digits after two minutes on two cores.
    fn default() -> Self {
        Self {
            version: 1,
            epochs: 3.0,
            least_steps: 250,
            batch_size: 64,
            learning_rate: 3e-3,
            shift: 1,
            seed: 0,
        }
    }
}

impl ClassifierConfig {
    /// Steps of a training on this many images.
    pub fn steps(&self, images: usize) -> usize {
        let steps = self.epochs * images as f64 / self.batch_size as f64;
        (steps.ceil() as usize).max(self.least_steps).max(1)
    }

    /// The step size: up over the first tenth, then down to 0 in half a cosine.
    fn learning_rate_at(&self, step: usize, steps: usize) -> f64 {
        let warmup = (steps / 10).max(1);
        let rise = (step + 1) as f64 / warmup as f64;
        let rest = step.saturating_sub(warmup) as f64 / (steps - warmup.min(steps - 1)) as f64;
        let fall = 0.5 * (1.0 + (std::f64::consts::PI * rest).cos());
        self.learning_rate * rise.min(1.0) * fall
    }
}

#[derive(Module, Debug)]
pub(super) struct Network {
    conv_in: Conv2d,
    norm_in: GroupNorm,
    down_1: Conv2d,
    norm_1: GroupNorm,
    down_2: Conv2d,
    norm_2: GroupNorm,
    conv_out: Conv2d,
    norm_out: GroupNorm,
    to_features: Linear,
    to_classes: Linear,
}

impl Network {
    pub(super) fn new([c, h, w]: [usize; 3], classes: usize, device: &Device) -> Self {
        let [a, b, d] = WIDTHS;
        let mut layers = Builder::fresh(device);
        let pixels = h.div_ceil(4) * w.div_ceil(4);
        Self {
            conv_in: layers.conv3x3(c, a),
            norm_in: layers.norm(8, a, 1e-5),
            down_1: layers.conv(a, b, 3, 2, 1),
            norm_1: layers.norm(8, b, 1e-5),
            down_2: layers.conv(b, d, 3, 2, 1),
            norm_2: layers.norm(8, d, 1e-5),
            conv_out: layers.conv3x3(d, d),
            norm_out: layers.norm(8, d, 1e-5),
            to_features: layers.linear(d * pixels, FEATURES),
            to_classes: layers.linear(FEATURES, classes),
        }
    }

    /// Features `[n, FEATURES]` and scores of the classes `[n, classes]` for images `[n, c, h, w]` in [-1, 1].
    fn forward(&self, x: Tensor<4>) -> (Tensor<2>, Tensor<2>) {
        let x = self.norm_in.forward_silu(self.conv_in.forward(x)); // [n, 16, h, w]
        let x = self.norm_1.forward_silu(self.down_1.forward(x)); // [n, 32, h / 2, w / 2]
        let x = self.norm_2.forward_silu(self.down_2.forward(x)); // [n, 64, h / 4, w / 4]
        let x = self.norm_out.forward_silu(self.conv_out.forward(x)); // [n, 64, h / 4, w / 4]
        let features = silu(self.to_features.forward(x.flatten::<2>(1, 3))); // [n, FEATURES]
        let scores = self.to_classes.forward(features.clone()); // [n, classes]
        (features, scores)
    }
}

/// A trained judge.
#[derive(Debug)]
pub struct Classifier {
    pub(super) network: Network,
    pub(super) device: Device,
    pub(super) classes: usize,
}

/// A judge's output for some images.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// `[n, FEATURES]`.
    pub features: Vec<f32>,
    /// The most probable class of each image.
    pub labels: Vec<usize>,
}

impl Classifier {
    /// Trains a judge on `data`; `progress` gets the steps done and their number.
    ///
    /// # Errors
    /// Images that are too small or too large, or all of one class.
    pub fn train(
        data: &Dataset,
        config: &ClassifierConfig,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Self, ClassifierError> {
        let classes = check(data)?;
        let plain = Device::flex();
        let device = plain.clone().autodiff();
        seed_init(config.seed);
        let shape = [data.channels, data.height, data.width];
        let mut network = Network::new(shape, classes, &device);
        let mut optimizer = AdamWConfig::new()
            .with_epsilon(1e-8)
            .with_weight_decay(0.01)
            .init();
        let mut rng = generator(config.seed, 2);
        let (n, steps) = (config.batch_size, config.steps(data.len()));
        let mut order = Vec::new();
        for step in 0..steps {
            progress(step, steps);
            let mut values = Vec::with_capacity(n * data.image_len());
            let mut wanted = vec![0.0_f32; n * classes];
            for row in wanted.chunks_exact_mut(classes) {
                if order.is_empty() {
                    order = permutation(data.len(), &mut rng);
                }
                let image = order.pop().unwrap_or_default();
                let span = 2 * config.shift + 1;
                let moved = [below(&mut rng, span), below(&mut rng, span)];
                push_moved(data, image, moved, config.shift, &mut values);
                row[usize::from(data.labels[image])] = 1.0;
            }
            let [c, h, w] = shape;
            let x = Tensor::<4>::from_data(TensorData::new(values, [n, c, h, w]), &device);
            let wanted = Tensor::<2>::from_data(TensorData::new(wanted, [n, classes]), &device);
            let (_, scores) = network.forward(x);
            let loss = (log_softmax(scores, 1) * wanted).sum() * (-1.0 / n as f64); // [1]
            let grads = GradientsParams::from_grads(loss.backward(), &network);
            network = optimizer.step(config.learning_rate_at(step, steps), network, grads);
        }
        let trained = Self {
            network: network.valid(),
            device: plain,
            classes,
        };
        let features = trained.read(&data.select(&[0]), |_, _| ()).features;
        if features.iter().all(|x| x.is_finite()) {
            Ok(trained)
        } else {
            Err(ClassifierError::Diverged)
        }
    }

    /// Features and classes of images of the shape it was trained on.
    pub fn read(&self, data: &Dataset, mut progress: impl FnMut(usize, usize)) -> Reading {
        let mut reading = Reading {
            features: Vec::with_capacity(data.len() * FEATURES),
            labels: Vec::with_capacity(data.len()),
        };
        for begin in (0..data.len()).step_by(BATCH) {
            progress(begin, data.len());
            let end = (begin + BATCH).min(data.len());
            let values: Vec<f32> = (begin..end).flat_map(|i| data.image(i)).collect();
            let shape = [end - begin, data.channels, data.height, data.width];
            let x = Tensor::<4>::from_data(TensorData::new(values, shape), &self.device);
            let (features, scores) = self.network.forward(x);
            reading.features.extend(features.into_data().iter::<f32>());
            let scores: Vec<f32> = scores.into_data().iter::<f32>().collect();
            reading
                .labels
                .extend(scores.chunks_exact(self.classes).map(largest));
        }
        reading
    }
}

/// The number of classes of images that a judge can be trained on.
///
/// # Errors
/// Images that are too small or too large, or all of one class.
pub fn check(data: &Dataset) -> Result<usize, ClassifierError> {
    let (height, width) = (data.height, data.width);
    if !SIDES.contains(&height) || !SIDES.contains(&width) {
        return Err(ClassifierError::Size { height, width });
    }
    if data.labels.iter().all(|label| *label == data.labels[0]) {
        return Err(ClassifierError::OneClass);
    }
    Ok(data.classes())
}

/// The index of the largest value, the first of equals.
fn largest(scores: &[f32]) -> usize {
    let mut best = 0;
    for (k, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = k;
        }
    }
    best
}

/// Adds an image moved by `moved - shift` pixels down and to the right; its edges are repeated where nothing is left.
fn push_moved(data: &Dataset, image: usize, moved: [usize; 2], shift: usize, out: &mut Vec<f32>) {
    let (h, w) = (data.height, data.width);
    let from =
        |to: usize, moved: usize, side: usize| (to + moved).saturating_sub(shift).min(side - 1);
    for plane in data.image(image).chunks_exact(h * w) {
        for y in 0..h {
            let row = &plane[from(y, moved[0], h) * w..][..w];
            out.extend((0..w).map(|x| row[from(x, moved[1], w)]));
        }
    }
}
