//! Timestep and label as a vector for every block: sines and cosines (Vaswani et al. 2017, section 3.5), then linear layers.

use super::activation::Activation;
use super::build::Builder;
use super::config::{ClassEmbedType, TimeEmbeddingType, UNetConfig};
use super::executor::Executor;
use super::layers::{Embedding, Frequencies, Linear};
use burn::module::Module;
use std::f32::consts::PI;

/// `[sin(t w_i), cos(t w_i)]` with `w_i = 10000^(-i / (d/2 - freq_shift))`, row by row: `[n, d]`, values in [-1, 1].
///
/// `flip_sin_to_cos` puts the cosines first; an odd `d` ends in a zero. In f32, as PyTorch computes it.
pub fn sinusoidal(timesteps: &[f32], d: usize, flip_sin_to_cos: bool, freq_shift: f64) -> Vec<f32> {
    let half = d / 2;
    let frequency =
        |i: usize| (-(10_000f32.ln()) * i as f32 / (half as f64 - freq_shift) as f32).exp();
    let mut rows = Vec::with_capacity(timesteps.len() * d);
    for &t in timesteps {
        let sines = (0..half).map(|i| (t * frequency(i)).sin());
        let cosines = (0..half).map(|i| (t * frequency(i)).cos());
        if flip_sin_to_cos {
            rows.extend(cosines.chain(sines));
        } else {
            rows.extend(sines.chain(cosines));
        }
        rows.extend(std::iter::repeat_n(0.0, d % 2));
    }
    rows
}

/// `[sin(2 pi w_i ln t), cos(2 pi w_i ln t)]`, row by row: `[n, 2 d]` for `d` frequencies (Song et al. 2021, appendix C).
///
/// The timestep is a noise level there, and must be above 0 to have a logarithm. In f32, as PyTorch computes it.
pub fn fourier(timesteps: &[f32], frequencies: &[f32]) -> Vec<f32> {
    let mut rows = Vec::with_capacity(2 * timesteps.len() * frequencies.len());
    for &t in timesteps {
        let angles = frequencies.iter().map(|w| t.ln() * w * 2.0 * PI);
        rows.extend(angles.clone().map(f32::sin));
        rows.extend(angles.map(f32::cos));
    }
    rows
}

/// Divides each image by its timestep, as networks with a Fourier embedding do with their output (Song et al. 2021,
/// appendix C).
pub(super) fn divide_by_timestep<T>(images: &mut [T], timesteps: &[f32])
where
    T: Copy + From<f32> + std::ops::Div<Output = T>,
{
    let len = (images.len() / timesteps.len().max(1)).max(1);
    for (image, &timestep) in images.chunks_exact_mut(len).zip(timesteps) {
        (image.iter_mut()).for_each(|value| *value = *value / timestep.into());
    }
}

impl UNetConfig {
    /// Width of a row of [`timestep_rows`](Self::timestep_rows).
    pub(crate) fn timestep_width(&self) -> usize {
        let first = self.block_out_channels.first().copied().unwrap_or_default();
        match self.time_embedding_type {
            TimeEmbeddingType::Positional => first,
            TimeEmbeddingType::Fourier => 2 * first,
        }
    }

    /// The timesteps as the network takes them, a row for each: `[n, timestep_width]`. `frequencies` are those of a
    /// Fourier embedding.
    pub(crate) fn timestep_rows(&self, timesteps: &[f32], frequencies: Option<&[f32]>) -> Vec<f32> {
        match frequencies {
            Some(frequencies) => fourier(timesteps, frequencies),
            None => {
                let d = self.timestep_width();
                sinusoidal(timesteps, d, self.flip_sin_to_cos, self.freq_shift)
            }
        }
    }

    /// The same of labels that are embedded as timesteps are; an image without a label has label 0.
    pub(crate) fn label_rows(
        &self,
        labels: Option<&[usize]>,
        images: usize,
        frequencies: Option<&[f32]>,
    ) -> Vec<f32> {
        let labels = labels.map_or_else(
            || vec![0.0; images],
            |labels| labels.iter().map(|&label| label as f32).collect(),
        );
        self.timestep_rows(&labels, frequencies)
    }

    /// Width of the time embedding: `time_embedding_dim`, or four times the first level.
    pub(crate) fn time_channels(&self) -> usize {
        let first = self.block_out_channels.first().copied().unwrap_or_default();
        self.time_embedding_dim.unwrap_or(4 * first)
    }
}

/// `time_embedding`: two linear layers with a SiLU between them, whatever `act_fn` says.
#[derive(Module, Debug)]
pub struct TimeEmbedding {
    linear_1: Linear,
    linear_2: Linear,
}

impl TimeEmbedding {
    /// From sines and cosines to `time_channels`.
    pub(super) fn new(layers: &mut Builder, config: &UNetConfig) -> Self {
        let d = config.time_channels();
        Self {
            linear_1: layers.linear(config.timestep_width(), d),
            linear_2: layers.linear(d, d),
        }
    }

    /// `[n, timestep_width]` to `[n, time_channels]`.
    fn forward<E: Executor>(&self, on: &mut E, rows: E::Vector) -> E::Vector {
        let hidden = on.linear(rows, &self.linear_1); // [n, time_channels]
        let hidden = on.activate(hidden, Activation::Silu);
        on.linear(hidden, &self.linear_2) // [n, time_channels]
    }
}

/// `class_embedding`: how a label becomes a vector.
#[derive(Module, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a network has one of them, and burn's modules hold no boxes"
)]
pub enum ClassEmbedding {
    /// A row for each label.
    Table(Embedding),
    /// The label is embedded like a timestep, with its own linear layers.
    Timestep(TimeEmbedding),
}

impl ClassEmbedding {
    /// The embedding of `config`, if it has one.
    pub(super) fn new(layers: &mut Builder, config: &UNetConfig) -> Option<Self> {
        match config.class_embed_type {
            None => config.num_class_embeds.map(|rows| {
                let d = config.time_channels();
                Self::Table(layers.embedding(rows, d))
            }),
            Some(ClassEmbedType::Timestep) => {
                Some(Self::Timestep(TimeEmbedding::new(layers, config)))
            }
            // A vector of the caller's, added as it is: nothing to learn, and 0 here.
            Some(ClassEmbedType::Identity) => None,
        }
    }
}

/// The vector of timestep and label, if there are `classes`, for every block: `[n, time_channels]`.
pub(super) fn embed<E: Executor>(
    on: &mut E,
    frequencies: Option<&Frequencies>,
    time: &TimeEmbedding,
    classes: Option<&ClassEmbedding>,
) -> E::Vector {
    let timestep = on.timestep(frequencies); // [n, timestep_width]
    let emb = time.forward(on, timestep); // [n, time_channels]
    let label = match classes {
        Some(ClassEmbedding::Table(table)) => on.label(table), // [n, time_channels]
        Some(ClassEmbedding::Timestep(layers)) => {
            let label = on.label_as_timestep(frequencies); // [n, timestep_width]
            Some(layers.forward(on, label)) // [n, time_channels]
        }
        None => None,
    };
    match label {
        Some(label) => on.add(emb, label),
        None => emb,
    }
}
