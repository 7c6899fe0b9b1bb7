//! The time embedding: sines and cosines of t (Vaswani et al. 2017, section 3.5), then two linear layers.

use super::config::UNetConfig;
use super::layers::Linear;
use burn::module::Module;
use burn::tensor::activation::silu;
use burn::tensor::{Device, Tensor, TensorData};

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

/// `time_embedding`: two linear layers with a SiLU between them.
#[derive(Module, Debug)]
pub struct TimeEmbedding {
    linear_1: Linear,
    linear_2: Linear,
}

impl TimeEmbedding {
    /// From the width of the first level to `time_channels`.
    pub fn new(config: &UNetConfig, device: &Device) -> Self {
        let d = config.time_channels();
        Self {
            linear_1: Linear::new(config.block_out_channels[0], d, device),
            linear_2: Linear::new(d, d, device),
        }
    }

    /// [`forward`](Self::forward) as launches.
    #[cfg(any(feature = "gpu", test))]
    pub(super) fn plan(&self, planner: &mut super::gpu::Planner) {
        planner.embed(&self.linear_1.host(), &self.linear_2.host());
    }

    /// One vector for each timestep: `[n]` to `[n, time_channels]`.
    pub fn forward(&self, timesteps: &[f32], config: &UNetConfig, device: &Device) -> Tensor<2> {
        let d = config.block_out_channels[0];
        let rows = sinusoidal(timesteps, d, config.flip_sin_to_cos, config.freq_shift);
        let rows = Tensor::<2>::from_data(TensorData::new(rows, [timesteps.len(), d]), device);
        self.linear_2.forward(silu(self.linear_1.forward(rows)))
    }
}
