//! Whether a configuration makes a network: every value by itself, and all of them together.

use super::config::{UNetConfig, UNetConfigError};

/// Largest side, channel count or number of levels that a configuration may ask for: far above any real model,
/// low enough that a hostile file cannot ask for the whole memory.
const LARGEST: usize = 65_536;

impl UNetConfig {
    /// Checks that the values make a network.
    ///
    /// # Errors
    /// The first value that does not fit, with what to change.
    pub fn check(&self) -> Result<(), UNetConfigError> {
        let impossible = |reason: String| Err(UNetConfigError::Impossible(reason));
        let levels = self.block_out_channels.len();
        if levels == 0 || levels > 16 {
            return impossible(format!(
                "block_out_channels has {levels} levels; give 1 to 16"
            ));
        }
        for (key, types) in [
            ("down_block_types", &self.down_block_types),
            ("up_block_types", &self.up_block_types),
        ] {
            if types.len() != levels {
                return impossible(format!(
                    "{key} has {} entries and block_out_channels {levels}; give as many of each",
                    types.len()
                ));
            }
        }
        for (key, built, types) in [
            (
                "down_block_types",
                "DownBlock2D and AttnDownBlock2D",
                &self.down_block_types,
            ),
            (
                "up_block_types",
                "UpBlock2D and AttnUpBlock2D",
                &self.up_block_types,
            ),
        ] {
            let [plain, attention] = if key == "down_block_types" {
                ["DownBlock2D", "AttnDownBlock2D"]
            } else {
                ["UpBlock2D", "AttnUpBlock2D"]
            };
            if let Some(value) = types.iter().find(|t| *t != plain && *t != attention) {
                return Err(UNetConfigError::NotBuilt {
                    key,
                    value: value.clone(),
                    built,
                });
            }
        }
        let counts = [
            ("sample_size", self.sample_size[0]),
            ("sample_size", self.sample_size[1]),
            ("in_channels", self.in_channels),
            ("out_channels", self.out_channels),
            ("layers_per_block", self.layers_per_block),
            ("norm_num_groups", self.norm_num_groups),
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
                "sample_size {:?} is not divisible by {stride}, which {levels} levels need; pad the images or take fewer levels",
                self.sample_size
            ));
        }
        if self.downsample_padding > 1 {
            return Err(UNetConfigError::NotBuilt {
                key: "downsample_padding",
                value: self.downsample_padding.to_string(),
                built: "0 and 1",
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
        if half == 0.0 || !self.freq_shift.is_finite() || half <= self.freq_shift {
            return impossible(format!(
                "freq_shift {} leaves no frequencies for a first level of {} channels",
                self.freq_shift, self.block_out_channels[0]
            ));
        }
        self.check_norms()
    }

    /// Every width that a group normalisation sees must divide into its groups, and every attention needs a head.
    fn check_norms(&self) -> Result<(), UNetConfigError> {
        let groups = self.norm_num_groups;
        for width in self.norm_widths() {
            if width % groups != 0 {
                return Err(UNetConfigError::Impossible(format!(
                    "norm_num_groups is {groups}, but a normalisation sees {width} channels, which {groups} does not divide"
                )));
            }
        }
        let bottom = self.bottom_channels();
        if self.add_attention
            && self
                .attn_norm_num_groups
                .is_some_and(|g| !bottom.is_multiple_of(g))
        {
            return Err(UNetConfigError::Impossible(format!(
                "attn_norm_num_groups must divide the {bottom} channels of the middle block"
            )));
        }
        if let Some(dim) = self.attention_head_dim {
            let widths = self.attention_widths();
            if let Some(width) = widths.iter().find(|&&width| dim == 0 || width / dim == 0) {
                return Err(UNetConfigError::Impossible(format!(
                    "attention_head_dim is {dim}, but an attention is {width} channels wide; take 1 to {width}"
                )));
            }
        }
        Ok(())
    }

    fn norm_widths(&self) -> Vec<usize> {
        let channels = &self.block_out_channels;
        let mut widths = channels.clone();
        for (level, _) in channels.iter().enumerate().rev() {
            for resnet in 0..=self.layers_per_block {
                let (from, skip) = self.up_resnet_channels(level, resnet);
                widths.push(from + skip);
            }
        }
        widths
    }

    fn attention_widths(&self) -> Vec<usize> {
        let channels = &self.block_out_channels;
        let mut widths: Vec<usize> = Vec::new();
        for (level, &width) in channels.iter().enumerate() {
            let up = &self.up_block_types[channels.len() - 1 - level];
            if self.down_block_types[level].starts_with("Attn") || up.starts_with("Attn") {
                widths.push(width);
            }
        }
        if self.add_attention {
            widths.push(self.bottom_channels());
        }
        widths
    }
}
