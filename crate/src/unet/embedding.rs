//! The time embedding: sines and cosines of t (Vaswani et al. 2017, section 3.5), then two linear layers.

use super::build::Builder;
use super::config::UNetConfig;
use super::executor::Executor;
use super::layers::{Embedding, Linear};
use burn::module::Module;

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

impl UNetConfig {
    /// Width of a row of [`timestep_rows`](Self::timestep_rows).
    pub(crate) fn timestep_width(&self) -> usize {
        self.block_out_channels.first().copied().unwrap_or_default()
    }

    /// What the host tells the network of each timestep, row by row: `[n, timestep_width]`.
    pub(crate) fn timestep_rows(&self, timesteps: &[f32]) -> Vec<f32> {
        let d = self.timestep_width();
        sinusoidal(timesteps, d, self.flip_sin_to_cos, self.freq_shift)
    }

    /// Width of the time embedding: four times the first level.
    pub(crate) fn time_channels(&self) -> usize {
        4 * self.block_out_channels.first().copied().unwrap_or_default()
    }
}

/// `time_embedding`: two linear layers with a SiLU between them.
#[derive(Module, Debug)]
pub struct TimeEmbedding {
    linear_1: Linear,
    linear_2: Linear,
}

impl TimeEmbedding {
    /// From the timestep's sines and cosines to `time_channels`.
    pub(super) fn new(layers: &mut Builder, config: &UNetConfig) -> Self {
        let d = config.time_channels();
        Self {
            linear_1: layers.linear(config.timestep_width(), d),
            linear_2: layers.linear(d, d),
        }
    }

    /// What timestep and label, if `classes` has a row for it, say to every block: `[n, time_channels]`.
    pub(super) fn forward<E: Executor>(
        &self,
        on: &mut E,
        classes: Option<&Embedding>,
    ) -> E::Vector {
        let timestep = on.timestep(); // [n, c_0]
        let hidden = on.linear(timestep, &self.linear_1); // [n, time_channels]
        let hidden = on.silu(hidden);
        let emb = on.linear(hidden, &self.linear_2); // [n, time_channels]
        match classes.and_then(|table| on.label(table)) {
            Some(label) => on.add(emb, label),
            None => emb,
        }
    }
}
