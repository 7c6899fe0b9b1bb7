//! The levels of the U: `DownBlock2D`, `UNetMidBlock2D`, `UpBlock2D`, and their attention variants.

use super::attention::Attention;
use super::build::Builder;
use super::config::{TimeScaleShift, UNetConfig};
use super::executor::{Executor, Finish};
use super::layers::Conv2d;
use super::resnet::Resnet;
use burn::module::Module;
use serde::{Deserialize, Serialize};

/// What a level on the way down is made of, by diffusers' name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DownBlockType {
    /// Residual blocks.
    DownBlock2D,
    /// Residual blocks with attention after each.
    AttnDownBlock2D,
}

impl DownBlockType {
    /// All of them.
    pub const ALL: &[Self] = &[Self::DownBlock2D, Self::AttnDownBlock2D];
}

/// What a level on the way up is made of, by diffusers' name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpBlockType {
    /// Residual blocks.
    UpBlock2D,
    /// Residual blocks with attention after each.
    AttnUpBlock2D,
}

impl UpBlockType {
    /// All of them.
    pub const ALL: &[Self] = &[Self::UpBlock2D, Self::AttnUpBlock2D];
}

/// Halves the resolution with a strided 3x3 convolution: `Downsample2D`.
#[derive(Module, Debug)]
pub struct Downsample {
    conv: Conv2d,
    #[module(skip)]
    pad_far_sides: bool,
}

impl Downsample {
    fn new(layers: &mut Builder, width: usize, config: &UNetConfig) -> Self {
        Self {
            conv: layers.conv(width, width, 3, 2, config.downsample_padding),
            pad_far_sides: config.downsample_padding == 0,
        }
    }

    fn forward<E: Executor>(&self, on: &mut E, mut x: E::Features) -> E::Features {
        if self.pad_far_sides {
            x = on.pad_far_sides(x); // [n, c, h + 1, w + 1]
        }
        on.conv(x, &self.conv, Finish::nothing()) // [n, c, h / 2, w / 2]
    }
}

/// Doubles the resolution, each pixel becoming four, then a 3x3 convolution: `Upsample2D`.
#[derive(Module, Debug)]
pub struct Upsample {
    conv: Conv2d,
}

impl Upsample {
    fn new(layers: &mut Builder, width: usize) -> Self {
        Self {
            conv: layers.conv3x3(width, width),
        }
    }

    fn forward<E: Executor>(&self, on: &mut E, x: E::Features) -> E::Features {
        let x = on.upsample(x); // [n, c, 2 h, 2 w]
        on.conv(x, &self.conv, Finish::nothing())
    }
}

/// One level on the way down: residual blocks, each with attention if its type has it, then a downsampling but for the last
/// level.
#[derive(Module, Debug)]
pub struct DownBlock {
    resnets: Vec<Resnet>,
    attentions: Vec<Attention>,
    downsamplers: Vec<Downsample>,
}

impl DownBlock {
    /// The block of `level`, counted from full resolution.
    pub(super) fn new(layers: &mut Builder, level: usize, config: &UNetConfig) -> Self {
        let channels = &config.block_out_channels;
        let (above, width) = (channels[level.saturating_sub(1)], channels[level]);
        let n = config.layers_per_block;
        let attentions = match config.down_block_types[level] {
            DownBlockType::DownBlock2D => 0,
            DownBlockType::AttnDownBlock2D => n,
        };
        let is_last = level + 1 == channels.len();
        Self {
            resnets: layers.list(n, |layers, i| {
                Resnet::new(layers, if i == 0 { above } else { width }, width, config)
            }),
            attentions: layers.list(attentions, |layers, _| {
                Attention::new(layers, width, Some(config.norm_num_groups), config)
            }),
            downsamplers: layers.list(usize::from(!is_last), |layers, _| {
                Downsample::new(layers, width, config)
            }),
        }
    }

    /// `[n, c, h, w]` to `[n, c', h/2, w/2]` (`[n, c', h, w]` at the last level); every result is pushed onto `skips`.
    pub(super) fn forward<E: Executor>(
        &self,
        on: &mut E,
        mut x: E::Features,
        emb: &E::Vector,
        skips: &mut Vec<E::Features>,
    ) -> E::Features {
        for (i, resnet) in self.resnets.iter().enumerate() {
            x = resnet.forward(on, x, emb); // [n, c', h, w]
            if let Some(attention) = self.attentions.get(i) {
                x = attention.forward(on, x);
            }
            skips.push(x.clone());
        }
        for downsample in &self.downsamplers {
            x = downsample.forward(on, x); // [n, c', h / 2, w / 2]
            skips.push(x.clone());
        }
        x
    }
}

/// The bottom of the U: a residual block, attention, a residual block.
#[derive(Module, Debug)]
pub struct MidBlock {
    resnets: Vec<Resnet>,
    attentions: Vec<Attention>,
}

impl MidBlock {
    /// The middle block; with `scale_shift` its attention has no normalisation, as in diffusers.
    pub(super) fn new(layers: &mut Builder, config: &UNetConfig) -> Self {
        let width = config.block_out_channels[config.block_out_channels.len() - 1];
        let factor = config.mid_block_scale_factor;
        let resnet =
            |layers: &mut Builder, _| Resnet::new(layers, width, width, config).scaled(factor);
        let attention =
            |layers: &mut Builder, _| {
                let groups = config.attn_norm_num_groups;
                layers.require(groups.is_none_or(|groups| width.is_multiple_of(groups)), || {
                format!("attn_norm_num_groups must divide the {width} channels of the middle block")
            });
                let groups = groups.or(match config.resnet_time_scale_shift {
                    TimeScaleShift::Default => Some(config.norm_num_groups),
                    TimeScaleShift::ScaleShift => None,
                });
                Attention::new(layers, width, groups, config).scaled(factor)
            };
        Self {
            resnets: layers.list(2, resnet),
            attentions: layers.list(usize::from(config.add_attention), attention),
        }
    }

    /// `[n, c, h, w]` to `[n, c, h, w]`.
    pub(super) fn forward<E: Executor>(
        &self,
        on: &mut E,
        mut x: E::Features,
        emb: &E::Vector,
    ) -> E::Features {
        for (i, resnet) in self.resnets.iter().enumerate() {
            if i > 0
                && let Some(attention) = self.attentions.get(i - 1)
            {
                on.show_next_attention();
                x = attention.forward(on, x);
            }
            x = resnet.forward(on, x, emb);
        }
        x
    }
}

/// One level on the way up: residual blocks that take in the skips, each with attention if its type has it, then an
/// upsampling but for the first level.
#[derive(Module, Debug)]
pub struct UpBlock {
    resnets: Vec<Resnet>,
    attentions: Vec<Attention>,
    upsamplers: Vec<Upsample>,
}

impl UpBlock {
    /// The block of `level`, counted from full resolution.
    pub(super) fn new(layers: &mut Builder, level: usize, config: &UNetConfig) -> Self {
        let channels = &config.block_out_channels;
        let (width, last) = (channels[level], channels.len() - 1);
        let (below, above) = (
            channels[(level + 1).min(last)],
            channels[level.saturating_sub(1)],
        );
        let n = config.layers_per_block + 1;
        let attentions = match config.up_block_types[last - level] {
            UpBlockType::UpBlock2D => 0,
            UpBlockType::AttnUpBlock2D => n,
        };
        Self {
            // What the way down pushed last comes first, and at the end what went into this level.
            resnets: layers.list(n, |layers, i| {
                let from = if i == 0 { below } else { width };
                let skip = if i + 1 == n { above } else { width };
                Resnet::new(layers, from + skip, width, config)
            }),
            attentions: layers.list(attentions, |layers, _| {
                Attention::new(layers, width, Some(config.norm_num_groups), config)
            }),
            upsamplers: layers.list(usize::from(level > 0), |layers, _| {
                Upsample::new(layers, width)
            }),
        }
    }

    /// `[n, c, h, w]` to `[n, c', 2 h, 2 w]` (`[n, c', h, w]` at full resolution); pops a skip for each residual block.
    pub(super) fn forward<E: Executor>(
        &self,
        on: &mut E,
        mut x: E::Features,
        emb: &E::Vector,
        skips: &mut Vec<E::Features>,
    ) -> E::Features {
        for (i, resnet) in self.resnets.iter().enumerate() {
            if let Some(skip) = skips.pop() {
                x = on.join(x, skip); // [n, c + c_skip, h, w]
            }
            x = resnet.forward(on, x, emb); // [n, c', h, w]
            if let Some(attention) = self.attentions.get(i) {
                x = attention.forward(on, x);
            }
        }
        for upsample in &self.upsamplers {
            x = upsample.forward(on, x); // [n, c', 2 h, 2 w]
        }
        x
    }
}
