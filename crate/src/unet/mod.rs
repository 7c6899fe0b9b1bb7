//! The network: diffusers' `UNet2DModel` in burn, with its configuration keys and parameter names.
//!
//! A U of residual blocks (Ho et al. 2020, appendix B): each level on the way down hands its features across to the same
//! level on the way up. The timestep, and a label where there are classes, enters every block as a vector.
//!
//! | module | what is in it |
//! |---|---|
//! | this one, `down`, `mid`, `up`, `skip`, `resnet`, `attention`, [`embedding`] | the network, written once: its layers and how features pass through them |
//! | `activation`, `resample`, [`dropout`] | what has no parameters: non-linearities, filters that change the resolution, and what training drops |
//! | `executor` | the operations that it is written in |
//! | `cpu` | these operations on slices, by kernels of our own |
//! | `tensors`, [`ops`] | these operations in burn, with gradients, by the same kernels |
//! | `gpu` | these operations as launches of fused kernels |
//! | [`layers`], `build` | what holds parameters; how they are drawn, or only counted |
//! | [`config`], `check` | `unet/config.json` |
//! | [`weights`] | the safetensors file |
//! | [`look`], [`progress`] | one evaluation from the inside; how far it is |

pub mod activation;
pub mod config;
mod cpu;
pub mod dropout;
pub mod embedding;
#[cfg(any(feature = "gpu", test))]
pub mod gpu;
pub mod layers;
pub mod look;
pub mod ops;
pub mod progress;
pub mod weights;

mod attention;
pub(crate) mod build;
mod check;
mod down;
mod executor;
mod mid;
mod resample;
mod resnet;
mod skip;
mod tensors;
mod up;

pub use config::{TimeEmbeddingType, UNetConfig, UNetConfigError};
pub use down::DownBlockType;
pub use up::UpBlockType;
pub use weights::WeightsError;

use activation::Activation;
use build::{Builder, groups_of};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use config::MidBlockType;
use cpu::{Features, OnCpu};
use down::DownBlock;
use embedding::{ClassEmbedding, TimeEmbedding, embed};
use executor::{Executor, Finish, Then};
use layers::{Conv2d, Frequencies, GroupNorm};
use look::{Seen, Stage};
use mid::MidBlock;
use skip::IMAGE;
use tensors::Tensors;
use up::UpBlock;

/// eps_theta(x_t, t): the U-Net that predicts the noise in x_t (or x_0, or v: the scheduler's `prediction_type` says which).
#[derive(Module, Debug)]
pub struct UNet {
    conv_in: Conv2d,
    time_proj: Option<Frequencies>,
    time_embedding: TimeEmbedding,
    class_embedding: Option<ClassEmbedding>,
    down_blocks: Vec<DownBlock>,
    mid_block: Option<MidBlock>,
    up_blocks: Vec<UpBlock>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
    #[module(skip)]
    config: UNetConfig,
    #[module(skip)]
    buffers: cpu::KeepsBuffers,
}

impl UNet {
    /// The layers, in the order in which their parameters are drawn.
    fn build(layers: &mut Builder, config: &UNetConfig) -> Self {
        let levels = config.block_out_channels.len();
        let first = config.block_out_channels[0];
        require_skips_that_meet(layers, config);
        Self {
            conv_in: layers.conv3x3(config.in_channels, first),
            time_proj: match config.time_embedding_type {
                TimeEmbeddingType::Positional => None,
                TimeEmbeddingType::Fourier => Some(layers.frequencies(first)),
            },
            time_embedding: TimeEmbedding::new(layers, config),
            class_embedding: ClassEmbedding::new(layers, config),
            down_blocks: (0..levels)
                .map(|level| DownBlock::new(layers, level, config))
                .collect(),
            mid_block: (config.mid_block_type)
                .map(|MidBlockType::UNetMidBlock2D| MidBlock::new(layers, config)),
            up_blocks: (0..levels)
                .rev()
                .map(|level| UpBlock::new(layers, level, config))
                .collect(),
            conv_norm_out: {
                let groups = config.norm_num_groups.unwrap_or(groups_of(first));
                layers.norm(groups, first, config.norm_eps)
            },
            conv_out: layers.conv3x3_at_zero(first, config.out_channels),
            config: config.clone(),
            buffers: cpu::KeepsBuffers::new(),
        }
    }

    /// One evaluation: `x_t` `[n, in_channels, h, w]` to the model output `[n, out_channels, h, w]`.
    fn evaluate<E: Executor>(&self, on: &mut E, x_t: E::Features) -> E::Features {
        let (frequencies, classes) = (self.time_proj.as_ref(), self.class_embedding.as_ref());
        let emb = embed(on, frequencies, &self.time_embedding, classes); // [n, time_channels]
        let mut image = x_t.clone();
        let mut x = on.conv(x_t, &self.conv_in, Finish::nothing()); // [n, c_0, h, w]
        on.stage(Stage::In, &x);
        let mut skips = vec![x.clone()];
        for (level, block) in self.down_blocks.iter().enumerate() {
            x = block.forward(on, x, &emb, &mut skips, &mut image);
            on.stage(Stage::Down(level), &x);
        }
        if let Some(block) = &self.mid_block {
            x = block.forward(on, x, &emb); // [n, c_last, h / 2^(levels-1), w / 2^(levels-1)]
            on.stage(Stage::Mid, &x);
        }
        let mut image = None;
        for (block, level) in self.up_blocks.iter().zip((0..self.up_blocks.len()).rev()) {
            x = block.forward(on, x, &emb, &mut skips, &mut image);
            on.stage(Stage::Up(level), &x);
        }
        let x = on.norm(x, &self.conv_norm_out, Then::Activate(Activation::Silu)); // [n, c_0, h, w]
        let finish = image.map_or(Finish::nothing(), |image| Finish::onto(image, 1.0));
        let mut x = on.conv(x, &self.conv_out, finish); // [n, out_channels, h, w]
        if self.config.time_embedding_type == TimeEmbeddingType::Fourier {
            x = on.divide_by_timestep(x);
        }
        on.stage(Stage::Out, &x);
        x
    }
}

/// Notes Skip blocks that would meet an image of another resolution or another number of channels.
fn require_skips_that_meet(layers: &mut Builder, config: &UNetConfig) {
    let takes = |i: usize| config.down_block_types[i].takes_the_image();
    let adds = |i: usize| config.up_block_types[i].adds_to_the_image();
    let last = config.block_out_channels.len() - 1;
    // The block at the bottom, and that at the top of the way up, hand no image on.
    let taken = (0..last).rfind(|&i| takes(i));
    let added = (0..last).find(|&i| adds(i));
    layers.require(taken.is_none() || config.in_channels == IMAGE, || {
        format!(
            "down_block_types has Skip blocks, which take {IMAGE} channels; in_channels is {}",
            config.in_channels
        )
    });
    layers.require(added.is_none() || config.out_channels == IMAGE, || {
        format!(
            "up_block_types has Skip blocks, which give {IMAGE} channels; out_channels is {}",
            config.out_channels
        )
    });
    layers.require((0..taken.unwrap_or(0)).all(takes), || {
        "down_block_types has a Skip block after one that is none, where the image is not halved; begin with the Skip blocks".into()
    });
    layers.require((added.unwrap_or(last)..=last).all(adds) || added.is_none(), || {
        "up_block_types has a block after a Skip block that is none, where the image is not doubled; end with the Skip blocks".into()
    });
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
    pub fn predict(
        &self,
        x_t: Vec<f32>,
        shape: [usize; 4],
        timesteps: &[f32],
        labels: Option<&[usize]>,
    ) -> Vec<f32> {
        let on = OnCpu::new(&self.config, timesteps, labels, None);
        self.on_cpu(on, Features::given(x_t, shape))
    }

    /// [`predict`](Self::predict) with everything kept.
    pub fn look(
        &self,
        x_t: Vec<f32>,
        shape: [usize; 4],
        timesteps: &[f32],
        labels: Option<&[usize]>,
    ) -> Seen {
        let mut seen = Seen::default();
        let on = OnCpu::new(&self.config, timesteps, labels, Some(&mut seen));
        self.on_cpu(on, Features::given(x_t, shape));
        seen
    }

    fn on_cpu(&self, mut on: OnCpu, x_t: Features) -> Vec<f32> {
        let x_t = x_t.map(|x_t| self.config.center(x_t));
        progress::begin();
        let output = self.evaluate(&mut on, x_t);
        progress::end();
        output.into_values()
    }

    /// [`predict`](Self::predict) in burn, which knows the gradients.
    pub fn forward(
        &self,
        x_t: Tensor<4>,
        timesteps: &[f32],
        labels: Option<&[usize]>,
    ) -> Tensor<4> {
        self.on_tensors(x_t, timesteps, labels, None)
    }

    /// [`forward`](Self::forward) in training: with dropout, by one of [`dropout::keys`] for each image.
    pub fn forward_dropping(
        &self,
        x_t: Tensor<4>,
        timesteps: &[f32],
        labels: Option<&[usize]>,
        keys: &[u32],
    ) -> Tensor<4> {
        self.on_tensors(x_t, timesteps, labels, Some(keys))
    }

    fn on_tensors(
        &self,
        x_t: Tensor<4>,
        timesteps: &[f32],
        labels: Option<&[usize]>,
        keys: Option<&[u32]>,
    ) -> Tensor<4> {
        let mut on = Tensors::new(&self.config, timesteps, labels, keys, x_t.device());
        let x_t = if self.config.center_input_sample {
            x_t * 2.0 - 1.0
        } else {
            x_t
        };
        self.evaluate(&mut on, x_t)
    }

    /// The timesteps as the network takes them, a row for each: sines and cosines, `[n, timestep_width]`.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn timestep_rows(&self, timesteps: &[f32]) -> Vec<f32> {
        let frequencies = self.time_proj.as_ref().map(Frequencies::host);
        (self.config).timestep_rows(timesteps, frequencies.as_deref())
    }

    /// The configuration the network was built from.
    pub fn config(&self) -> &UNetConfig {
        &self.config
    }
}
