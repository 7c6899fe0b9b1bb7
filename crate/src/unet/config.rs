//! `unet/config.json`: the keys of diffusers' `UNet2DModel`, read, checked and written.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

/// Largest side, channel count or number of levels that a configuration may ask for: far above any real model,
/// low enough that a hostile file cannot ask for the whole memory.
const LARGEST: usize = 65_536;

/// A configuration that cannot be used, and what to change in `unet/config.json`.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum UNetConfigError {
    /// Not JSON, or a key of the wrong type.
    #[error(
        "unet/config.json cannot be read: {0}. It must be the configuration of a diffusers UNet2DModel"
    )]
    Syntax(String),
    /// A feature of `UNet2DModel` that walkback does not have.
    #[error(
        "unet/config.json asks for {key} = {value}, which walkback does not build; it builds {built}"
    )]
    NotBuilt {
        /// The key in `config.json`.
        key: &'static str,
        /// What it is set to.
        value: String,
        /// What it may be.
        built: &'static str,
    },
    /// Values that contradict each other or make no network.
    #[error("unet/config.json makes no network: {0}")]
    Impossible(String),
}

/// How the time embedding enters a residual block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum TimeScaleShift {
    /// Added to the features before the second normalisation (Ho et al. 2020, appendix B).
    #[default]
    Default,
    /// Scales and shifts the features after it (Nichol & Dhariwal 2021, section 4).
    ScaleShift,
}

/// The architecture: diffusers' `UNet2DModel` configuration, key for key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UNetConfig {
    /// Height and width of the images, in pixels.
    #[serde(deserialize_with = "sides")]
    pub sample_size: [usize; 2],
    /// Channels of x_t: 1 for grey images, 3 for colour.
    pub in_channels: usize,
    /// Channels of the model output: `in_channels`, or twice that when the variance is learned.
    pub out_channels: usize,
    /// Width of each level of the U, from full resolution down.
    pub block_out_channels: Vec<usize>,
    /// One `DownBlock2D` or `AttnDownBlock2D` for each level.
    pub down_block_types: Vec<String>,
    /// One `UpBlock2D` or `AttnUpBlock2D` for each level, from the lowest resolution up.
    pub up_block_types: Vec<String>,
    /// Residual blocks for each level going down; one more going up.
    pub layers_per_block: usize,
    /// Groups of every group normalisation.
    pub norm_num_groups: usize,
    /// Added to the variance in every group normalisation.
    pub norm_eps: f64,
    /// Channels of one attention head; `None`: one head as wide as the level.
    pub attention_head_dim: Option<usize>,
    /// Groups of the normalisation before the middle attention; `None`: as elsewhere, or none with `scale_shift`.
    pub attn_norm_num_groups: Option<usize>,
    /// Padding of the strided convolutions: 1, or 0 for one row and column of zeros at the far sides.
    pub downsample_padding: usize,
    /// Cosines before sines in the time embedding.
    pub flip_sin_to_cos: bool,
    /// Shift in the denominator of the embedding's frequencies.
    pub freq_shift: f64,
    /// How the time embedding enters a residual block.
    pub resnet_time_scale_shift: TimeScaleShift,
    /// Number of labels, the null label included; `None`: an unconditional model.
    pub num_class_embeds: Option<usize>,
    /// Probability of dropping a feature in training.
    pub dropout: f64,
    /// Whether the middle block has attention.
    pub add_attention: bool,
    /// Divides the sums of the middle block's residual connections.
    pub mid_block_scale_factor: f64,
    /// Maps the input from `[0, 1]` to `[-1, 1]` first.
    pub center_input_sample: bool,
}

impl Default for UNetConfig {
    /// The defaults of diffusers' `UNet2DModel`; `sample_size` has none there and must be given.
    fn default() -> Self {
        let types = |a: &str, b: &str, c: &str, d: &str| [a, b, c, d].map(String::from).to_vec();
        let (down, attn_down) = ("DownBlock2D", "AttnDownBlock2D");
        let (up, attn_up) = ("UpBlock2D", "AttnUpBlock2D");
        Self {
            sample_size: [0, 0],
            in_channels: 3,
            out_channels: 3,
            block_out_channels: vec![224, 448, 672, 896],
            down_block_types: types(down, attn_down, attn_down, attn_down),
            up_block_types: types(attn_up, attn_up, attn_up, up),
            layers_per_block: 2,
            norm_num_groups: 32,
            norm_eps: 1e-5,
            attention_head_dim: Some(8),
            attn_norm_num_groups: None,
            downsample_padding: 1,
            flip_sin_to_cos: true,
            freq_shift: 0.0,
            resnet_time_scale_shift: TimeScaleShift::Default,
            num_class_embeds: None,
            dropout: 0.0,
            add_attention: true,
            mid_block_scale_factor: 1.0,
            center_input_sample: false,
        }
    }
}

/// `sample_size` is a number or a pair in diffusers' files.
fn sides<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<[usize; 2], D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Sides {
        Square(usize),
        Pair([usize; 2]),
    }
    Ok(match Sides::deserialize(deserializer)? {
        Sides::Square(side) => [side, side],
        Sides::Pair(pair) => pair,
    })
}

/// Keys that walkback knows in one setting only: key, what that setting is in words, and whether a value is it.
type Fixed = (&'static str, &'static str, fn(&Value) -> bool);

const FIXED: &[Fixed] = &[
    ("act_fn", "\"silu\"", |v| v == "silu" || v == "swish"),
    ("time_embedding_type", "\"positional\"", |v| {
        v == "positional"
    }),
    (
        "time_embedding_dim",
        "null (four times the first level)",
        Value::is_null,
    ),
    ("mid_block_type", "\"UNetMidBlock2D\"", |v| {
        v == "UNetMidBlock2D"
    }),
    ("downsample_type", "\"conv\"", |v| v == "conv"),
    ("upsample_type", "\"conv\"", |v| v == "conv"),
    (
        "class_embed_type",
        "null (a table of num_class_embeds rows)",
        Value::is_null,
    ),
];

impl UNetConfig {
    /// Reads and checks `unet/config.json`.
    ///
    /// # Errors
    /// Broken JSON, anything that walkback does not build (by name), and values that make no network.
    pub fn from_json(json: &str) -> Result<Self, UNetConfigError> {
        let syntax = |e: serde_json::Error| UNetConfigError::Syntax(e.to_string());
        let mut value: Value = serde_json::from_str(json).map_err(syntax)?;
        let Some(keys) = value.as_object_mut() else {
            return Err(UNetConfigError::Syntax("it is not an object".into()));
        };
        if let Some(class) = keys.get("_class_name")
            && class != "UNet2DModel"
        {
            return Err(UNetConfigError::NotBuilt {
                key: "_class_name",
                value: class.to_string(),
                built: "\"UNet2DModel\"",
            });
        }
        for &(key, built, is_built) in FIXED {
            if let Some(value) = keys.get(key).filter(|value| !is_built(value)) {
                return Err(UNetConfigError::NotBuilt {
                    key,
                    value: value.to_string(),
                    built,
                });
            }
        }
        if keys.get("sample_size").is_none_or(Value::is_null) {
            return Err(UNetConfigError::Impossible(
                "sample_size is missing; set it to the side of the images, in pixels".into(),
            ));
        }
        let config: Self = serde_json::from_value(value).map_err(syntax)?;
        config.check()?;
        Ok(config)
    }

    /// Writes `unet/config.json` so that `UNet2DModel.from_pretrained` reads it.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        if let Some(keys) = value.as_object_mut() {
            keys.insert("_class_name".into(), "UNet2DModel".into());
            keys.insert("act_fn".into(), "silu".into());
            if self.sample_size[0] == self.sample_size[1] {
                keys.insert("sample_size".into(), self.sample_size[0].into());
            }
            if self.freq_shift == self.freq_shift.trunc() {
                keys.insert("freq_shift".into(), (self.freq_shift as i64).into());
            }
        }
        format!("{value:#}\n")
    }

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
        if self
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

    /// Channels that residual block `resnet` of the up block at `level` gets from below and from the skip connection.
    pub(crate) fn up_resnet_channels(&self, level: usize, resnet: usize) -> (usize, usize) {
        let channels = &self.block_out_channels;
        let below = channels[(level + 1).min(channels.len() - 1)];
        let next = channels[level.saturating_sub(1)];
        let from = if resnet == 0 { below } else { channels[level] };
        let skip = if resnet == self.layers_per_block {
            next
        } else {
            channels[level]
        };
        (from, skip)
    }

    /// Width of the lowest level.
    pub(crate) fn bottom_channels(&self) -> usize {
        self.block_out_channels.last().copied().unwrap_or_default()
    }

    /// Width of the time embedding: four times the first level.
    pub(crate) fn time_channels(&self) -> usize {
        4 * self.block_out_channels.first().copied().unwrap_or_default()
    }
}
