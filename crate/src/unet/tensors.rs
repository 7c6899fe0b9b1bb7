//! The network's operations in burn, with gradients: what training goes through.

use super::activation::Activation;
use super::config::UNetConfig;
use super::dropout::Dropped;
use super::executor::{Executor, Finish, Heads, Then};
use super::layers::{Conv2d, Embedding, Frequencies, GroupNorm, Linear};
use super::look::Stage;
use super::ops;
use super::resample::Filter;
use burn::nn::Dropout;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};

/// Attention scores held at once: 64 MiB of them.
const MAX_SCORES: usize = 1 << 24;

/// One evaluation in burn.
#[derive(Debug)]
pub(super) struct Tensors<'a> {
    config: &'a UNetConfig,
    timesteps: &'a [f32],
    labels: Option<&'a [usize]>,
    /// For dropout; `None` outside of training.
    keys: Option<&'a [u32]>,
    /// Layers with dropout so far.
    dropouts: u32,
    device: Device,
}

impl<'a> Tensors<'a> {
    /// An evaluation on `device` at one timestep, and one label and one key for dropout, if any, for each image.
    pub(super) fn new(
        config: &'a UNetConfig,
        timesteps: &'a [f32],
        labels: Option<&'a [usize]>,
        keys: Option<&'a [u32]>,
        device: Device,
    ) -> Self {
        Self {
            config,
            timesteps,
            labels,
            keys,
            dropouts: 0,
            device,
        }
    }

    /// `[n, timestep_width]`, row by row.
    fn rows(&self, rows: Vec<f32>) -> Tensor<2> {
        let shape = [self.timesteps.len(), self.config.timestep_width()];
        Tensor::from_data(TensorData::new(rows, shape), &self.device)
    }
}

impl Executor for Tensors<'_> {
    type Features = Tensor<4>;
    type Vector = Tensor<2>;

    fn timestep(&mut self, frequencies: Option<&Frequencies>) -> Tensor<2> {
        let frequencies = frequencies.map(Frequencies::host);
        let rows = (self.config).timestep_rows(self.timesteps, frequencies.as_deref());
        self.rows(rows)
    }

    fn label_as_timestep(&mut self, frequencies: Option<&Frequencies>) -> Tensor<2> {
        let (images, frequencies) = (self.timesteps.len(), frequencies.map(Frequencies::host));
        let rows = (self.config).label_rows(self.labels, images, frequencies.as_deref());
        self.rows(rows)
    }

    fn label(&mut self, table: &Embedding) -> Option<Tensor<2>> {
        let labels = self.labels?;
        let index: Vec<i32> = labels.iter().map(|&label| label as i32).collect();
        let index = TensorData::new(index, [labels.len()]);
        Some(table.forward(Tensor::<1, Int>::from_data(index, &self.device)))
    }

    fn linear(&mut self, vector: Tensor<2>, layer: &Linear) -> Tensor<2> {
        ops::linear(vector, layer.weight.val(), layer.bias.val())
    }

    fn activate(&mut self, vector: Tensor<2>, activation: Activation) -> Tensor<2> {
        activation.of(vector)
    }

    fn add(&mut self, vector: Tensor<2>, other: Tensor<2>) -> Tensor<2> {
        vector + other
    }

    fn conv(&mut self, x: Tensor<4>, layer: &Conv2d, then: Finish<Self>) -> Tensor<4> {
        let sum = layer.forward_onto(x, then.vector, then.residual); // [n, c_out, h', w']
        divided(sum, then.divisor)
    }

    fn norm(&mut self, x: Tensor<4>, layer: &GroupNorm, then: Then<Tensor<2>>) -> Tensor<4> {
        match then {
            Then::Nothing => layer.forward(x),
            Then::Activate(Activation::Silu) => layer.forward_silu(x),
            Then::Activate(activation) => activation.of(layer.forward(x)),
            Then::ScaleShift(vector, activation) => {
                let [n, d] = vector.dims();
                let vector = vector.reshape([n, d, 1, 1]); // [n, 2 c, 1, 1]
                let scale = vector.clone().narrow(1, 0, d / 2); // [n, c, 1, 1]
                let shift = vector.narrow(1, d / 2, d / 2); // [n, c, 1, 1]
                activation.of(layer.forward(x) * (scale + 1.0) + shift)
            }
        }
    }

    /// softmax(q k^T / sqrt(d)) v (Vaswani et al. 2017, eq. 1).
    fn attention(
        &mut self,
        x: Tensor<4>,
        heads: Heads<'_>,
        residual: Tensor<4>,
        divisor: f64,
    ) -> Tensor<4> {
        let [n, c, h, w] = x.dims();
        let [q, k, v] = project(x, heads); // [n, heads, hw, d], [n, heads, d, hw], [n, heads, hw, d]
        let attend = |q: Tensor<4>| softmax(q.matmul(k.clone()), 3).matmul(v.clone()); // [n, heads, rows, d]
        // Each row of the scores stands by itself, so that large images can take a part of them at a time.
        let rows = (MAX_SCORES / (n * heads.heads * h * w)).clamp(1, h * w);
        let out = if rows == h * w {
            attend(q)
        } else {
            Tensor::cat(q.split(rows, 2).into_iter().map(attend).collect(), 2) // [n, heads, hw, d]
        };
        let out = (out.swap_dims(1, 2)).reshape([n, h * w, heads.heads * heads.head_dim]); // [n, hw, heads d]
        let out = heads.to_out.forward(out); // [n, hw, c]
        let out = out.swap_dims(1, 2).reshape([n, c, h, w]); // [n, c, h, w]
        divided(residual + out, divisor)
    }

    fn join(&mut self, x: Tensor<4>, skip: Tensor<4>) -> Tensor<4> {
        ops::concatenate(x, skip)
    }

    fn upsample(&mut self, x: Tensor<4>) -> Tensor<4> {
        ops::upsample_nearest_2x(x)
    }

    fn filter(&mut self, x: Tensor<4>, filter: Filter) -> Tensor<4> {
        filter.of(x)
    }

    fn pad_far_sides(&mut self, x: Tensor<4>) -> Tensor<4> {
        ops::pad_far_sides(x)
    }

    fn dropout(&mut self, x: Tensor<4>, dropout: &Dropout) -> Tensor<4> {
        let layer = self.dropouts;
        self.dropouts += 1;
        let Some((keys, dropped)) = self.keys.zip(Dropped::new(layer, dropout)) else {
            return x;
        };
        let [n, c, h, w] = x.dims();
        let factors = TensorData::new(dropped.factors(keys, [c, h * w]), [n, c, h, w]);
        x * Tensor::from_data(factors, &self.device) // [n, c, h, w]
    }

    fn divide_by_timestep(&mut self, x: Tensor<4>) -> Tensor<4> {
        let timesteps = TensorData::new(self.timesteps.to_vec(), [self.timesteps.len(), 1, 1, 1]);
        x / Tensor::from_data(timesteps, &self.device) // [n, c, h, w]
    }

    /// What looks inside evaluates without gradients.
    fn stage(&mut self, _: Stage, _: &Tensor<4>) {}

    fn show_next_attention(&mut self) {}
}

fn divided(sum: Tensor<4>, divisor: f64) -> Tensor<4> {
    if divisor == 1.0 { sum } else { sum / divisor }
}

/// q `[n, heads, hw, d]`, k transposed `[n, heads, d, hw]`, and v `[n, heads, hw, d]` of x `[n, c, h, w]`.
fn project(x: Tensor<4>, heads: Heads<'_>) -> [Tensor<4>; 3] {
    let [n, c, h, w] = x.dims();
    let tokens = x.reshape([n, c, h * w]).swap_dims(1, 2); // [n, hw, c]
    let split = |t: Tensor<3>| {
        t.reshape([n, h * w, heads.heads, heads.head_dim])
            .swap_dims(1, 2)
    }; // [n, heads, hw, d]
    let q = split(heads.to_q.forward(tokens.clone()));
    let k = split(heads.to_k.forward(tokens.clone()));
    let v = split(heads.to_v.forward(tokens));
    // Half of the scale on either side of the product keeps it small, as diffusers does.
    let scale = (heads.head_dim as f64).powf(-0.25);
    [q * scale, (k * scale).swap_dims(2, 3), v] // [n, heads, hw, d], [n, heads, d, hw], [n, heads, hw, d]
}
