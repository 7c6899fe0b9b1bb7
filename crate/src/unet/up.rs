//! A level on the way up: `UpBlock2D`, `ResnetUpsampleBlock2D`, `SkipUpBlock2D`, and those with attention.

use super::activation::Activation;
use super::attention::Attention;
use super::build::{Builder, groups_of};
use super::config::{Resampling, UNetConfig};
use super::executor::{Executor, Finish, Then};
use super::layers::{Conv2d, GroupNorm};
use super::resample::{Filter, Resample};
use super::resnet::{Resnet, Style};
use super::skip::{IMAGE, SKIP_ATTENTION_GROUPS, SKIP_FACTOR, skip_style};
use burn::module::Module;
use serde::{Deserialize, Serialize};

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

/// Doubles the resolution.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "one for each level")]
pub enum Upsample {
    /// `Upsample2D`.
    Conv(Double),
    /// A residual block that takes each pixel for four.
    Resnet(Resnet),
}

/// Doubles the resolution, each pixel becoming four, then a 3x3 convolution.
#[derive(Module, Debug)]
pub struct Double {
    conv: Conv2d,
}

impl Upsample {
    fn new(layers: &mut Builder, width: usize, kind: Resampling, config: &UNetConfig) -> Self {
        match kind {
            Resampling::Conv => Self::Conv(Double {
                conv: layers.conv3x3(width, width),
            }),
            Resampling::Resnet => {
                Self::Resnet(Resnet::resampling(layers, width, config, Resample::Double))
            }
        }
    }

    /// `[n, c, h, w]` to `[n, c, 2 h, 2 w]`.
    fn forward<E: Executor>(&self, on: &mut E, x: E::Features, emb: &E::Vector) -> E::Features {
        match self {
            Self::Conv(double) => {
                let x = on.upsample(x); // [n, c, 2 h, 2 w]
                on.conv(x, &double.conv, Finish::nothing())
            }
            Self::Resnet(resnet) => resnet.forward(on, x, emb), // [n, c, 2 h, 2 w]
        }
    }
}

/// One level on the way up: residual blocks that take in the skips, with attention if its type has it, then an upsampling
/// except at the first level.
#[derive(Module, Debug)]
pub struct UpBlock {
    resnets: Vec<Resnet>,
    attentions: Vec<Attention>,
    upsamplers: Vec<Upsample>,
    /// The upsampling of a Skip block.
    resnet_up: Option<Resnet>,
    skip_norm: Option<GroupNorm>,
    /// From this level's width to the image.
    skip_conv: Option<Conv2d>,
    #[module(skip)]
    adds_to_the_image: bool,
}

impl UpBlock {
    /// The block of `level`, counted from full resolution.
    pub(super) fn new(layers: &mut Builder, level: usize, config: &UNetConfig) -> Self {
        use UpBlockType::{
            AttnSkipUpBlock2D, AttnUpBlock2D, ResnetUpsampleBlock2D, SkipUpBlock2D, UpBlock2D,
        };
        let channels = &config.block_out_channels;
        let (width, last) = (channels[level], channels.len() - 1);
        let (below, above) = (
            channels[(level + 1).min(last)],
            channels[level.saturating_sub(1)],
        );
        let (n, kind) = (
            config.layers_per_block + 1,
            config.up_block_types[last - level],
        );
        let (attentions, upsampling) = match kind {
            UpBlock2D => (0, Resampling::Conv),
            AttnUpBlock2D => (n, config.upsample_type),
            ResnetUpsampleBlock2D => (0, Resampling::Resnet),
            SkipUpBlock2D => (0, Resampling::Resnet),
            AttnSkipUpBlock2D => (1, Resampling::Resnet),
        };
        let is_skip = kind.adds_to_the_image();
        let goes_on = is_skip && level > 0;
        Self {
            // What the way down pushed last comes first, and at the end what went into this level.
            resnets: layers.list(n, |layers, i| {
                let from = if i == 0 { below } else { width };
                let skip = if i + 1 == n { above } else { width };
                let widths = [from + skip, width];
                match kind {
                    SkipUpBlock2D => Resnet::styled(layers, widths, config, skip_style(widths)),
                    AttnSkipUpBlock2D => {
                        let mut style = skip_style(widths);
                        // diffusers divides the skip's channels by four, and not their sum.
                        style.groups[0] = (from + skip / 4).min(32);
                        Resnet::styled(layers, widths, config, style)
                    }
                    _ => Resnet::new(layers, from + skip, width, config),
                }
            }),
            attentions: layers.list(attentions, |layers, _| match is_skip {
                true => Attention::new(layers, width, Some(SKIP_ATTENTION_GROUPS), config)
                    .scaled(SKIP_FACTOR),
                false => {
                    let groups = layers.groups(config);
                    Attention::new(layers, width, Some(groups), config)
                }
            }),
            upsamplers: layers.list(usize::from(level > 0 && !is_skip), |layers, _| {
                Upsample::new(layers, width, upsampling, config)
            }),
            resnet_up: goes_on.then(|| {
                let style = Style {
                    resample: Some(Resample::By(Filter::FirUp)),
                    always_shortcut: true,
                    ..skip_style([width, width])
                };
                Resnet::styled(layers, [width, width], config, style)
            }),
            skip_norm: goes_on.then(|| layers.norm(groups_of(width), width, config.norm_eps)),
            skip_conv: goes_on.then(|| layers.conv3x3(width, IMAGE)),
            adds_to_the_image: is_skip,
        }
    }

    /// `[n, c, h, w]` to `[n, c', 2 h, 2 w]` (`[n, c', h, w]` at full resolution); pops a skip for each residual block.
    ///
    /// `image` is the sum of the levels below, at half this resolution; a Skip block adds to it.
    pub(super) fn forward<E: Executor>(
        &self,
        on: &mut E,
        mut x: E::Features,
        emb: &E::Vector,
        skips: &mut Vec<E::Features>,
        image: &mut Option<E::Features>,
    ) -> E::Features {
        for (i, resnet) in self.resnets.iter().enumerate() {
            if let Some(skip) = skips.pop() {
                x = on.join(x, skip); // [n, c + c_skip, h, w]
            }
            x = resnet.forward(on, x, emb); // [n, c', h, w]
            if !self.adds_to_the_image
                && let Some(attention) = self.attentions.get(i)
            {
                x = attention.forward(on, x);
            }
        }
        for upsample in &self.upsamplers {
            x = upsample.forward(on, x, emb); // [n, c', 2 h, 2 w]
        }
        if self.adds_to_the_image {
            for attention in &self.attentions {
                x = attention.forward(on, x);
            }
            *image = image.take().map(|image| on.filter(image, Filter::FirUp)); // [n, 3, h, w]
        }
        if let (Some(up), Some(norm), Some(conv)) =
            (&self.resnet_up, &self.skip_norm, &self.skip_conv)
        {
            let h = on.norm(x.clone(), norm, Then::Activate(Activation::Silu));
            let finish = image
                .take()
                .map_or(Finish::nothing(), |image| Finish::onto(image, 1.0));
            *image = Some(on.conv(h, conv, finish)); // [n, 3, h, w]
            x = up.forward(on, x, emb); // [n, c', 2 h, 2 w]
        }
        x
    }
}
