//! Self-attention over the pixels of a level: diffusers' `Attention` as the U-Net's blocks use it.

use super::build::Builder;
use super::config::UNetConfig;
use super::executor::{Executor, Heads, Then};
use super::layers::{GroupNorm, Linear};
use burn::module::Module;

/// x + to_out(softmax(q k^T / sqrt(d)) v), with q, k and v from the normalised x (Vaswani et al. 2017, eq. 1).
#[derive(Module, Debug)]
pub struct Attention {
    group_norm: Option<GroupNorm>,
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    /// A list of one, for the key `to_out.0` of diffusers' files.
    to_out: [Linear; 1],
    #[module(skip)]
    heads: usize,
    #[module(skip)]
    head_dim: usize,
    #[module(skip)]
    rescale_output_factor: f64,
}

impl Attention {
    /// Attention over `width` channels, after a normalisation in `groups` groups, if any. It starts as the identity: its
    /// last layer is at zero.
    pub(super) fn new(
        layers: &mut Builder,
        width: usize,
        groups: Option<usize>,
        config: &UNetConfig,
    ) -> Self {
        let head_dim = config.attention_head_dim.unwrap_or(width);
        layers.require((1..=width).contains(&head_dim), || {
            format!(
                "attention_head_dim is {head_dim}, but this attention has {width} channels; use 1 to {width}"
            )
        });
        let heads = width / head_dim.max(1);
        let inner = heads * head_dim;
        Self {
            group_norm: groups.map(|groups| layers.norm(groups, width, config.norm_eps)),
            to_q: layers.linear(width, inner),
            to_k: layers.linear(width, inner),
            to_v: layers.linear(width, inner),
            to_out: [layers.linear_at_zero(inner, width)],
            heads,
            head_dim,
            rescale_output_factor: 1.0,
        }
    }

    /// The attention whose output is divided by `factor` (the middle block's).
    #[must_use]
    pub(super) fn scaled(mut self, factor: f64) -> Self {
        self.rescale_output_factor = factor;
        self
    }

    /// `[n, c, h, w]` to `[n, c, h, w]`.
    pub(super) fn forward<E: Executor>(&self, on: &mut E, x: E::Features) -> E::Features {
        let h = match &self.group_norm {
            Some(norm) => on.norm(x.clone(), norm, Then::Nothing),
            None => x.clone(),
        };
        let [to_out] = &self.to_out;
        let heads = Heads {
            to_q: &self.to_q,
            to_k: &self.to_k,
            to_v: &self.to_v,
            to_out,
            heads: self.heads,
            head_dim: self.head_dim,
        };
        on.attention(h, heads, x, self.rescale_output_factor)
    }
}
