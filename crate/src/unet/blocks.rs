//! What the levels of the U are made of, by diffusers' names, and its middle: `UNetMidBlock2D`.

use super::attention::Attention;
use super::build::Builder;
use super::config::{TimeScaleShift, UNetConfig};
use super::executor::Executor;
use super::resnet::{Resnet, Style};
use burn::module::Module;
use serde::{Deserialize, Serialize};
use std::f64::consts::SQRT_2;

/// What a level on the way down is made of, by diffusers' name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DownBlockType {
    /// Residual blocks.
    DownBlock2D,
    /// Residual blocks with attention after each.
    AttnDownBlock2D,
    /// Residual blocks, the last of which halves the resolution.
    ResnetDownsampleBlock2D,
    /// Residual blocks, and the image itself, filtered, at every resolution (Song et al. 2021, appendix H).
    SkipDownBlock2D,
    /// The same with attention after each residual block.
    AttnSkipDownBlock2D,
}

impl DownBlockType {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::DownBlock2D,
        Self::AttnDownBlock2D,
        Self::ResnetDownsampleBlock2D,
        Self::SkipDownBlock2D,
        Self::AttnSkipDownBlock2D,
    ];

    /// Whether it takes in the image at its resolution.
    pub(super) fn takes_the_image(self) -> bool {
        matches!(self, Self::SkipDownBlock2D | Self::AttnSkipDownBlock2D)
    }
}

/// What a level on the way up is made of, by diffusers' name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpBlockType {
    /// Residual blocks.
    UpBlock2D,
    /// Residual blocks with attention after each.
    AttnUpBlock2D,
    /// Residual blocks, the last of which doubles the resolution.
    ResnetUpsampleBlock2D,
    /// Residual blocks, and a sum of images of every resolution that is the output (Song et al. 2021, appendix H).
    SkipUpBlock2D,
    /// The same with attention after the residual blocks.
    AttnSkipUpBlock2D,
}

impl UpBlockType {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::UpBlock2D,
        Self::AttnUpBlock2D,
        Self::ResnetUpsampleBlock2D,
        Self::SkipUpBlock2D,
        Self::AttnSkipUpBlock2D,
    ];

    /// Whether it adds to the image at its resolution.
    pub(super) fn adds_to_the_image(self) -> bool {
        matches!(self, Self::SkipUpBlock2D | Self::AttnSkipUpBlock2D)
    }
}

/// Channels of the image that the Skip blocks pass on: diffusers builds them only for colour.
pub(super) const IMAGE: usize = 3;

/// Groups of the attention's normalisation in the Skip blocks, whatever `norm_num_groups` says.
pub(super) const SKIP_ATTENTION_GROUPS: usize = 32;

/// What the sums of residual connections are divided by in the Skip blocks.
pub(super) const SKIP_FACTOR: f64 = SQRT_2;

/// Groups of a normalisation of this many channels where `norm_num_groups` is not given.
pub(super) fn groups_of(channels: usize) -> usize {
    (channels / 4).min(32)
}

/// The style of the residual blocks in Skip blocks, with these channels in and out.
pub(super) fn skip_style([c_in, c_out]: [usize; 2]) -> Style {
    Style {
        groups: [c_in, c_out].map(groups_of),
        factor: SKIP_FACTOR,
        ..Style::usual(0)
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
        let usual_groups = config.norm_num_groups.unwrap_or(groups_of(width));
        let resnet = |layers: &mut Builder, _| {
            let style = Style {
                factor,
                ..Style::usual(usual_groups)
            };
            Resnet::styled(layers, [width, width], config, style)
        };
        let attention =
            |layers: &mut Builder, _| {
                let groups = config.attn_norm_num_groups;
                layers.require(groups.is_none_or(|groups| width.is_multiple_of(groups)), || {
                format!("attn_norm_num_groups must divide the {width} channels of the middle block")
            });
                let groups = groups.or(match config.resnet_time_scale_shift {
                    TimeScaleShift::Default => Some(usual_groups),
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
