//! A network on a GPU, from host to host.

use super::plan::{Plan, Unsupported};
use super::run::{Piece, Run};
use super::{channels_first, channels_last};
use crate::unet::look::{Place, Seen, SeenAttention, SeenStage};
use crate::unet::{UNet, UNetConfig};
use cubecl::bytes::Bytes;
use cubecl::client::Client;
use cubecl::server::ServerError;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;

/// Most plans whose memory is kept: a batch, the same with guidance, a look inside, and one to spare.
const MOST_RUNS: usize = 4;

/// The device lost the result.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("{0}")]
pub struct DeviceError(String);

/// A network on a GPU, ready to predict.
pub struct Engine {
    client: Client,
    config: UNetConfig,
    plan: Plan,
    weights: Piece,
    runs: Mutex<Vec<Arc<Run>>>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let launches = self.plan.launches.len();
        f.debug_struct("Engine")
            .field("launches", &launches)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Takes the network's parameters to the device of `client`.
    ///
    /// # Errors
    /// A network that the kernels do not compute.
    pub fn new(unet: &UNet, client: Client) -> Result<Self, Unsupported> {
        let mut plan = unet.launches()?;
        let weights = std::mem::take(&mut plan.weights);
        let weights = Piece::of(weights, &client).map_err(|e| Unsupported(e.to_string()))?;
        Ok(Self {
            client,
            config: unet.config().clone(),
            plan,
            weights,
            runs: Mutex::new(Vec::new()),
        })
    }

    /// How many images at most can be asked about at once: beyond, a tensor would be larger than what the device gives in
    /// one piece. At least one, which may be too much, too.
    #[must_use]
    pub fn most_images(&self) -> NonZeroUsize {
        let most = self.plan.most_images(Piece::most(&self.client));
        NonZeroUsize::new(most).unwrap_or(NonZeroUsize::MIN)
    }

    /// [`UNet::forward`] with everything on the host: `x_t` and the result are `[n, c, h, w]`, n at most
    /// [`most_images`](Self::most_images).
    ///
    /// # Errors
    /// The device failed.
    pub async fn predict(
        &self,
        x_t: &[f32],
        timesteps: &[f32],
        labels: Option<&[usize]>,
    ) -> Result<Vec<f32>, DeviceError> {
        let run = self.evaluate(x_t, timesteps, labels, false)?;
        let read = self.client.read_async(vec![run.handle(&self.plan.out)]);
        let values = numbers(read.await)?;
        let channels = self.config.out_channels;
        let mut out = channels_first(&values[0], channels, timesteps.len());
        self.plan.divide(&mut out, timesteps);
        Ok(out)
    }

    /// [`UNet::look`] with everything on the host.
    ///
    /// # Errors
    /// The device failed.
    pub async fn look(
        &self,
        x_t: &[f32],
        timesteps: &[f32],
        labels: Option<&[usize]>,
    ) -> Result<Seen, DeviceError> {
        let (plan, images) = (&self.plan, timesteps.len());
        let run = self.evaluate(x_t, timesteps, labels, true)?;
        let stages = plan.stages.iter().map(|(_, features)| *features);
        let asked = stages.chain(plan.bottom.map(|(qkv, _)| qkv));
        let handles = asked.map(|features| run.handle(&features)).collect();
        let values = numbers(self.client.read_async(handles).await)?;
        let stages = (plan.stages.iter().zip(&values))
            .map(|(&(place, features), values)| {
                let mut values = channels_first(values, features.c, images);
                if place == Place::Out {
                    plan.divide(&mut values, timesteps);
                }
                SeenStage {
                    place,
                    shape: [images, features.c, features.h, features.w],
                    values,
                }
            })
            .collect();
        let attention = (plan.bottom.zip(values.last())).map(|((qkv, heads), values)| {
            attention_weights(values, [images, qkv.h * qkv.w], heads)
        });
        Ok(Seen { stages, attention })
    }

    /// Enqueues one evaluation.
    fn evaluate(
        &self,
        x_t: &[f32],
        timesteps: &[f32],
        labels: Option<&[usize]>,
        keeps: bool,
    ) -> Result<Arc<Run>, DeviceError> {
        let (config, images) = (&self.config, timesteps.len());
        let mut x = channels_last(x_t, config.in_channels, images);
        if config.center_input_sample {
            x.iter_mut().for_each(|x| *x = *x * 2.0 - 1.0);
        }
        let [rows, classes] = self.plan.rows(config, timesteps, labels);
        let run = self.run(images, keeps)?;
        run.write([&x, &rows, &classes], &self.client);
        run.evaluate(&self.plan, &self.client);
        Ok(run)
    }

    /// The plan for so many images: one of the latest, or a new one.
    fn run(&self, images: usize, keeps: bool) -> Result<Arc<Run>, DeviceError> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let run = match runs
            .iter()
            .position(|run| (run.images, run.keeps) == (images, keeps))
        {
            Some(at) => runs.remove(at),
            None => {
                let (plan, weights) = (&self.plan, &self.weights);
                let run = Run::new(plan, images, keeps, weights, &self.client);
                Arc::new(run.map_err(|e| DeviceError(e.to_string()))?)
            }
        };
        runs.push(run.clone());
        if runs.len() > MOST_RUNS {
            runs.remove(0);
        }
        Ok(run)
    }
}

/// What was read, as numbers.
fn numbers(read: Result<Vec<Bytes>, ServerError>) -> Result<Vec<Vec<f32>>, DeviceError> {
    let read = read.map_err(|e| DeviceError(e.to_string()))?;
    let number = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    Ok(read
        .iter()
        .map(|bytes| bytes.chunks_exact(4).map(number).collect())
        .collect())
}

/// softmax(q k^T / sqrt(d)) of `[n, tokens, 3, heads, d]`: small where anyone looks at it, and so done on the host.
fn attention_weights(qkv: &[f32], [n, tokens]: [usize; 2], heads: usize) -> SeenAttention {
    let width = qkv.len() / (3 * n * tokens).max(1);
    let d = width / heads;
    let scale = (d as f32).sqrt().recip();
    let mut weights = Vec::with_capacity(n * heads * tokens * tokens);
    for image in qkv.chunks_exact(3 * width * tokens) {
        for head in 0..heads {
            let part = |token: usize, which: usize| {
                let at = (token * 3 + which) * width + head * d;
                &image[at..at + d]
            };
            for query in 0..tokens {
                let q = part(query, 0);
                let score =
                    |key| q.iter().zip(part(key, 1)).map(|(q, k)| q * k).sum::<f32>() * scale;
                let scores: Vec<f32> = (0..tokens).map(score).collect();
                let most = scores.iter().copied().fold(f32::MIN, f32::max);
                let sum: f32 = scores.iter().map(|score| (score - most).exp()).sum();
                weights.extend(scores.iter().map(|score| (score - most).exp() / sum));
            }
        }
    }
    SeenAttention {
        shape: [n, heads, tokens, tokens],
        weights,
    }
}
