//! The best possible answers where x_0 is one of finitely many images, and how near a network comes to them.
//!
//! No function of x_t has a smaller mean squared error than the mean of eps given x_t. Where x_0 is one of the images x_i,
//! each as likely as the others, Bayes' rule and eq. 4 of Ho et al. 2020 give that mean in closed form (Karras et al. 2022,
//! arXiv 2206.00364, appendix B.3):
//!
//! ```text
//! w_i      is proportional to exp(-|x_t - sqrt(abar) x_i|^2 / (2 (1 - abar)))
//! x_0-hat* = sum over i of w_i x_i                                      mean_x_0
//! eps-hat* = (x_t - sqrt(abar) x_0-hat*) / sqrt(1 - abar)
//! ```
//!
//! A network that is shown a label is compared with the best answer that knows the label, too: x_i are then the images of
//! that label only.

mod mean;

pub use mean::mean_x_0;

use super::estimate::Estimate;
use super::{generator, permutation};
use crate::data::Dataset;
use crate::denoiser::{Denoiser, ModelSpec};
use crate::diffusion::{add_noise, predicted_eps};
use crate::noise::NoiseStream;
use crate::schedule::{PredictionType, Schedule, ScheduleError, SchedulerConfig};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use thiserror::Error;

/// How many timesteps a curve has, closer together where t is small: the page computes every second of them.
const TIMES: usize = 47;
/// Images that the network sees at once.
const BATCH: usize = 100;

/// Why the answers cannot be compared.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum OptimumError<E: std::error::Error + 'static> {
    /// The schedule.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// Too few draws for an interval.
    #[error("draws is {0}; give at least 2, for an interval")]
    Draws(usize),
    /// No training images.
    #[error("there are no training images")]
    NoImages,
    /// The network failed.
    #[error("the network failed at timestep {timestep}: {source}")]
    Network {
        /// Where.
        timestep: usize,
        /// Its own error.
        source: E,
    },
    /// The network's output is too short, or not a number.
    #[error(
        "the network's output at timestep {0} does not fit the images, or is not a number; check its weights"
    )]
    Output(usize),
}

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Pairs of a training image and a noise, the same at every timestep.
    pub draws: usize,
    /// Of the choice of images, and of the noise.
    pub seed: u64,
}

/// `optimum.json` of a model folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Optimum {
    /// How many training images there are.
    pub images: usize,
    /// Pairs of an image and a noise at each timestep.
    pub draws: usize,
    /// Their seed.
    pub seed: u64,
    /// Whether the network and the best answer know the label of the image.
    pub knows_label: bool,
    /// The curve.
    pub curve: Vec<At>,
}

/// The mean squared errors of eps-hat at one timestep, over pixels and draws, with 95% intervals.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct At {
    /// The timestep.
    pub timestep: usize,
    /// Of the best possible answer.
    pub optimum: Estimate,
    /// Of the network, for the same images and noise.
    pub network: Estimate,
}

/// The timesteps of the curve, ascending: round((T - 1) (i / 46)^2).
pub fn times(num_train_timesteps: usize) -> Vec<usize> {
    let last = num_train_timesteps.saturating_sub(1) as f64;
    let at = |i: usize| (last * (i as f64 / (TIMES - 1) as f64).powi(2)).round() as usize;
    let mut times: Vec<usize> = (0..TIMES).map(at).collect();
    times.dedup();
    times
}

/// Compares a network with the best possible answers for the training images, which must fit it. `progress` gets the
/// timesteps done and their number.
///
/// # Errors
/// Too few draws, or a failure of the network.
pub fn optimum<D: Denoiser>(
    network: &D,
    scheduler: &SchedulerConfig,
    spec: &ModelSpec,
    train: &Dataset,
    plan: Plan,
    mut progress: impl FnMut(usize, usize),
) -> Result<Optimum, OptimumError<D::Error>> {
    if plan.draws < 2 {
        return Err(OptimumError::Draws(plan.draws));
    }
    if train.is_empty() {
        return Err(OptimumError::NoImages);
    }
    let schedule = Schedule::new(scheduler)?;
    let knows_label = spec.num_class_embeds.is_some();
    let drawn = Drawn::new(train, plan, knows_label);
    let times = times(schedule.num_train_timesteps());
    let mut x_t = vec![0.0; drawn.x_0.len()];
    let mut curve = Vec::with_capacity(times.len());
    for (done, &timestep) in times.iter().enumerate() {
        progress(done, times.len());
        let at = Level {
            timestep,
            alpha_cumprod: schedule.alpha_cumprod(Some(timestep))?,
            prediction_type: scheduler.prediction_type,
        };
        add_noise(&drawn.x_0, &drawn.eps, at.alpha_cumprod, &mut x_t);
        let best = drawn.errors_of_the_best(&x_t, train, at);
        let own = drawn.errors_of(network, &x_t, spec, at)?;
        if !own.iter().all(|error| error.is_finite()) {
            return Err(OptimumError::Output(timestep));
        }
        curve.push(At {
            timestep,
            optimum: Estimate::of_strata([(1.0, &best[..])]),
            network: Estimate::of_strata([(1.0, &own[..])]),
        });
    }
    Ok(Optimum {
        images: train.len(),
        draws: plan.draws,
        seed: plan.seed,
        knows_label,
        curve,
    })
}

/// Where on the chain an answer is asked for.
#[derive(Clone, Copy)]
struct Level {
    timestep: usize,
    alpha_cumprod: f64,
    prediction_type: PredictionType,
}

/// The images and noises that are drawn.
struct Drawn {
    /// Values of an image.
    size: usize,
    /// The label of each image, if it is known.
    labels: Option<Vec<usize>>,
    /// `[draws, c, h, w]`.
    x_0: Vec<f32>,
    /// `[draws, c, h, w]`.
    eps: Vec<f32>,
    /// Some of the draws, one range after the other, with the images that their x_0 may be one of.
    groups: Vec<(Range<usize>, Vec<usize>)>,
}

impl Drawn {
    fn new(train: &Dataset, Plan { draws, seed }: Plan, knows_label: bool) -> Self {
        let label = |&i: &usize| {
            if knows_label {
                usize::from(train.labels[i])
            } else {
                0
            }
        };
        let order = permutation(train.len(), &mut generator(seed, 4));
        let mut images: Vec<usize> = order.into_iter().cycle().take(draws).collect();
        // Those of one label lie together.
        images.sort_by_key(label);
        let mut groups = Vec::new();
        let mut from = 0;
        for same in images.chunk_by(|a, b| label(a) == label(b)) {
            let among = (0..train.len()).filter(|i| label(i) == label(&same[0]));
            groups.push((from..from + same.len(), among.collect()));
            from += same.len();
        }
        let size = train.image_len();
        let mut noise = NoiseStream::new(seed);
        Self {
            size,
            labels: knows_label.then(|| images.iter().map(label).collect()),
            x_0: images.iter().flat_map(|&i| train.image(i)).collect(),
            eps: images.iter().flat_map(|_| noise.normal(size)).collect(),
            groups,
        }
    }

    /// The squared error of eps-hat* for each image, mean over its values. eps - eps-hat* is
    /// sqrt(abar / (1 - abar)) (x_0-hat* - x_0), which does not lose digits where the two are close.
    fn errors_of_the_best(&self, x_t: &[f32], train: &Dataset, at: Level) -> Vec<f64> {
        let Self { size, x_0, .. } = self;
        let snr = at.alpha_cumprod / (1.0 - at.alpha_cumprod);
        let mut errors = Vec::with_capacity(x_0.len() / size);
        for (range, among) in &self.groups {
            let range = range.start * size..range.end * size;
            let means = mean_x_0(&x_t[range.clone()], train, among, at.alpha_cumprod);
            let images = x_0[range].chunks_exact(*size);
            for (x_0, mean) in images.zip(means.chunks_exact(*size)) {
                let off = mean.iter().zip(x_0).map(|(a, &b)| a - f64::from(b));
                errors.push(snr * mean_square(off));
            }
        }
        errors
    }

    /// The squared error of the network's eps-hat for each image, mean over its values.
    fn errors_of<D: Denoiser>(
        &self,
        network: &D,
        x_t: &[f32],
        spec: &ModelSpec,
        at: Level,
    ) -> Result<Vec<f64>, OptimumError<D::Error>> {
        let (size, timestep) = (self.size, at.timestep);
        let mut errors = Vec::with_capacity(x_t.len() / size);
        let mut eps_hat = vec![0.0; size];
        let batches = x_t.chunks(BATCH * size).zip(self.eps.chunks(BATCH * size));
        for (batch, (x_t, eps)) in batches.enumerate() {
            let count = x_t.len() / size;
            let shape = [count, spec.channels, spec.height, spec.width];
            let labels = self.labels.as_deref();
            let labels = labels.map(|all| &all[batch * BATCH..batch * BATCH + count]);
            let output = pollster::block_on(network.predict(x_t, shape, timestep, labels))
                .map_err(|source| OptimumError::Network { timestep, source })?;
            // Behind the answer is what a learned variance is made of.
            let length = output.len() / count;
            if length < size {
                return Err(OptimumError::Output(timestep));
            }
            let images = x_t.chunks_exact(size).zip(eps.chunks_exact(size));
            for ((x_t, eps), output) in images.zip(output.chunks_exact(length)) {
                let output = &output[..size];
                predicted_eps(
                    at.prediction_type,
                    x_t,
                    output,
                    at.alpha_cumprod,
                    &mut eps_hat,
                );
                let off = eps_hat
                    .iter()
                    .zip(eps)
                    .map(|(&a, &b)| f64::from(a) - f64::from(b));
                errors.push(mean_square(off));
            }
        }
        Ok(errors)
    }
}

fn mean_square(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.map(|value| value * value).sum::<f64>() / count
}
