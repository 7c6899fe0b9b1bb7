//! The variational bound on test images (Ho et al. 2020, eq. 5), in bits per dimension, with an interval.
//!
//! As in the evaluations of Ho et al. and of Nichol & Dhariwal 2021 (arXiv 2102.09672), x_0-hat is clipped to [-1, 1] in
//! every term, whatever the scheduler's configuration says; the model's variance is the configuration's, at timestep 0 beta~
//! of timestep 1. The unconditional bound gives the network the null label. Both bounds use the same images,
//! timesteps and noise, so that their difference is far more precise than either.
//!
//! The default draws timesteps in strata (see [`estimate`](super::estimate)), each draw with an image of its own as long as
//! there are enough; the interval covers the choice of images, timesteps and noise. [`Plan::Full`] sums all T terms of each
//! image, so that the interval covers only the choice of images and the noise.

mod plan;

pub use plan::{Plan, check};

use super::estimate::{Estimate, rows};
use crate::data::Dataset;
use crate::denoiser::ModelSpec;
use crate::likelihood::{TermError, Terms, bits_per_dim};
use crate::noise::NoiseStream;
use crate::pipeline::Pipeline;
use crate::schedule::{ScheduleError, VarianceType};
use burn::tensor::{Tensor, TensorData};
use plan::{Draw, Stratum, planned};
use rayon::prelude::*;
use serde::Serialize;
use std::ops::Range;
use thiserror::Error;

/// Images that the network sees at once.
const BATCH: usize = 100;

/// Why the bound cannot be computed.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum BoundError {
    /// The schedule.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// A term.
    #[error(transparent)]
    Term(#[from] TermError),
    /// The network's channels do not fit the variance: a learned one needs twice as many.
    #[error(
        "`variance_type` {variance_type} does not fit {found} output channels for {channels} \
         channels of an image"
    )]
    Channels {
        /// The configuration's.
        variance_type: VarianceType,
        /// The network's.
        found: usize,
        /// Of an image.
        channels: usize,
    },
    /// The data has too few images for an interval.
    #[error("there are {0} test images; a bound with an interval needs at least 10")]
    FewImages(usize),
    /// Too few draws or images for an interval.
    #[error("{option} is {found}; give {least} to {most}")]
    Count {
        /// "draws" or "images".
        option: &'static str,
        /// The number.
        found: usize,
        /// The smallest that works.
        least: usize,
        /// The largest.
        most: usize,
    },
    /// The device lost the result.
    #[error("the device returned no result ({0}); compute on the CPU")]
    Device(String),
}

/// The bound in bits per dimension.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bound {
    /// Images that took part.
    pub images: usize,
    /// Terms computed in each column.
    pub terms: usize,
    /// With the null label, or of an unconditional model; missing where a conditional model has no null label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unconditional: Option<Column>,
    /// With each image's label; missing in unconditional models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditional: Option<Column>,
    /// The unconditional bound less the conditional one: what knowing the label saves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved_by_label: Option<Estimate>,
}

/// One bound.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Column {
    /// L_T + sum L_{t-1} + L_0.
    pub total: Estimate,
    /// L_T, computed exactly: the mean over the images.
    pub prior: f64,
    /// Sums of terms, in rows of timesteps; the first is L_0.
    pub rows: Vec<Part>,
    /// The mean term in each stratum, or at each timestep.
    pub terms: Vec<Part>,
}

/// A value for a range of timesteps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Part {
    /// The first timestep.
    pub first: usize,
    /// The last timestep.
    pub last: usize,
    /// In bits per dimension.
    pub bits: Estimate,
}

/// The bound of a model on `test`, which must fit it; `progress` gets the draws done and their number.
///
/// # Errors
/// Too few draws or images for an interval, or a network that returns NaN or infinity.
pub fn bound(
    pipeline: &Pipeline,
    test: &Dataset,
    plan: Plan,
    seed: u64,
    mut progress: impl FnMut(usize, usize),
) -> Result<Bound, BoundError> {
    check(pipeline, test.len(), plan)?;
    let spec = pipeline.spec();
    let terms = Terms::new(pipeline.scheduler())?;
    let count = terms.schedule().num_train_timesteps();
    let (strata, draws) = planned(plan, test.len(), count, seed);

    // Which labels the network is shown: hidden ones, real ones.
    let conditional = spec.num_class_embeds.is_some();
    let hidden = !conditional || spec.null_label.is_some();
    let columns: Vec<bool> = [hidden.then_some(false), conditional.then_some(true)]
        .into_iter()
        .flatten()
        .collect();
    let mut nats: Vec<Vec<f64>> = vec![Vec::with_capacity(draws.len()); columns.len()];
    let mut noise = NoiseStream::new(seed);
    for (i, batch) in draws.chunks(BATCH).enumerate() {
        progress(i * BATCH, draws.len());
        let (x_0, x_t) = noised(batch, test, &terms, &mut noise)?;
        for (nats, &with_label) in nats.iter_mut().zip(&columns) {
            let labels: Option<Vec<usize>> = conditional.then(|| {
                let label = |draw: &Draw| match spec.null_label {
                    Some(null) if !with_label => null,
                    _ => usize::from(test.labels[draw.image]),
                };
                batch.iter().map(label).collect()
            });
            let output = predict(pipeline, &spec, &x_t, batch, labels.as_deref())?;
            nats.extend(terms_of(&terms, &x_0, &x_t, &output, batch)?);
        }
    }
    let table = Table {
        plan,
        strata,
        dimensions: test.image_len(),
        prior: prior(&terms, test),
        count,
    };
    let column = |with_label: bool| {
        let index = columns.iter().position(|column| *column == with_label)?;
        Some(table.column(&nats[index]))
    };
    let saved_by_label = (columns.len() == 2).then(|| {
        let saved: Vec<f64> = nats[0].iter().zip(&nats[1]).map(|(a, b)| a - b).collect();
        table.estimate(&saved, 0..count)
    });
    Ok(Bound {
        images: match plan {
            Plan::Full { images } => images,
            Plan::Strata { .. } => draws.len().min(test.len()),
        },
        terms: draws.len(),
        unconditional: column(false),
        conditional: column(true),
        saved_by_label,
    })
}

/// x_0 and x_t of a batch, `[n, c, h, w]` each.
fn noised(
    batch: &[Draw],
    test: &Dataset,
    terms: &Terms,
    noise: &mut NoiseStream,
) -> Result<(Vec<f32>, Vec<f32>), BoundError> {
    let size = test.image_len();
    let x_0: Vec<f32> = batch
        .iter()
        .flat_map(|draw| test.image(draw.image))
        .collect();
    let mut x_t = Vec::with_capacity(x_0.len());
    for (x_0, draw) in x_0.chunks_exact(size).zip(batch) {
        x_t.extend(terms.noised(x_0, &noise.normal(size), draw.timestep)?);
    }
    Ok((x_0, x_t))
}

/// The network's output for a batch, each image at its own timestep.
fn predict(
    pipeline: &Pipeline,
    spec: &ModelSpec,
    x_t: &[f32],
    batch: &[Draw],
    labels: Option<&[usize]>,
) -> Result<Vec<f32>, BoundError> {
    let shape = [batch.len(), spec.channels, spec.height, spec.width];
    let x_t = Tensor::<4>::from_data(TensorData::new(x_t.to_vec(), shape), pipeline.device());
    let timesteps: Vec<f32> = batch.iter().map(|draw| draw.timestep as f32).collect();
    let output = pipeline.unet().forward(x_t, &timesteps, labels); // [n, out_channels, h, w]
    let data = output.into_data();
    data.try_into_vec::<f32>()
        .map_err(|e| BoundError::Device(format!("{e:?}")))
}

fn terms_of(
    terms: &Terms,
    x_0: &[f32],
    x_t: &[f32],
    output: &[f32],
    batch: &[Draw],
) -> Result<Vec<f64>, BoundError> {
    let (size, out) = (x_0.len() / batch.len(), output.len() / batch.len());
    let images = x_0.par_chunks_exact(size).zip(x_t.par_chunks_exact(size));
    images
        .zip(output.par_chunks_exact(out))
        .zip(batch)
        .map(|(((x_0, x_t), output), draw)| Ok(terms.nats(x_0, x_t, output, draw.timestep)?))
        .collect()
}

/// L_T in bits per dimension, the mean over all images.
fn prior(terms: &Terms, test: &Dataset) -> f64 {
    let nats = |i: usize| terms.prior_nats(&test.image(i));
    let total: f64 = (0..test.len()).map(nats).sum();
    bits_per_dim(total, test.len() * test.image_len())
}

/// What the terms are summed up with.
struct Table {
    plan: Plan,
    strata: Vec<Stratum>,
    dimensions: usize,
    prior: f64,
    count: usize,
}

impl Table {
    /// The sum over `timesteps`, which begin and end with strata, in bits per dimension.
    fn estimate(&self, nats: &[f64], timesteps: Range<usize>) -> Estimate {
        let mut rest = nats;
        let mut strata: Vec<(&Range<usize>, &[f64])> = Vec::with_capacity(self.strata.len());
        for stratum in &self.strata {
            let (drawn, behind) = rest.split_at(stratum.draws);
            strata.push((&stratum.timesteps, drawn));
            rest = behind;
        }
        strata.retain(|(range, _)| timesteps.start <= range.start && range.end <= timesteps.end);
        let to_bits = bits_per_dim(1.0, self.dimensions);
        match self.plan {
            Plan::Strata { .. } => Estimate::of_strata(
                strata
                    .into_iter()
                    .map(|(range, nats)| (to_bits * range.len() as f64, nats)),
            ),
            // The terms of one image hang together: what varies independently is their sum.
            Plan::Full { images } => {
                let mut sums = vec![0.0; images];
                for (_, nats) in strata {
                    sums.iter_mut()
                        .zip(nats)
                        .for_each(|(sum, nats)| *sum += nats);
                }
                Estimate::of_strata([(to_bits, &sums[..])])
            }
        }
    }

    fn column(&self, nats: &[f64]) -> Column {
        let part = |range: &Range<usize>, bits: Estimate| Part {
            first: range.start,
            last: range.end - 1,
            bits,
        };
        let mean = |range: &Range<usize>| {
            let Estimate { mean, half_width } = self.estimate(nats, range.clone());
            let n = range.len() as f64;
            Estimate {
                mean: mean / n,
                half_width: half_width / n,
            }
        };
        Column {
            total: self.estimate(nats, 0..self.count).plus(self.prior),
            prior: self.prior,
            rows: rows(self.count)
                .iter()
                .map(|row| part(row, self.estimate(nats, row.clone())))
                .collect(),
            terms: self
                .strata
                .iter()
                .map(|Stratum { timesteps, .. }| part(timesteps, mean(timesteps)))
                .collect(),
        }
    }
}
