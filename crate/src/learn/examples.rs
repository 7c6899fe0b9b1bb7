//! What a step sees: examples, varied each time, and images of the classes that were there before.

use super::vary::{Variation, vary};
use crate::denoiser::Denoiser;
use crate::noise::NoiseStream;
use crate::pipeline::{Pipeline, PipelineError};
use crate::schedule::{PredictionType, Schedule};
use crate::train::batches::{Batch, generator, seed_of, stratified_timesteps, unit};
use crate::unet::UNetConfig;
use serde::{Deserialize, Serialize};

/// What a generator is for; `train` has the numbers below.
const OWN: u64 = 11;
const REHEARSED: u64 = 12;

/// The schedule, and what the network is asked for.
pub(super) type Process<'a> = (&'a Schedule, PredictionType);

/// The images that are learned from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Examples {
    /// `[n, c, h, w]`, row-major, from -1 to 1.
    #[serde(skip)]
    images: Vec<f32>,
    /// `[c, h, w]` of one image.
    shape: [usize; 3],
    label: Option<usize>,
    seed: u64,
    /// How they are varied.
    pub variation: Variation,
    /// How many a step sees.
    pub batch_size: usize,
}

/// What lines 2 to 4 of Algorithm 1 draw.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// Images, noise, noised images, timesteps and what the network is to say of them.
    pub batch: Batch,
    /// How many of the batch are examples, which come first.
    pub own: usize,
}

impl Examples {
    /// None yet, for a network that takes such images.
    pub(super) fn new(config: &UNetConfig, label: Option<usize>, seed: u64) -> Self {
        let [h, w] = config.sample_size;
        Self {
            images: Vec::new(),
            shape: [config.in_channels, h, w],
            label,
            seed,
            variation: Variation::default(),
            batch_size: 4,
        }
    }

    /// Values of one image.
    pub fn size(&self) -> usize {
        self.shape.iter().product()
    }

    /// `[c, h, w]` of one image.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.images.len() / self.size()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// Shows these from now on, `[n, c, h, w]` from -1 to 1; what does not make a whole image at the end is left out.
    pub fn show(&mut self, images: Vec<f32>) {
        self.images = images;
        self.images.truncate(self.len() * self.size());
    }

    /// All of them, which are no longer shown.
    pub(super) fn take_images(&mut self) -> Vec<f32> {
        std::mem::take(&mut self.images)
    }

    /// The first `n` as they were given, or all where there are fewer.
    pub(super) fn first(&self, n: usize) -> Vec<f32> {
        self.images[..n.min(self.len()) * self.size()].to_vec()
    }

    /// The seed of what the network itself draws at random in a step.
    pub(super) fn seed_of(&self, step: u64) -> u64 {
        seed_of(self.seed, step)
    }

    /// The examples' part of a step; there must be some.
    pub(super) fn draw(&self, step: u64, (schedule, prediction_type): Process) -> Drawn {
        let (n, size) = (self.batch_size, self.size());
        let mut rng = generator(self.seed, OWN, step);
        let eps = NoiseStream::new(rng.next_u64()).normal(n * size);
        let count = schedule.num_train_timesteps();
        let mut timesteps = stratified_timesteps(unit(&mut rng), n, count);
        let mut x_0 = vec![0.0; n * size];
        for (i, x_0) in x_0.chunks_exact_mut(size).enumerate() {
            // In turn, so that none is left out; the timesteps are dealt out at random.
            let index = (step as usize * n + i) % self.len();
            let image = &self.images[index * size..][..size];
            vary(image, self.shape, self.variation, &mut rng, x_0);
            timesteps.swap(i, i + (unit(&mut rng) * (n - i) as f64) as usize);
        }
        let labels = vec![self.label.unwrap_or(0); n];
        let process = (schedule, prediction_type);
        Drawn {
            batch: Batch::of(x_0, eps, timesteps, labels, process),
            own: n,
        }
    }
}

/// Images of classes that the model knew before, with which it keeps them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Rehearsal {
    /// `[n, c, h, w]`, row-major, from -1 to 1.
    pub images: Vec<f32>,
    /// The label of each.
    pub labels: Vec<usize>,
}

impl Rehearsal {
    /// As many as a step sees of the examples; every fourth is asked about as "any". `None` where there are none.
    pub(super) fn draw(
        &self,
        examples: &Examples,
        step: u64,
        null: Option<usize>,
        (schedule, prediction_type): Process,
    ) -> Option<Batch> {
        let (n, size) = (examples.batch_size, examples.size());
        let known = self.labels.len().min(self.images.len() / size);
        if known == 0 {
            return None;
        }
        let mut rng = generator(examples.seed, REHEARSED, step);
        let eps = NoiseStream::new(rng.next_u64()).normal(n * size);
        let count = schedule.num_train_timesteps();
        let timesteps = stratified_timesteps(unit(&mut rng), n, count);
        let (mut x_0, mut labels) = (Vec::with_capacity(n * size), Vec::with_capacity(n));
        for _ in 0..n {
            let index = (unit(&mut rng) * known as f64) as usize;
            x_0.extend_from_slice(&self.images[index * size..][..size]);
            let any = null.filter(|_| unit(&mut rng) < 0.25);
            labels.push(any.unwrap_or(self.labels[index]));
        }
        let process = (schedule, prediction_type);
        Some(Batch::of(x_0, eps, timesteps, labels, process))
    }
}

/// The batch with the answers of `model` for what is to be learned.
pub(super) async fn said_by(model: &Pipeline, mut batch: Batch) -> Result<Batch, PipelineError> {
    let spec = model.spec();
    let labels = spec.num_class_embeds.is_some().then_some(&batch.labels);
    let shape = [1, spec.channels, spec.height, spec.width];
    let size = batch.x_t.len() / batch.timesteps.len();
    for (i, &timestep) in batch.timesteps.iter().enumerate() {
        let image = i * size..(i + 1) * size;
        let label = labels.map(|labels| &labels[i..=i]);
        let output = model.predict(&batch.x_t[image.clone()], shape, timestep, label);
        // A learned variance comes after the prediction.
        let output = output.await?;
        batch.target[image].copy_from_slice(&output[..size]);
    }
    Ok(batch)
}

/// One batch after the other.
pub(super) fn joined(mut first: Batch, second: Batch) -> Batch {
    first.x_0.extend(second.x_0);
    first.eps.extend(second.eps);
    first.x_t.extend(second.x_t);
    first.target.extend(second.target);
    first.timesteps.extend(second.timesteps);
    first.labels.extend(second.labels);
    first
}
