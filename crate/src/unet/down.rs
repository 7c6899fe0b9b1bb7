//! A level on the way down: `DownBlock2D`, `ResnetDownsampleBlock2D`, `SkipDownBlock2D`, and those with attention.

use super::attention::Attention;
use super::build::Builder;
use super::config::{Resampling, UNetConfig};
use super::executor::{Executor, Finish};
use super::layers::Conv2d;
use super::resample::{Filter, Resample};
use super::resnet::{Resnet, Style};
use super::skip::{IMAGE, SKIP_ATTENTION_GROUPS, SKIP_FACTOR, skip_style};
use burn::module::Module;
use serde::{Deserialize, Serialize};

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

/// Halves the resolution.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "one for each level")]
pub enum Downsample {
    /// `Downsample2D`.
    Conv(Halve),
    /// A residual block that takes the mean of four pixels.
    Resnet(Resnet),
}

/// Halves the resolution with a strided 3x3 convolution.
#[derive(Module, Debug)]
pub struct Halve {
    conv: Conv2d,
    #[module(skip)]
    pad_far_sides: bool,
}

impl Downsample {
    fn new(layers: &mut Builder, width: usize, kind: Resampling, config: &UNetConfig) -> Self {
        match kind {
            Resampling::Conv => Self::Conv(Halve {
                conv: layers.conv(width, width, 3, 2, config.downsample_padding),
                pad_far_sides: config.downsample_padding == 0,
            }),
            Resampling::Resnet => {
                let mean = Resample::By(Filter::Mean);
                Self::Resnet(Resnet::resampling(layers, width, config, mean))
            }
        }
    }

    /// `[n, c, h, w]` to `[n, c, h / 2, w / 2]`.
    fn forward<E: Executor>(&self, on: &mut E, mut x: E::Features, emb: &E::Vector) -> E::Features {
        match self {
            Self::Conv(halve) => {
                if halve.pad_far_sides {
                    x = on.pad_far_sides(x); // [n, c, h + 1, w + 1]
                }
                on.conv(x, &halve.conv, Finish::nothing()) // [n, c, h / 2, w / 2]
            }
            Self::Resnet(resnet) => resnet.forward(on, x, emb), // [n, c, h / 2, w / 2]
        }
    }
}

/// One level on the way down: residual blocks, each with attention if its type has it, then a downsampling except at
/// the last level.
#[derive(Module, Debug)]
pub struct DownBlock {
    resnets: Vec<Resnet>,
    attentions: Vec<Attention>,
    downsamplers: Vec<Downsample>,
    /// The downsampling of a Skip block.
    resnet_down: Option<Resnet>,
    /// From the image to this level's width.
    skip_conv: Option<Conv2d>,
}

impl DownBlock {
    /// The block of `level`, counted from full resolution.
    pub(super) fn new(layers: &mut Builder, level: usize, config: &UNetConfig) -> Self {
        use DownBlockType::{
            AttnDownBlock2D, AttnSkipDownBlock2D, DownBlock2D, ResnetDownsampleBlock2D,
            SkipDownBlock2D,
        };
        let channels = &config.block_out_channels;
        let (above, width) = (channels[level.saturating_sub(1)], channels[level]);
        let (n, kind) = (config.layers_per_block, config.down_block_types[level]);
        let (attentions, downsampling) = match kind {
            DownBlock2D => (0, Resampling::Conv),
            AttnDownBlock2D => (n, config.downsample_type),
            ResnetDownsampleBlock2D => (0, Resampling::Resnet),
            SkipDownBlock2D => (0, Resampling::Resnet),
            AttnSkipDownBlock2D => (n, Resampling::Resnet),
        };
        let (is_skip, is_last) = (kind.takes_the_image(), level + 1 == channels.len());
        Self {
            resnets: layers.list(n, |layers, i| {
                let from = if i == 0 { above } else { width };
                match is_skip {
                    true => {
                        Resnet::styled(layers, [from, width], config, skip_style([from, width]))
                    }
                    false => Resnet::new(layers, from, width, config),
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
            downsamplers: layers.list(usize::from(!is_last && !is_skip), |layers, _| {
                Downsample::new(layers, width, downsampling, config)
            }),
            resnet_down: (is_skip && !is_last).then(|| {
                let style = Style {
                    resample: Some(Resample::By(Filter::FirDown)),
                    always_shortcut: true,
                    ..skip_style([width, width])
                };
                Resnet::styled(layers, [width, width], config, style)
            }),
            skip_conv: (is_skip && !is_last).then(|| layers.conv(IMAGE, width, 1, 1, 0)),
        }
    }

    /// `[n, c, h, w]` to `[n, c', h/2, w/2]` (`[n, c', h, w]` at the last level); every result is pushed onto `skips`.
    ///
    /// `image` is x_t at this resolution; a Skip block halves it, too.
    pub(super) fn forward<E: Executor>(
        &self,
        on: &mut E,
        mut x: E::Features,
        emb: &E::Vector,
        skips: &mut Vec<E::Features>,
        image: &mut E::Features,
    ) -> E::Features {
        for (i, resnet) in self.resnets.iter().enumerate() {
            x = resnet.forward(on, x, emb); // [n, c', h, w]
            if let Some(attention) = self.attentions.get(i) {
                x = attention.forward(on, x);
            }
            skips.push(x.clone());
        }
        for downsample in &self.downsamplers {
            x = downsample.forward(on, x, emb); // [n, c', h / 2, w / 2]
            skips.push(x.clone());
        }
        if let (Some(down), Some(conv)) = (&self.resnet_down, &self.skip_conv) {
            x = down.forward(on, x, emb); // [n, c', h / 2, w / 2]
            *image = on.filter(image.clone(), Filter::FirDown); // [n, 3, h / 2, w / 2]
            x = on.conv(image.clone(), conv, Finish::onto(x, 1.0)); // [n, c', h / 2, w / 2]
            skips.push(x.clone());
        }
        x
    }
}
