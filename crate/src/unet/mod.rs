//! The network: diffusers' `UNet2DModel` in burn, with its configuration keys and parameter names.
//!
//! A U of residual blocks (Ho et al. 2020, appendix B): each level on the way down hands its features across to the same
//! level on the way up. The timestep, and a label where there are classes, enters every block as a vector.
//!
//! | module | what is in it |
//! |---|---|
//! | this one, `blocks`, `resnet`, `attention`, [`embedding`] | the network, written once: its layers and how features pass through them |
//! | `executor` | the operations that it is written in |
//! | `tensors`, [`ops`], `cpu` | these operations in burn, with kernels of our own for the CPU |
//! | `gpu` | these operations as launches of fused kernels |
//! | [`layers`], `build` | what holds parameters; how they are drawn, or only counted |
//! | [`config`], `check` | `unet/config.json` |
//! | [`weights`] | the safetensors file |
//! | [`look`] | one evaluation from the inside |

pub mod config;
#[cfg(feature = "cpu")]
mod cpu;
pub mod embedding;
#[cfg(any(feature = "gpu", test))]
pub mod gpu;
pub mod layers;
pub mod look;
pub mod ops;
pub mod weights;

mod attention;
mod blocks;
pub(crate) mod build;
mod check;
mod executor;
mod resnet;
mod tensors;

pub use blocks::{DownBlockType, UpBlockType};
pub use config::{UNetConfig, UNetConfigError};
pub use weights::WeightsError;

use blocks::{DownBlock, MidBlock, UpBlock};
use build::Builder;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use embedding::TimeEmbedding;
use executor::{Executor, Finish, Then};
use layers::{Conv2d, Embedding, GroupNorm};
use look::{Look, Place};
use tensors::Tensors;

/// eps_theta(x_t, t): the U-Net that predicts the noise in x_t (or x_0, or v: the scheduler's `prediction_type` says which).
#[derive(Module, Debug)]
pub struct UNet {
    conv_in: Conv2d,
    time_embedding: TimeEmbedding,
    class_embedding: Option<Embedding>,
    down_blocks: Vec<DownBlock>,
    mid_block: MidBlock,
    up_blocks: Vec<UpBlock>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
    #[module(skip)]
    config: UNetConfig,
    #[cfg(feature = "cpu")]
    #[module(skip)]
    buffers: cpu::KeepsBuffers,
}

impl UNet {
    /// The layers, in the order in which their parameters are drawn.
    fn build(layers: &mut Builder, config: &UNetConfig) -> Self {
        let levels = config.block_out_channels.len();
        let first = config.block_out_channels[0];
        Self {
            conv_in: layers.conv3x3(config.in_channels, first),
            time_embedding: TimeEmbedding::new(layers, config),
            class_embedding: config
                .num_class_embeds
                .map(|rows| layers.embedding(rows, config.time_channels())),
            down_blocks: (0..levels)
                .map(|level| DownBlock::new(layers, level, config))
                .collect(),
            mid_block: MidBlock::new(layers, config),
            up_blocks: (0..levels)
                .rev()
                .map(|level| UpBlock::new(layers, level, config))
                .collect(),
            conv_norm_out: layers.norm(config.norm_num_groups, first, config.norm_eps),
            conv_out: layers.conv3x3_at_zero(first, config.out_channels),
            config: config.clone(),
            #[cfg(feature = "cpu")]
            buffers: cpu::KeepsBuffers::new(),
        }
    }

    /// One evaluation: `x_t` `[n, in_channels, h, w]` to the model output `[n, out_channels, h, w]`.
    fn evaluate<E: Executor>(&self, on: &mut E, x_t: E::Features) -> E::Features {
        let emb = (self.time_embedding).forward(on, self.class_embedding.as_ref()); // [n, time_channels]
        let mut x = on.conv(x_t, &self.conv_in, Finish::nothing()); // [n, c_0, h, w]
        on.stage(Place::In, &x);
        let mut skips = vec![x.clone()];
        for (level, block) in self.down_blocks.iter().enumerate() {
            x = block.forward(on, x, &emb, &mut skips);
            on.stage(Place::Down(level), &x);
        }
        x = self.mid_block.forward(on, x, &emb); // [n, c_last, h / 2^(levels-1), w / 2^(levels-1)]
        on.stage(Place::Mid, &x);
        for (block, level) in self.up_blocks.iter().zip((0..self.up_blocks.len()).rev()) {
            x = block.forward(on, x, &emb, &mut skips);
            on.stage(Place::Up(level), &x);
        }
        let x = on.norm(x, &self.conv_norm_out, Then::Silu); // [n, c_0, h, w]
        let x = on.conv(x, &self.conv_out, Finish::nothing()); // [n, out_channels, h, w]
        on.stage(Place::Out, &x);
        x
    }
}

impl UNet {
    /// A fresh network on `device`, to be trained. Its first output is 0 everywhere.
    ///
    /// # Errors
    /// A configuration that makes no network.
    pub fn new(config: &UNetConfig, device: &Device) -> Result<Self, UNetConfigError> {
        config.check()?;
        Ok(Self::build(&mut Builder::fresh(device), config))
    }

    /// A network to load weights into: all parameters are 0, which spares drawing them.
    ///
    /// # Errors
    /// A configuration that makes no network.
    pub fn blank(config: &UNetConfig, device: &Device) -> Result<Self, UNetConfigError> {
        config.check()?;
        Ok(Self::build(&mut Builder::blank(device), config))
    }

    /// The model output for `x_t` `[n, c, h, w]` in [-1, 1] at one timestep for each image; `[n, out_channels, h, w]`.
    ///
    /// `labels`, one for each image, are used by class-conditional models and must be below `num_class_embeds`.
    pub fn forward(
        &self,
        x_t: Tensor<4>,
        timesteps: &[f32],
        labels: Option<&[usize]>,
    ) -> Tensor<4> {
        self.compute(x_t, timesteps, labels, None)
    }

    /// [`forward`](Self::forward) in burn; `look` keeps what it sees.
    fn compute(
        &self,
        x_t: Tensor<4>,
        timesteps: &[f32],
        labels: Option<&[usize]>,
        look: Option<&mut Look>,
    ) -> Tensor<4> {
        let mut on = Tensors::new(&self.config, timesteps, labels, x_t.device(), look);
        let x_t = if self.config.center_input_sample {
            x_t * 2.0 - 1.0
        } else {
            x_t
        };
        self.evaluate(&mut on, x_t)
    }

    /// The configuration the network was built from.
    pub fn config(&self) -> &UNetConfig {
        &self.config
    }
}
