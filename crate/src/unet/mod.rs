//! The network: diffusers' `UNet2DModel` in burn, with its configuration keys and parameter names.
//!
//! A U of residual blocks (Ho et al. 2020, appendix B): each level on the way down hands its features across to the same
//! level on the way up. The timestep, and a label where there are classes, enters every block as a vector.

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
mod check;
mod resnet;
mod size;

pub use config::{UNetConfig, UNetConfigError};
pub use weights::WeightsError;

use blocks::{DownBlock, MidBlock, UpBlock};
use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use embedding::TimeEmbedding;
use layers::{Conv2d, Embedding, GroupNorm};
use look::Place;

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
    /// A network to load weights into: all parameters are 0, which spares drawing them.
    ///
    /// # Errors
    /// A configuration that makes no network.
    pub fn blank(config: &UNetConfig, device: &Device) -> Result<Self, UNetConfigError> {
        layers::undrawn(|| Self::new(config, device))
    }

    /// A fresh network on `device`, to be trained. Its first output is 0 everywhere.
    ///
    /// # Errors
    /// A configuration that makes no network.
    pub fn new(config: &UNetConfig, device: &Device) -> Result<Self, UNetConfigError> {
        config.check()?;
        let levels = config.block_out_channels.len();
        let first = config.block_out_channels[0];
        Ok(Self {
            conv_in: Conv2d::same(config.in_channels, first, device),
            time_embedding: TimeEmbedding::new(config, device),
            class_embedding: config
                .num_class_embeds
                .map(|rows| Embedding::new(rows, config.time_channels(), device)),
            down_blocks: (0..levels)
                .map(|level| DownBlock::new(level, config, device))
                .collect(),
            mid_block: MidBlock::new(config, device),
            up_blocks: (0..levels)
                .rev()
                .map(|level| UpBlock::new(level, config, device))
                .collect(),
            conv_norm_out: GroupNorm::new(config.norm_num_groups, first, config.norm_eps, device),
            conv_out: Conv2d::same(first, config.out_channels, device).zeroed(),
            config: config.clone(),
            #[cfg(feature = "cpu")]
            buffers: cpu::KeepsBuffers::new(),
        })
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
        self.forward_watched(x_t, timesteps, labels, &mut |_, _| {})
    }

    /// [`forward`](Self::forward), with `watch` called on the features after every stage.
    fn forward_watched(
        &self,
        x_t: Tensor<4>,
        timesteps: &[f32],
        labels: Option<&[usize]>,
        watch: &mut dyn FnMut(Place, &Tensor<4>),
    ) -> Tensor<4> {
        let emb = self.embed(timesteps, labels, &x_t.device()); // [n, time_channels]
        let x = if self.config.center_input_sample {
            x_t * 2.0 - 1.0
        } else {
            x_t
        };
        let mut x = self.conv_in.forward(x); // [n, c_0, h, w]
        watch(Place::In, &x);
        let mut skips = vec![x.clone()];
        for (level, block) in self.down_blocks.iter().enumerate() {
            x = block.forward(x, &emb, &mut skips);
            watch(Place::Down(level), &x);
        }
        x = self.mid_block.forward(x, &emb); // [n, c_last, h / 2^(levels-1), w / 2^(levels-1)]
        watch(Place::Mid, &x);
        for (block, level) in self.up_blocks.iter().zip((0..self.up_blocks.len()).rev()) {
            x = block.forward(x, &emb, &mut skips);
            watch(Place::Up(level), &x);
        }
        x = self.conv_out.forward(self.conv_norm_out.forward_silu(x)); // [n, out_channels, h, w]
        watch(Place::Out, &x);
        x
    }

    /// What timestep and label say to every block: `[n, time_channels]`.
    fn embed(&self, timesteps: &[f32], labels: Option<&[usize]>, device: &Device) -> Tensor<2> {
        let emb = self.time_embedding.forward(timesteps, &self.config, device); // [n, time_channels]
        let (Some(table), Some(labels)) = (&self.class_embedding, labels) else {
            return emb;
        };
        let index: Vec<i32> = labels.iter().map(|&label| label as i32).collect();
        let index = Tensor::<1, Int>::from_data(TensorData::new(index, [labels.len()]), device);
        emb + table.forward(index)
    }

    /// [`forward`](Self::forward) as launches; returns the output.
    #[cfg(any(feature = "gpu", test))]
    fn plan(&self, planner: &mut gpu::Planner) -> gpu::Features {
        self.time_embedding.plan(planner);
        let mut x = planner.conv(&[planner.x()], &self.conv_in.host(), gpu::Finish::default());
        planner.stage(Place::In, x);
        let mut skips = vec![x];
        for (level, block) in self.down_blocks.iter().enumerate() {
            x = block.plan(planner, x, &mut skips);
            planner.stage(Place::Down(level), x);
        }
        x = self.mid_block.plan(planner, x);
        planner.stage(Place::Mid, x);
        for (block, level) in self.up_blocks.iter().zip((0..self.up_blocks.len()).rev()) {
            x = block.plan(planner, x, &mut skips);
            planner.stage(Place::Up(level), x);
        }
        let x = planner.norm(&[x], &self.conv_norm_out.host(), None, true);
        let x = planner.conv(&[x], &self.conv_out.host(), gpu::Finish::default());
        planner.stage(Place::Out, x);
        x
    }

    /// The class embedding on the host, `[num_class_embeds, time_channels]`.
    #[cfg(any(feature = "gpu", test))]
    fn class_table(&self) -> Option<Vec<f32>> {
        self.class_embedding.as_ref().map(Embedding::host)
    }

    /// The configuration the network was built from.
    pub fn config(&self) -> &UNetConfig {
        &self.config
    }
}
