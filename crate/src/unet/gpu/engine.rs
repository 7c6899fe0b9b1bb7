//! A network on a GPU, from host to host.

use super::device::{Device, Enqueued};
use super::format::{Format, LARGE};
use super::kernels::walk::HEAD;
use super::parameters::To;
use super::pieces::Cuts;
use super::plan::{Features, Plan, Unsupported};
use super::run::Mark;
use super::store::Piece;
use super::{channels_first, channels_last};
use crate::denoiser::{Leg, Reached};
use crate::pipeline::Asked;
use crate::unet::look::{Seen, SeenAttention, SeenStage, Stage};
use crate::unet::{UNet, UNetConfig, progress};
use cubecl::bytes::Bytes;
use cubecl::client::Client;
use cubecl::server::ServerError;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use thiserror::Error;
use web_time::Instant;

/// After an evaluation that takes longer, the next one is told in parts, as the first of a large network is: each part costs a
/// submission.
const LONG: Duration = Duration::from_secs(2);
/// How many.
const PARTS: usize = 16;

/// The device lost the result.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("{0}")]
pub struct DeviceError(String);

impl DeviceError {
    /// Fewer numbers came back than were asked for.
    pub(super) fn lost() -> Self {
        Self("it returned too few numbers".into())
    }
}

/// A network on a GPU, ready to predict; threads may share it, and it may move between them.
pub struct Engine {
    config: UNetConfig,
    plan: Plan,
    device: Device,
    /// Whether the next evaluation is one to wait for: the latest was, or the network is large.
    is_slow: AtomicBool,
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
    /// A network that the kernels do not compute, or that has a layer with more parameters than the device takes in one
    /// piece of memory.
    pub fn new(unet: &UNet, client: Client) -> Result<Self, Unsupported> {
        let format = Format::of(unet, &client);
        Self::stored(unet, format, client)
    }

    /// The same with parameters in float32, whatever they are.
    ///
    /// # Errors
    /// See [`new`](Self::new).
    pub fn in_single(unet: &UNet, client: Client) -> Result<Self, Unsupported> {
        Self::stored(unet, Format::Single, client)
    }

    /// The same with parameters as `format` says.
    pub(super) fn stored(unet: &UNet, format: Format, client: Client) -> Result<Self, Unsupported> {
        let most = Piece::most(format, &client);
        Self::in_pieces(unet, format, most, client)
    }

    /// The same with at most `most` parameters in one piece of memory.
    pub(super) fn in_pieces(
        unet: &UNet,
        format: Format,
        most: usize,
        client: Client,
    ) -> Result<Self, Unsupported> {
        // The host has the parameters once: of all, first where they go, then what they are.
        let align = format.align();
        let plan = unet.launches_with(To::Nowhere, align)?;
        let wholes: Vec<_> = plan.wholes().into_iter().map(|whole| (whole, 0)).collect();
        let cuts = Cuts::new(&wholes, most, format);
        let device = cuts.and_then(|cuts| Device::new(&cuts, format, client));
        let device = device.map_err(|e| Unsupported(e.to_string()))?;
        device.fill(|take| unet.launches_with(To::Device(take), align).map(drop))?;
        let is_large = unet.config().parameter_count() >= LARGE;
        Ok(Self {
            config: unet.config().clone(),
            plan,
            device,
            is_slow: AtomicBool::new(is_large),
        })
    }

    /// Whether the device stores the parameters in float16.
    #[must_use]
    pub fn is_in_half(&self) -> bool {
        self.device.format() == Format::Half
    }

    /// How many images at most can be asked about at once: beyond, a tensor would be larger than what the device gives in
    /// one piece. At least one, which may be too much, too.
    #[must_use]
    pub fn most_images(&self) -> NonZeroUsize {
        let most = self.plan.most_images(self.device.most());
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
        let asked = [self.plan.out];
        let values = self.evaluate(x_t, timesteps, labels, false, &asked).await?;
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
        let stages = plan.stages.iter().map(|(_, features)| *features);
        let asked: Vec<Features> = stages.chain(plan.bottom.map(|(qkv, _)| qkv)).collect();
        let values = self.evaluate(x_t, timesteps, labels, true, &asked).await?;
        let stages = (plan.stages.iter().zip(&values))
            .map(|(&(stage, features), values)| {
                let mut values = channels_first(values, features.c, images);
                if stage == Stage::Out {
                    plan.divide(&mut values, timesteps);
                }
                SeenStage {
                    stage,
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

    /// The `asked` tensors of one evaluation.
    async fn evaluate(
        &self,
        x_t: &[f32],
        timesteps: &[f32],
        labels: Option<&[usize]>,
        keeps: bool,
        asked: &[Features],
    ) -> Result<Vec<Vec<f32>>, DeviceError> {
        let (config, images) = (&self.config, timesteps.len());
        let mut x = channels_last(x_t, config.in_channels, images);
        config.center(&mut x);
        let [rows, classes] = self.plan.rows(config, timesteps, labels);
        let parts = [&x[..], &rows, &classes];
        let began = Instant::now();
        let Enqueued { marks, read } = (self.device)
            .evaluate(&self.plan, images, keeps, parts, asked, self.parts_told())
            .map_err(|e| DeviceError(e.to_string()))?;
        tell(marks).await;
        let read = read.await;
        (self.is_slow).store(began.elapsed() >= LONG, Ordering::Relaxed);
        numbers(read)
    }

    /// Takes the steps of a leg of a walk here, without waiting in between; `None` if there is no room for them, or if a
    /// number was not finite.
    ///
    /// # Errors
    /// The device failed.
    pub(crate) async fn walk(
        &self,
        mut leg: Leg<'_>,
        asked: impl Fn(f32) -> Asked,
    ) -> Result<Option<Reached>, DeviceError> {
        let (route, steps) = (leg.route, leg.steps);
        let halves = if route.guidance_scale.is_some() { 2 } else { 1 };
        let images = leg.at_most.min(self.most_images().get()) / halves;
        if images == 0 {
            return Ok(None);
        }
        let began = Instant::now();
        let network = (&self.plan, &self.config);
        let enqueued = (self.device).walk(network, &mut leg, &asked, images, self.parts_told());
        let Ok((walk, Enqueued { marks, read })) = enqueued else {
            return Ok(None);
        };
        tell(marks).await;
        let read = read.await;
        let is_slow = began.elapsed() >= LONG * u32::try_from(steps).unwrap_or(u32::MAX);
        self.is_slow.store(is_slow, Ordering::Relaxed);
        let read = numbers(read)?;
        let [n, c, h, w] = route.shape;
        let Some((head, tensors)) = read.first().and_then(|read| read.split_at_checked(HEAD))
        else {
            return Err(DeviceError::lost());
        };
        let tensors: Vec<Vec<f32>> = (tensors.chunks_exact(n * c * h * w))
            .map(|tensor| channels_first(tensor, c, n))
            .collect();
        let mut tensors = tensors.into_iter();
        let (Some(x_prev), Some(x_0), Some(eps)) = (tensors.next(), tensors.next(), tensors.next())
        else {
            return Err(DeviceError::lost());
        };
        if head[0] != 0.0 {
            return Ok(None);
        }
        *leg.kept = Some(Box::new(walk));
        Ok(Some(Reached {
            x_prev,
            x_0,
            eps,
            x_0_before: tensors.next(),
            x_t: tensors.next(),
        }))
    }

    /// In how many parts an evaluation is told.
    fn parts_told(&self) -> usize {
        if progress::is_heard() && self.is_slow.load(Ordering::Relaxed) {
            PARTS
        } else {
            1
        }
    }
}

/// Tells each share of an evaluation when it is done.
async fn tell(marks: Vec<Mark<'_>>) {
    for (share, done) in marks {
        // What fails here fails when the result is read, too, where it is said.
        if done.await.is_ok() {
            progress::tell(share);
        }
    }
}

/// What was read, as numbers.
pub(super) fn numbers(read: Result<Vec<Bytes>, ServerError>) -> Result<Vec<Vec<f32>>, DeviceError> {
    let read = read.map_err(|e| DeviceError(e.to_string()))?;
    let number = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    Ok(read
        .iter()
        .map(|bytes| bytes.chunks_exact(4).map(number).collect())
        .collect())
}

#[cfg(test)]
impl Engine {
    /// Bytes of the parameters on the device.
    pub(super) fn parameter_bytes(&self) -> usize {
        self.device.parameter_bytes()
    }

    /// As if the evaluation before had taken long.
    pub(super) fn be_slow(&self) {
        self.is_slow.store(true, Ordering::Relaxed);
    }
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
