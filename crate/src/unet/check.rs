//! Whether a configuration makes a network: every value by itself, and all of them together.

use super::UNet;
use super::build::Builder;
use super::config::{TimeEmbeddingType, UNetConfig, UNetConfigError};

/// Largest side, channel count or number of levels of a configuration: far above any real model, low enough that a
/// hostile file cannot take all memory.
const LARGEST: usize = 65_536;

impl UNetConfig {
    /// Checks that the values make a network.
    ///
    /// # Errors
    /// The first value that does not fit, with what to change.
    pub fn check(&self) -> Result<(), UNetConfigError> {
        self.census().map(drop)
    }

    /// Number of parameters of the network, 0 for a configuration that makes none; none of them is allocated for it.
    #[must_use]
    pub fn parameter_count(&self) -> u128 {
        self.census().unwrap_or(0)
    }

    /// The number of parameters, or the first value that makes no network.
    fn census(&self) -> Result<u128, UNetConfigError> {
        self.check_values()?;
        let census = Builder::census(|layers| UNet::build(layers, self));
        census.problem.map_or(Ok(census.parameters), Err)
    }

    /// Checks the values that no layer has to be built for.
    fn check_values(&self) -> Result<(), UNetConfigError> {
        let impossible = |reason: String| Err(UNetConfigError::Impossible(reason));
        let levels = self.block_out_channels.len();
        if levels == 0 || levels > 16 {
            return impossible(format!(
                "block_out_channels has {levels} levels; give 1 to 16"
            ));
        }
        for (key, types) in [
            ("down_block_types", self.down_block_types.len()),
            ("up_block_types", self.up_block_types.len()),
        ] {
            if types != levels {
                return impossible(format!(
                    "{key} has {types} entries and block_out_channels {levels}; both need the same number"
                ));
            }
        }
        let counts = [
            ("sample_size", self.sample_size[0]),
            ("sample_size", self.sample_size[1]),
            ("in_channels", self.in_channels),
            ("out_channels", self.out_channels),
            ("layers_per_block", self.layers_per_block),
            ("norm_num_groups", self.norm_num_groups.unwrap_or(1)),
            ("time_embedding_dim", self.time_embedding_dim.unwrap_or(1)),
        ];
        let channels = self
            .block_out_channels
            .iter()
            .map(|&c| ("block_out_channels", c));
        for (key, count) in counts.into_iter().chain(channels) {
            if count == 0 || count > LARGEST {
                return impossible(format!(
                    "{key} is {count}; it must be between 1 and {LARGEST}"
                ));
            }
        }
        if self.out_channels != self.in_channels && self.out_channels != 2 * self.in_channels {
            return impossible(format!(
                "out_channels is {}; with in_channels {} it must be {} or, with a learned variance, {}",
                self.out_channels,
                self.in_channels,
                self.in_channels,
                2 * self.in_channels
            ));
        }
        let stride = 1usize << (levels - 1);
        if self.sample_size.iter().any(|side| side % stride != 0) {
            return impossible(format!(
                "sample_size {:?} is not divisible by {stride}, which {levels} levels need; pad \
                 the images or use fewer levels",
                self.sample_size
            ));
        }
        if self.downsample_padding > 1 {
            return Err(UNetConfigError::NotBuilt {
                key: "downsample_padding",
                value: self.downsample_padding.to_string(),
                built: "0 and 1".into(),
            });
        }
        if self.num_class_embeds.is_some_and(|n| n == 0 || n > LARGEST) {
            return impossible("num_class_embeds must be null or at least 1".into());
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return impossible(format!(
                "dropout is {}; it must lie in [0, 1)",
                self.dropout
            ));
        }
        if !(self.norm_eps.is_finite() && self.norm_eps > 0.0) {
            return impossible(format!(
                "norm_eps is {}; it must be positive",
                self.norm_eps
            ));
        }
        if !(self.mid_block_scale_factor.is_finite() && self.mid_block_scale_factor != 0.0) {
            return impossible("mid_block_scale_factor must be finite and not 0".into());
        }
        let half = (self.block_out_channels[0] / 2) as f64;
        let has_shift = self.time_embedding_type == TimeEmbeddingType::Positional;
        if has_shift && (half == 0.0 || !self.freq_shift.is_finite() || half <= self.freq_shift) {
            return impossible(format!(
                "freq_shift {} leaves no frequencies for a first level of {} channels",
                self.freq_shift, self.block_out_channels[0]
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::{DownBlockType, UNet, UNetConfig, UpBlockType};
    use crate::unet::config::{ClassEmbedType, Resampling, TimeEmbeddingType, TimeScaleShift};
    use burn::module::Module;
    use burn::tensor::Device;

    /// A network with every type of block but those that need others around them.
    pub(in crate::unet) fn of_every_type(base: &UNetConfig) -> UNetConfig {
        let mut down = DownBlockType::ALL.to_vec();
        down.retain(|kind| !kind.takes_the_image());
        let mut up = UpBlockType::ALL.to_vec();
        up.retain(|kind| !kind.adds_to_the_image());
        let n = down.len().max(up.len());
        UNetConfig {
            sample_size: [1 << n; 2],
            block_out_channels: vec![8; n],
            down_block_types: down.into_iter().cycle().take(n).collect(),
            up_block_types: up.into_iter().rev().cycle().take(n).collect(),
            ..base.clone()
        }
    }

    #[test]
    fn as_many_parameters_are_counted_as_are_built() {
        let base = UNetConfig {
            sample_size: [8, 8],
            block_out_channels: vec![8, 16],
            down_block_types: vec![DownBlockType::AttnDownBlock2D; 2],
            up_block_types: vec![UpBlockType::AttnUpBlock2D; 2],
            norm_num_groups: Some(4),
            ..UNetConfig::default()
        };
        for layers_per_block in 1..=6 {
            let config = UNetConfig {
                layers_per_block,
                ..base.clone()
            };
            let others = [
                of_every_type(&config),
                UNetConfig {
                    resnet_time_scale_shift: TimeScaleShift::ScaleShift,
                    num_class_embeds: Some(5),
                    ..config.clone()
                },
                UNetConfig {
                    attention_head_dim: Some(3),
                    attn_norm_num_groups: Some(2),
                    ..config.clone()
                },
                UNetConfig {
                    in_channels: 3,
                    out_channels: 3,
                    block_out_channels: vec![32, 32],
                    down_block_types: vec![
                        DownBlockType::SkipDownBlock2D,
                        DownBlockType::AttnSkipDownBlock2D,
                    ],
                    up_block_types: vec![
                        UpBlockType::AttnSkipUpBlock2D,
                        UpBlockType::SkipUpBlock2D,
                    ],
                    norm_num_groups: None,
                    time_embedding_type: TimeEmbeddingType::Fourier,
                    class_embed_type: Some(ClassEmbedType::Timestep),
                    ..config.clone()
                },
                UNetConfig {
                    down_block_types: vec![DownBlockType::ResnetDownsampleBlock2D; 2],
                    up_block_types: vec![UpBlockType::ResnetUpsampleBlock2D; 2],
                    time_embedding_dim: Some(12),
                    mid_block_type: None,
                    ..config.clone()
                },
                UNetConfig {
                    downsample_type: Resampling::Resnet,
                    upsample_type: Resampling::Resnet,
                    add_attention: false,
                    attention_head_dim: None,
                    block_out_channels: vec![4, 24],
                    ..config.clone()
                },
            ];
            for config in [config].iter().chain(&others) {
                let unet = UNet::new(config, &Device::flex()).expect("a network");
                let built = unet.num_params() as u128;
                assert_eq!(config.parameter_count(), built, "{config:?}");
            }
        }
    }

    #[test]
    fn every_attention_needs_a_head_that_is_no_wider() {
        let config = UNetConfig {
            sample_size: [8, 8],
            block_out_channels: vec![8, 16],
            down_block_types: vec![DownBlockType::DownBlock2D; 2],
            up_block_types: vec![UpBlockType::UpBlock2D, UpBlockType::AttnUpBlock2D],
            norm_num_groups: Some(4),
            attention_head_dim: Some(9),
            ..UNetConfig::default()
        };
        let refused = config.check().expect_err("no head");
        assert!(refused.to_string().ends_with("use 1 to 8"), "{refused}");
        assert_eq!(config.parameter_count(), 0);
    }
}
