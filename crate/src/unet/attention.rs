//! Self-attention over the pixels of a level: diffusers' `Attention` as the U-Net's blocks use it.

#[cfg(any(feature = "gpu", test))]
use super::gpu::{Features, Finish, HostConv, Planner, Residual};
use super::layers::{GroupNorm, Linear};
use burn::module::Module;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};

/// Scores held at once: 64 MiB of them.
const MAX_SCORES: usize = 1 << 24;

/// x + to_out(softmax(q k^T / sqrt(d)) v), with q, k and v from the normalised x (Vaswani et al. 2017, eq. 1).
#[derive(Module, Debug)]
pub struct Attention {
    group_norm: Option<GroupNorm>,
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    /// A list of one, for the key `to_out.0` of diffusers' files.
    to_out: Vec<Linear>,
    #[module(skip)]
    heads: usize,
    #[module(skip)]
    head_dim: usize,
    #[module(skip)]
    rescale_output_factor: f64,
}

impl Attention {
    /// Attention over `channels` channels in heads of `head_dim`, after a normalisation in `groups` groups, if any.
    pub fn new(
        channels: usize,
        head_dim: usize,
        groups: Option<usize>,
        eps: f64,
        device: &Device,
    ) -> Self {
        let heads = channels / head_dim;
        let inner = heads * head_dim;
        let linear = |from, to| Linear::new(from, to, device);
        Self {
            group_norm: groups.map(|groups| GroupNorm::new(groups, channels, eps, device)),
            to_q: linear(channels, inner),
            to_k: linear(channels, inner),
            to_v: linear(channels, inner),
            to_out: vec![linear(inner, channels)],
            heads,
            head_dim,
            rescale_output_factor: 1.0,
        }
    }

    /// The attention whose output is divided by `factor` (the middle block's).
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        self.rescale_output_factor = factor;
        self
    }

    /// The attention with its last layer at zero: it starts as the identity.
    #[must_use]
    pub fn zeroed(mut self) -> Self {
        self.to_out = self.to_out.into_iter().map(Linear::zeroed).collect();
        self
    }

    /// q `[n, heads, hw, d]`, k transposed `[n, heads, d, hw]`, and v `[n, heads, hw, d]` of x `[n, c, h, w]`.
    fn project(&self, x: Tensor<4>) -> [Tensor<4>; 3] {
        let [n, c, h, w] = x.dims();
        let normed = match &self.group_norm {
            Some(norm) => norm.forward(x),
            None => x,
        };
        let tokens = normed.reshape([n, c, h * w]).swap_dims(1, 2); // [n, hw, c]
        let split = |t: Tensor<3>| {
            t.reshape([n, h * w, self.heads, self.head_dim])
                .swap_dims(1, 2)
        }; // [n, heads, hw, d]
        let q = split(self.to_q.forward(tokens.clone()));
        let k = split(self.to_k.forward(tokens.clone()));
        let v = split(self.to_v.forward(tokens));
        // Half of the scale on either side of the product keeps it small, as diffusers does.
        let scale = (self.head_dim as f64).powf(-0.25);
        [q * scale, (k * scale).swap_dims(2, 3), v] // [n, heads, hw, d], [n, heads, d, hw], [n, heads, hw, d]
    }

    /// softmax(q k^T / sqrt(d)): how much each pixel (row) takes from each pixel (column), `[n, heads, hw, hw]`.
    pub fn weights(&self, x: Tensor<4>) -> Tensor<4> {
        let [q, k, _] = self.project(x);
        softmax(q.matmul(k), 3) // [n, heads, hw, hw]
    }

    /// `[n, c, h, w]` to `[n, c, h, w]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [n, c, h, w] = x.dims();
        let [q, k, v] = self.project(x.clone()); // [n, heads, hw, d], [n, heads, d, hw], [n, heads, hw, d]
        let attend = |q: Tensor<4>| softmax(q.matmul(k.clone()), 3).matmul(v.clone()); // [n, heads, rows, d]
        // Each row of the scores stands by itself, so that large images can take a part of them at a time.
        let rows = (MAX_SCORES / (n * self.heads * h * w)).clamp(1, h * w);
        let out = if rows == h * w {
            attend(q)
        } else {
            Tensor::cat(q.split(rows, 2).into_iter().map(attend).collect(), 2) // [n, heads, hw, d]
        };
        let out = out
            .swap_dims(1, 2)
            .reshape([n, h * w, self.heads * self.head_dim]); // [n, hw, heads d]
        let out = self
            .to_out
            .iter()
            .fold(out, |out, linear| linear.forward(out)); // [n, hw, c]
        let sum = x + out.swap_dims(1, 2).reshape([n, c, h, w]);
        if self.rescale_output_factor == 1.0 {
            sum
        } else {
            sum / self.rescale_output_factor
        }
    }

    /// [`forward`](Self::forward) as launches.
    #[cfg(any(feature = "gpu", test))]
    pub(super) fn plan(&self, planner: &mut Planner, x: Features) -> Features {
        let normed = match &self.group_norm {
            Some(norm) => planner.norm(&[x], &norm.host(), None, false),
            None => x,
        };
        let layers = [&self.to_q, &self.to_k, &self.to_v].map(Linear::host);
        let (layers, _) = HostConv::beside(&layers, 1);
        let qkv = planner.conv(&[normed], &layers, Finish::default());
        let mixed = planner.attend(qkv, self.heads, self.head_dim);
        let finish = Finish {
            residual: Residual::Plain(&[x]),
            divisor: Some(self.rescale_output_factor),
            ..Finish::default()
        };
        self.to_out.iter().fold(mixed, |mixed, linear| {
            planner.conv(&[mixed], &linear.host(), finish)
        })
    }
}
