//! Presets: networks, and how to train them, that serve well without another option.

use super::loss::Loss;
use crate::schedule::named;
use crate::unet::{DownBlockType, UNetConfig, UpBlockType};

/// From this side on a network of three levels does not see an image as a whole.
const LARGE: usize = 48;

named! {
    /// A network for the shape of the data, and how to train it.
    Preset, "preset" {
        /// About two million parameters for images of 28 x 28: the shipped model's.
        Mnist = "mnist",
        /// An eighth of that, to be trained within minutes: readable digits, no more.
        ///
        /// 43,000 images in small steps, which is about three minutes where 240 images a second are trained on. Weighing
        /// the loss by min-SNR spends them on the shapes, which so short a run has to learn first.
        Tiny = "tiny",
        /// A folder of images of any kind: the same network as `mnist`, with a level more from 48 pixels on.
        ///
        /// Weighing the loss by min-SNR spends a short training on shapes and on colours as a whole, which the plain loss
        /// learns last.
        Images = "images",
    }
}

/// How to train, where the command line does not say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hyperparameters {
    /// What is minimised, unless the variance is learned.
    pub loss: Loss,
    /// Images in a step.
    pub batch_size: usize,
    /// AdamW's step size after warm-up.
    pub learning_rate: f64,
    /// Steps over which it rises from 0.
    pub warmup: u64,
    /// Decay of the average of the weights.
    pub ema_decay: f64,
    /// Steps of the whole run, where neither steps nor minutes are given.
    pub steps: u64,
}

impl Preset {
    /// The U-Net for images of `[channels, height, width]` in `classes` classes; 0 classes make it unconditional.
    /// A null label for classifier-free guidance comes after the classes.
    pub fn unet(self, [channels, height, width]: [usize; 3], classes: usize) -> UNetConfig {
        let large = [height, width]
            .iter()
            .all(|side| *side >= LARGE && side.is_multiple_of(8));
        let block_out_channels = match self {
            Self::Images if large => vec![32, 64, 96, 128],
            Self::Mnist | Self::Images => vec![32, 64, 96],
            Self::Tiny => vec![16, 32, 32],
        };
        // Attention sees every pixel at once, which only the lowest level can pay for.
        let levels = block_out_channels.len();
        let mut down_block_types = vec![DownBlockType::DownBlock2D; levels];
        let mut up_block_types = vec![UpBlockType::UpBlock2D; levels];
        down_block_types[levels - 1] = DownBlockType::AttnDownBlock2D;
        up_block_types[0] = UpBlockType::AttnUpBlock2D;
        UNetConfig {
            sample_size: [height, width],
            in_channels: channels,
            out_channels: channels,
            block_out_channels,
            down_block_types,
            up_block_types,
            layers_per_block: 1,
            norm_num_groups: Some(8),
            attention_head_dim: None,
            num_class_embeds: (classes > 0).then_some(classes + 1),
            ..UNetConfig::default()
        }
    }

    /// How to train it.
    pub fn hyperparameters(self) -> Hyperparameters {
        match self {
            Self::Mnist => Hyperparameters {
                loss: Loss::Simple,
                batch_size: 32,
                learning_rate: 1e-3,
                warmup: 300,
                ema_decay: 0.999,
                steps: 30_000,
            },
            Self::Images => Hyperparameters {
                loss: Loss::MinSnr,
                batch_size: 32,
                learning_rate: 1e-3,
                warmup: 300,
                ema_decay: 0.999,
                steps: 20_000,
            },
            Self::Tiny => Hyperparameters {
                loss: Loss::MinSnr,
                batch_size: 16,
                learning_rate: 2e-3,
                warmup: 50,
                ema_decay: 0.995,
                steps: 2_100,
            },
        }
    }
}
