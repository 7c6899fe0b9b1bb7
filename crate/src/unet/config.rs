//! `unet/config.json`: the keys of diffusers' `UNet2DModel`, read, checked and written.

use super::activation::Activation;
use super::down::DownBlockType;
use super::up::UpBlockType;
use crate::json::in_words;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

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
        "unet/config.json asks for {key} = {value}, which walkback does not support; it supports {built}"
    )]
    NotBuilt {
        /// The key in `config.json`.
        key: &'static str,
        /// What it is set to.
        value: String,
        /// What it may be.
        built: String,
    },
    /// Values that contradict each other or make no network.
    #[error("unet/config.json is not valid: {0}")]
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

/// How the host describes a timestep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum TimeEmbeddingType {
    /// Sines and cosines of t at fixed frequencies (Vaswani et al. 2017, section 3.5).
    #[default]
    Positional,
    /// Sines and cosines of ln t at frequencies drawn once, and an output divided by t (Song et al. 2021, appendix C).
    Fourier,
}

/// How a label becomes a vector, if not by a table of `num_class_embeds` rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClassEmbedType {
    /// As a timestep does.
    Timestep,
    /// The caller passes one. walkback has none, and leaves it out.
    Identity,
}

/// The middle block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MidBlockType {
    /// A residual block, attention, a residual block.
    UNetMidBlock2D,
}

/// How a level with attention halves or doubles the resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Resampling {
    /// With a convolution.
    #[default]
    Conv,
    /// In a residual block.
    Resnet,
}

/// Labels of a model that embeds them as timesteps and does not say how many there are: as many as ImageNet has.
const LABELS: usize = 1000;

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
    /// What each level is made of on the way down.
    pub down_block_types: Vec<DownBlockType>,
    /// What each level is made of on the way up, from the lowest resolution up.
    pub up_block_types: Vec<UpBlockType>,
    /// Residual blocks for each level going down; one more going up.
    pub layers_per_block: usize,
    /// Groups of every group normalisation; the Skip blocks have their own, and can do without (`None`).
    pub norm_num_groups: Option<usize>,
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
    /// How the host describes a timestep.
    pub time_embedding_type: TimeEmbeddingType,
    /// Width of the time embedding; `None`: four times the first level.
    pub time_embedding_dim: Option<usize>,
    /// The activation in the residual blocks.
    pub act_fn: Activation,
    /// The middle block, if there is one.
    pub mid_block_type: Option<MidBlockType>,
    /// How `AttnDownBlock2D` halves the resolution.
    pub downsample_type: Resampling,
    /// How `AttnUpBlock2D` doubles the resolution.
    pub upsample_type: Resampling,
    /// How a label becomes a vector; `None`: by a table of `num_class_embeds` rows.
    pub class_embed_type: Option<ClassEmbedType>,
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
        use DownBlockType::{AttnDownBlock2D, DownBlock2D};
        use UpBlockType::{AttnUpBlock2D, UpBlock2D};
        Self {
            sample_size: [0, 0],
            in_channels: 3,
            out_channels: 3,
            block_out_channels: vec![224, 448, 672, 896],
            down_block_types: vec![
                DownBlock2D,
                AttnDownBlock2D,
                AttnDownBlock2D,
                AttnDownBlock2D,
            ],
            up_block_types: vec![AttnUpBlock2D, AttnUpBlock2D, AttnUpBlock2D, UpBlock2D],
            layers_per_block: 2,
            norm_num_groups: Some(32),
            norm_eps: 1e-5,
            attention_head_dim: Some(8),
            attn_norm_num_groups: None,
            downsample_padding: 1,
            flip_sin_to_cos: true,
            freq_shift: 0.0,
            resnet_time_scale_shift: TimeScaleShift::Default,
            time_embedding_type: TimeEmbeddingType::Positional,
            time_embedding_dim: None,
            act_fn: Activation::Silu,
            mid_block_type: Some(MidBlockType::UNetMidBlock2D),
            downsample_type: Resampling::Conv,
            upsample_type: Resampling::Conv,
            class_embed_type: None,
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
    #[serde(
        untagged,
        expecting = "expected a number of pixels, or [height, width]"
    )]
    enum Sides {
        Square(usize),
        Pair([usize; 2]),
    }
    Ok(match Sides::deserialize(deserializer)? {
        Sides::Square(side) => [side, side],
        Sides::Pair(pair) => pair,
    })
}

/// Keys whose values have names: key, and the names that walkback knows. null may stand where there is a default.
const NAMED: &[(&str, &[&str])] = &[
    ("act_fn", &["silu", "swish", "gelu", "relu", "mish"]),
    ("time_embedding_type", &["positional", "fourier"]),
    ("mid_block_type", &["UNetMidBlock2D", "null"]),
    ("downsample_type", &["conv", "resnet"]),
    ("upsample_type", &["conv", "resnet"]),
    ("class_embed_type", &["timestep", "identity", "null"]),
];

/// Rejects a value that is none of its key's names, and changes the others to today's spelling and form.
fn known_names(keys: &mut serde_json::Map<String, Value>) -> Result<(), UNetConfigError> {
    for &(key, names) in NAMED {
        let Some(value) = keys.get_mut(key) else {
            continue;
        };
        // diffusers does not mind capitals here.
        if let ("act_fn", Some(name)) = (key, value.as_str()) {
            *value = name.to_lowercase().into();
        }
        let resamples = matches!(key, "downsample_type" | "upsample_type");
        if resamples && value.is_null() {
            *value = "conv".into();
        }
        let name = value.as_str().unwrap_or("null");
        if !(value.is_string() || value.is_null()) || !names.contains(&name) {
            let quoted = |&name: &&str| match name {
                "null" => name.to_owned(),
                name => format!("{name:?}"),
            };
            return Err(UNetConfigError::NotBuilt {
                key,
                value: value.to_string(),
                built: in_a_row(&names.iter().map(quoted).collect::<Vec<_>>()),
            });
        }
    }
    Ok(())
}

/// "a, b and c".
fn in_a_row(names: &[String]) -> String {
    match names {
        [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

/// Gives the blocks under `key` today's names, and rejects those that are not in `built`.
fn known_blocks(
    keys: &mut serde_json::Map<String, Value>,
    key: &'static str,
    built: &[impl std::fmt::Debug],
) -> Result<(), UNetConfigError> {
    let built: Vec<String> = built.iter().map(|block| format!("{block:?}")).collect();
    let blocks = keys.get_mut(key).and_then(Value::as_array_mut);
    for block in blocks.into_iter().flatten() {
        let Some(name) = block.as_str() else { continue };
        // diffusers strips this prefix of older files, too.
        let name = name.strip_prefix("UNetRes").unwrap_or(name).to_owned();
        if !built.contains(&name) {
            return Err(UNetConfigError::NotBuilt {
                key,
                value: name,
                built: in_a_row(&built),
            });
        }
        *block = name.into();
    }
    Ok(())
}

/// The key whose value does not fit, which serde's own message leaves out.
fn blame(config: &Value) -> Option<UNetConfigError> {
    config.as_object()?.iter().find_map(|(key, value)| {
        let alone = serde_json::Map::from_iter([(key.clone(), value.clone())]);
        let error = UNetConfig::deserialize(Value::Object(alone)).err()?;
        let error = in_words(&error);
        Some(UNetConfigError::Syntax(format!("{key} = {value}: {error}")))
    })
}

impl UNetConfig {
    /// x_t as the network takes it: from [0, 1] to [-1, 1] where the configuration says so.
    pub(crate) fn center(&self, x_t: &mut [f32]) {
        if self.center_input_sample {
            x_t.iter_mut().for_each(|x| *x = *x * 2.0 - 1.0);
        }
    }

    /// Reads and checks `unet/config.json`.
    ///
    /// # Errors
    /// Broken JSON, features that walkback does not have (by name), and values that make no network.
    pub fn from_json(json: &str) -> Result<Self, UNetConfigError> {
        let syntax = |e: serde_json::Error| UNetConfigError::Syntax(in_words(&e));
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
                built: "\"UNet2DModel\"".into(),
            });
        }
        known_blocks(keys, "down_block_types", DownBlockType::ALL)?;
        known_blocks(keys, "up_block_types", UpBlockType::ALL)?;
        // diffusers takes 0 for null here.
        if keys.get("time_embedding_dim").and_then(Value::as_u64) == Some(0) {
            keys.remove("time_embedding_dim");
        }
        known_names(keys)?;
        if keys.get("sample_size").is_none_or(Value::is_null) {
            return Err(UNetConfigError::Impossible(
                "sample_size is missing; set it to the side of the images, in pixels, or give --size".into(),
            ));
        }
        let mut config =
            Self::deserialize(&value).map_err(|e| blame(&value).unwrap_or_else(|| syntax(e)))?;
        config.num_class_embeds = match config.class_embed_type {
            None => config.num_class_embeds,
            Some(ClassEmbedType::Timestep) => config.num_class_embeds.or(Some(LABELS)),
            Some(ClassEmbedType::Identity) => None,
        };
        config.check()?;
        Ok(config)
    }

    /// `unet/config.json` with `sample_size` set to height and width: a network of convolutions takes images of any size that
    /// its levels can halve. Text that is not a JSON object is returned unchanged.
    #[must_use]
    pub fn json_with_size(json: &str, [height, width]: [usize; 2]) -> String {
        match serde_json::from_str::<Value>(json) {
            Ok(Value::Object(mut keys)) => {
                keys.insert("sample_size".into(), vec![height, width].into());
                Value::Object(keys).to_string()
            }
            _ => json.to_owned(),
        }
    }

    /// Writes `unet/config.json` so that `UNet2DModel.from_pretrained` reads it.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        if let Some(keys) = value.as_object_mut() {
            keys.insert("_class_name".into(), "UNet2DModel".into());
            if self.sample_size[0] == self.sample_size[1] {
                keys.insert("sample_size".into(), self.sample_size[0].into());
            }
            if self.freq_shift == self.freq_shift.trunc() {
                keys.insert("freq_shift".into(), (self.freq_shift as i64).into());
            }
        }
        format!("{value:#}\n")
    }
}
