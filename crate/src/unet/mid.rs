//! The middle of the U: `UNetMidBlock2D`.

use super::attention::Attention;
use super::build::{Builder, groups_of};
use super::config::{TimeScaleShift, UNetConfig};
use super::executor::Executor;
use super::resnet::{Resnet, Style};
use burn::module::Module;

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
