//! The levels of the U: `DownBlock2D`, `UNetMidBlock2D`, `UpBlock2D`, and their attention variants.

use super::attention::Attention;
use super::config::{TimeScaleShift, UNetConfig};
#[cfg(any(feature = "gpu", test))]
use super::gpu::{Features, Finish, Planner};
use super::layers::Conv2d;
use super::ops;
use super::resnet::Resnet;
use burn::module::Module;
use burn::tensor::{Device, Tensor};

fn attention(
    width: usize,
    groups: Option<usize>,
    config: &UNetConfig,
    device: &Device,
) -> Attention {
    let head_dim = config.attention_head_dim.unwrap_or(width);
    Attention::new(width, head_dim, groups, config.norm_eps, device).zeroed()
}

/// Halves the resolution with a strided 3x3 convolution: `Downsample2D`.
#[derive(Module, Debug)]
pub struct Downsample {
    conv: Conv2d,
    #[module(skip)]
    pad_far_sides: bool,
}

impl Downsample {
    fn new(width: usize, config: &UNetConfig, device: &Device) -> Self {
        Self {
            conv: Conv2d::new(width, width, 3, 2, config.downsample_padding, device),
            pad_far_sides: config.downsample_padding == 0,
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = if self.pad_far_sides {
            ops::pad_far_sides(x)
        } else {
            x
        }; // [n, c, h + 1, w + 1]
        self.conv.forward(x) // [n, c, h / 2, w / 2]
    }

    /// [`forward`](Self::forward) as a launch; zeros at the far sides are its reading beyond them.
    #[cfg(any(feature = "gpu", test))]
    fn plan(&self, planner: &mut Planner, x: Features) -> Features {
        planner.conv(&[x], &self.conv.host(), Finish::default())
    }
}

/// Doubles the resolution, each pixel becoming four, then a 3x3 convolution: `Upsample2D`.
#[derive(Module, Debug)]
pub struct Upsample {
    conv: Conv2d,
}

impl Upsample {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.conv.forward(ops::upsample_nearest_2x(x)) // [n, c, 2 h, 2 w]
    }

    /// [`forward`](Self::forward) as a launch.
    #[cfg(any(feature = "gpu", test))]
    fn plan(&self, planner: &mut Planner, x: Features) -> Features {
        let finish = Finish {
            doubled: true,
            ..Finish::default()
        };
        planner.conv(&[x], &self.conv.host(), finish)
    }
}

/// One level on the way down: residual blocks (with attention in `AttnDownBlock2D`), then a downsampling but for the last level.
#[derive(Module, Debug)]
pub struct DownBlock {
    resnets: Vec<Resnet>,
    attentions: Vec<Attention>,
    downsamplers: Vec<Downsample>,
}

impl DownBlock {
    /// The block of `level`, counted from full resolution.
    pub fn new(level: usize, config: &UNetConfig, device: &Device) -> Self {
        let channels = &config.block_out_channels;
        let width = channels[level];
        let first = if level == 0 {
            width
        } else {
            channels[level - 1]
        };
        let resnet =
            |i| Resnet::new(if i == 0 { first } else { width }, width, config, device).zeroed();
        let has_attention = config.down_block_types[level].starts_with("Attn");
        let attentions = if has_attention {
            config.layers_per_block
        } else {
            0
        };
        let last = level + 1 == channels.len();
        Self {
            resnets: (0..config.layers_per_block).map(resnet).collect(),
            attentions: (0..attentions)
                .map(|_| attention(width, Some(config.norm_num_groups), config, device))
                .collect(),
            downsamplers: (0..usize::from(!last))
                .map(|_| Downsample::new(width, config, device))
                .collect(),
        }
    }

    /// `[n, c, h, w]` to `[n, c', h/2, w/2]` (`[n, c', h, w]` at the last level); every result is pushed onto `skips`.
    pub fn forward(
        &self,
        mut x: Tensor<4>,
        emb: &Tensor<2>,
        skips: &mut Vec<Tensor<4>>,
    ) -> Tensor<4> {
        for (i, resnet) in self.resnets.iter().enumerate() {
            x = resnet.forward(x, emb.clone()); // [n, c', h, w]
            if let Some(attention) = self.attentions.get(i) {
                x = attention.forward(x);
            }
            skips.push(x.clone());
        }
        for downsample in &self.downsamplers {
            x = downsample.forward(x); // [n, c', h / 2, w / 2]
            skips.push(x.clone());
        }
        x
    }

    /// [`forward`](Self::forward) as launches.
    #[cfg(any(feature = "gpu", test))]
    pub(super) fn plan(
        &self,
        planner: &mut Planner,
        mut x: Features,
        skips: &mut Vec<Features>,
    ) -> Features {
        for (i, resnet) in self.resnets.iter().enumerate() {
            x = resnet.plan(planner, &[x]);
            if let Some(attention) = self.attentions.get(i) {
                x = attention.plan(planner, x);
            }
            skips.push(x);
        }
        for downsample in &self.downsamplers {
            x = downsample.plan(planner, x);
            skips.push(x);
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
    pub fn new(config: &UNetConfig, device: &Device) -> Self {
        let width = config.bottom_channels();
        let factor = config.mid_block_scale_factor;
        let groups = config.attn_norm_num_groups.or_else(|| {
            (config.resnet_time_scale_shift == TimeScaleShift::Default)
                .then_some(config.norm_num_groups)
        });
        let attentions = usize::from(config.add_attention);
        Self {
            resnets: (0..2)
                .map(|_| {
                    Resnet::new(width, width, config, device)
                        .zeroed()
                        .scaled(factor)
                })
                .collect(),
            attentions: (0..attentions)
                .map(|_| attention(width, groups, config, device).scaled(factor))
                .collect(),
        }
    }

    /// What the attention of this block looks at for the block's input `[n, c, h, w]`: `[n, heads, hw, hw]`.
    pub fn attention_weights(&self, x: Tensor<4>, emb: &Tensor<2>) -> Option<Tensor<4>> {
        let (resnet, attention) = (self.resnets.first()?, self.attentions.first()?);
        Some(attention.weights(resnet.forward(x, emb.clone())))
    }

    /// `[n, c, h, w]` to `[n, c, h, w]`.
    pub fn forward(&self, mut x: Tensor<4>, emb: &Tensor<2>) -> Tensor<4> {
        for (i, resnet) in self.resnets.iter().enumerate() {
            if i > 0
                && let Some(attention) = self.attentions.get(i - 1)
            {
                x = attention.forward(x);
            }
            x = resnet.forward(x, emb.clone());
        }
        x
    }

    /// [`forward`](Self::forward) as launches.
    #[cfg(any(feature = "gpu", test))]
    pub(super) fn plan(&self, planner: &mut Planner, mut x: Features) -> Features {
        for (i, resnet) in self.resnets.iter().enumerate() {
            if i > 0
                && let Some(attention) = self.attentions.get(i - 1)
            {
                x = attention.plan(planner, x);
                planner.bottom();
            }
            x = resnet.plan(planner, &[x]);
        }
        x
    }
}

/// One level on the way up: residual blocks that take in the skips, (attention in `AttnUpBlock2D`), then an upsampling but for the first level.
#[derive(Module, Debug)]
pub struct UpBlock {
    resnets: Vec<Resnet>,
    attentions: Vec<Attention>,
    upsamplers: Vec<Upsample>,
}

impl UpBlock {
    /// The block of `level`, counted from full resolution.
    pub fn new(level: usize, config: &UNetConfig, device: &Device) -> Self {
        let levels = config.block_out_channels.len();
        let width = config.block_out_channels[level];
        let resnet = |i| {
            let (from, skip) = config.up_resnet_channels(level, i);
            Resnet::new(from + skip, width, config, device).zeroed()
        };
        let has_attention = config.up_block_types[levels - 1 - level].starts_with("Attn");
        let attentions = if has_attention {
            config.layers_per_block + 1
        } else {
            0
        };
        Self {
            resnets: (0..=config.layers_per_block).map(resnet).collect(),
            attentions: (0..attentions)
                .map(|_| attention(width, Some(config.norm_num_groups), config, device))
                .collect(),
            upsamplers: (0..usize::from(level > 0))
                .map(|_| Upsample {
                    conv: Conv2d::same(width, width, device),
                })
                .collect(),
        }
    }

    /// `[n, c, h, w]` to `[n, c', 2 h, 2 w]` (`[n, c', h, w]` at full resolution); pops a skip for each residual block.
    pub fn forward(
        &self,
        mut x: Tensor<4>,
        emb: &Tensor<2>,
        skips: &mut Vec<Tensor<4>>,
    ) -> Tensor<4> {
        for (i, resnet) in self.resnets.iter().enumerate() {
            if let Some(skip) = skips.pop() {
                x = ops::concatenate(x, skip); // [n, c + c_skip, h, w]
            }
            x = resnet.forward(x, emb.clone()); // [n, c', h, w]
            if let Some(attention) = self.attentions.get(i) {
                x = attention.forward(x);
            }
        }
        for upsample in &self.upsamplers {
            x = upsample.forward(x); // [n, c', 2 h, 2 w]
        }
        x
    }

    /// [`forward`](Self::forward) as launches, which read the skips where they are.
    #[cfg(any(feature = "gpu", test))]
    pub(super) fn plan(
        &self,
        planner: &mut Planner,
        mut x: Features,
        skips: &mut Vec<Features>,
    ) -> Features {
        for (i, resnet) in self.resnets.iter().enumerate() {
            x = match skips.pop() {
                Some(skip) => resnet.plan(planner, &[x, skip]),
                None => resnet.plan(planner, &[x]),
            };
            if let Some(attention) = self.attentions.get(i) {
                x = attention.plan(planner, x);
            }
        }
        for upsample in &self.upsamplers {
            x = upsample.plan(planner, x);
        }
        x
    }
}
