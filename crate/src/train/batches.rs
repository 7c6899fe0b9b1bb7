//! What each step trains on: images, noise, timesteps and labels, prepared ahead on a thread of their own.
//!
//! Everything random about step k is drawn from (seed, k) alone. A resumed run therefore sees exactly what an
//! uninterrupted one would have seen, and no generator's state needs saving.

#[cfg(feature = "native")]
use crate::data::Dataset;
use crate::diffusion::{add_noise, scaled, training_target};
#[cfg(feature = "native")]
use crate::noise::NoiseStream;
use crate::schedule::{PredictionType, Schedule, flow};
use rand_mt::Mt64;
use std::ops::Range;
#[cfg(feature = "native")]
use std::sync::Arc;
#[cfg(feature = "native")]
use std::sync::mpsc::{Receiver, sync_channel};

/// One step's input and target; images are `[n, c, h, w]`, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Clean images in [-1, 1].
    pub x_0: Vec<f32>,
    /// The noise in them.
    pub eps: Vec<f32>,
    /// Noised images.
    pub x_t: Vec<f32>,
    /// What the network should put out for them.
    pub target: Vec<f32>,
    /// One timestep for each image.
    pub timesteps: Vec<usize>,
    /// One label for each image, some replaced by the null label.
    pub labels: Vec<usize>,
}

/// How batches are made.
#[cfg(feature = "native")]
#[derive(Debug, Clone)]
pub(crate) struct BatchPlan {
    /// The images.
    pub data: Arc<Dataset>,
    /// abar_t for every timestep.
    pub schedule: Schedule,
    /// What the network is asked for.
    pub prediction_type: PredictionType,
    /// Images in a batch.
    pub batch_size: usize,
    /// The label that replaces the real one, and how often; `None` where there are no labels to drop.
    pub null_label: Option<usize>,
    /// Probability of that.
    pub label_dropout: f64,
    /// Seed of everything random.
    pub seed: u64,
}

/// A generator for one purpose and one step.
pub(crate) fn generator(seed: u64, purpose: u64, step: u64) -> Mt64 {
    Mt64::new_with_key([seed, purpose, step])
}

/// The seed of what the network itself draws at random in step `step`.
pub(crate) fn seed_of(seed: u64, step: u64) -> u64 {
    generator(seed, 3, step).next_u64()
}

/// A draw from [0, 1).
pub(crate) fn unit(rng: &mut Mt64) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// One timestep below `count` for each of `n` images, stratified: each t is uniform by itself, and a batch covers all of the
/// chain (Kingma et al. 2021, arXiv 2107.00630, appendix I.1). `offset` is a draw from [0, 1).
pub(crate) fn stratified_timesteps(offset: f64, n: usize, count: usize) -> Vec<usize> {
    (0..n)
        .map(|i| ((((i as f64 + offset) / n as f64) * count as f64) as usize).min(count - 1))
        .collect()
}

impl Batch {
    /// Images `x_0` `[n, size]` with the noise `eps` at their `timesteps`, and what a network is to say of them.
    pub(crate) fn of(
        x_0: Vec<f32>,
        eps: Vec<f32>,
        timesteps: Vec<usize>,
        labels: Vec<usize>,
        (schedule, prediction_type): (&Schedule, PredictionType),
    ) -> Self {
        let size = x_0.len() / timesteps.len().max(1);
        let (mut x_t, mut target) = (vec![0.0; x_0.len()], vec![0.0; x_0.len()]);
        for (i, &timestep) in timesteps.iter().enumerate() {
            let image = i * size..(i + 1) * size;
            let alpha_cumprod = schedule.alphas_cumprod[timestep];
            let (x_0, eps) = (&x_0[image.clone()], &eps[image.clone()]);
            add_noise(x_0, eps, alpha_cumprod, &mut x_t[image.clone()]);
            let target = &mut target[image];
            training_target(prediction_type, x_0, eps, alpha_cumprod, target);
        }
        Self {
            x_0,
            eps,
            x_t,
            target,
            timesteps,
            labels,
        }
    }

    /// Some of the images.
    pub(crate) fn part(&self, images: Range<usize>) -> Self {
        let size = self.x_0.len() / self.timesteps.len().max(1);
        let numbers = |all: &[f32]| all[images.start * size..images.end * size].to_vec();
        Self {
            x_0: numbers(&self.x_0),
            eps: numbers(&self.eps),
            x_t: numbers(&self.x_t),
            target: numbers(&self.target),
            timesteps: self.timesteps[images.clone()].to_vec(),
            labels: self.labels[images.clone()].to_vec(),
        }
    }

    /// What the network is given: x_t of every image, and their times.
    pub(crate) fn given(
        &self,
        (schedule, prediction_type): (&Schedule, PredictionType),
    ) -> (Vec<f32>, Vec<f32>) {
        let process = (prediction_type, schedule.num_train_timesteps());
        let size = self.x_t.len() / self.timesteps.len().max(1);
        let (mut x_t, mut times) = (Vec::with_capacity(self.x_t.len()), Vec::new());
        for (image, &t) in self.x_t.chunks(size.max(1)).zip(&self.timesteps) {
            let (scale, time) = flow::given(process, t as f32);
            x_t.extend_from_slice(&scaled(image, scale));
            times.push(time);
        }
        (x_t, times)
    }
}

#[cfg(feature = "native")]
impl BatchPlan {
    /// The order in which epoch `epoch` visits the images (Fisher-Yates).
    fn permutation(&self, epoch: u64) -> Vec<usize> {
        let mut rng = generator(self.seed, 1, epoch);
        let mut order: Vec<usize> = (0..self.data.len()).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, (rng.next_u64() % (i as u64 + 1)) as usize);
        }
        order
    }

    /// The batch of step `step`, counted from 0; `cache` holds the current epoch's order.
    fn batch(&self, step: u64, cache: &mut Option<(u64, Vec<usize>)>) -> Batch {
        let (n, size, len) = (
            self.batch_size,
            self.data.image_len(),
            self.data.len() as u64,
        );
        let mut rng = generator(self.seed, 2, step);
        let eps = NoiseStream::new(rng.next_u64()).normal(n * size);
        let count = self.schedule.num_train_timesteps();
        let timesteps = stratified_timesteps(unit(&mut rng), n, count);
        let (mut x_0, mut labels) = (vec![0.0; n * size], Vec::with_capacity(n));
        for (i, x_0) in x_0.chunks_exact_mut(size).enumerate() {
            let position = step * n as u64 + i as u64;
            let epoch = position / len;
            if cache.as_ref().is_none_or(|(cached, _)| *cached != epoch) {
                *cache = Some((epoch, self.permutation(epoch)));
            }
            let index = cache
                .as_ref()
                .map_or(0, |(_, order)| order[(position % len) as usize]);
            self.data.image_into(index, x_0);
            let drop = unit(&mut rng) < self.label_dropout;
            let label = usize::from(self.data.labels[index]);
            labels.push(self.null_label.filter(|_| drop).unwrap_or(label));
        }
        let process = (&self.schedule, self.prediction_type);
        Batch::of(x_0, eps, timesteps, labels, process)
    }

    /// Prepares the batches from step `first` on, two ahead; the thread ends when the receiver is dropped.
    pub(crate) fn start(self, first: u64) -> Receiver<Batch> {
        let (sender, receiver) = sync_channel(2);
        std::thread::spawn(move || {
            let mut cache = None;
            for step in first.. {
                if sender.send(self.batch(step, &mut cache)).is_err() {
                    return;
                }
            }
        });
        receiver
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::SchedulerConfig;

    #[test]
    fn in_flow_matching_the_network_is_given_a_point_of_the_straight_line() {
        let scheduler = SchedulerConfig {
            prediction_type: PredictionType::Flow,
            ..SchedulerConfig::default()
        };
        let data = Dataset {
            images: (0..=255).cycle().take(6 * 16).collect(),
            labels: vec![0; 6],
            height: 4,
            width: 4,
            channels: 1,
        };
        let plan = BatchPlan {
            data: Arc::new(data),
            schedule: Schedule::new(&scheduler).unwrap(),
            prediction_type: scheduler.prediction_type,
            batch_size: 5,
            null_label: None,
            label_dropout: 0.0,
            seed: 3,
        };
        let batch = plan.batch(0, &mut None);
        let (given, times) = batch.given((&plan.schedule, plan.prediction_type));
        for (i, &z) in given.iter().enumerate() {
            let t = batch.timesteps[i / 16];
            assert_eq!(times[i / 16], t as f32 + 1.0);
            // z = (1 - s) x_0 + s eps, and the target is eps - x_0.
            let s = (t as f32 + 1.0) / 1000.0;
            let expected = batch.x_0[i] + s * batch.target[i];
            assert!((z - expected).abs() < 1e-5, "t = {t}: {z}, not {expected}");
        }
    }
}
