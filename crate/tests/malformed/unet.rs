//! `unet/config.json`: refused before it costs memory, by the name of what is wrong.

use super::table::Table;
use burn::module::Module;
use burn::tensor::Device;
use serde_json::{Value, json};
use std::path::Path;
use walkback::folder::{self, ModelFolder};
use walkback::pipeline::PipelineError;
use walkback::unet::{UNet, UNetConfig};

/// One of the models of `tests/conformance`.
pub fn model(name: &str) -> ModelFolder {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance");
    folder::read(&folder.join(name)).unwrap()
}

/// Loads a model as the page and the binary do.
pub fn load(files: &ModelFolder) -> Result<(), PipelineError> {
    files.pipeline(&Device::flex()).map(|_| ())
}

#[test]
fn the_parameters_of_a_configuration_are_known_before_it_is_built() {
    for name in [
        "plain",
        "class_conditional",
        "cifar_style",
        "learned_variance",
    ] {
        let config = UNetConfig::from_json(&model(name).unet_config).unwrap();
        let unet = UNet::new(&config, &Device::flex()).unwrap();
        let parameters = unet.num_params() as u128;
        assert_eq!(config.parameter_count(), parameters, "{name}");
    }
}

#[test]
fn a_width_that_four_times_overflows_is_refused() {
    let mut config: Value = serde_json::from_str(&model("plain").unet_config).unwrap();
    // Four times this is 4 in 64 bits.
    config["block_out_channels"][0] = json!((1_u64 << 62) + 1);
    for dim in [Value::Null, json!(0), json!(4)] {
        config["time_embedding_dim"] = dim;
        let error = UNetConfig::from_json(&config.to_string())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("block_out_channels is 4611686018427387905"),
            "{error}"
        );
    }
}

#[test]
fn every_malformed_configuration_has_its_sentence() {
    let plain = model("plain");
    let mut table = Table::default();
    for (key, value, expected) in [
        (
            "layers_per_block",
            Value::Null,
            "unet/config.json cannot be read: layers_per_block = null: expected a whole number (0 or more), found null. It must be the configuration of a diffusers UNet2DModel",
        ),
        (
            "layers_per_block",
            json!(0),
            "unet/config.json is not valid: layers_per_block is 0; it must be between 1 and 65536",
        ),
        (
            "layers_per_block",
            json!(-1),
            "unet/config.json cannot be read: layers_per_block = -1: expected a whole number (0 or more), found -1. It must be the configuration of a diffusers UNet2DModel",
        ),
        (
            "layers_per_block",
            json!(65536),
            "unet/config.json asks for 8419168417 parameters, more than the weights' 1138908 bytes can hold; check that they belong together",
        ),
        (
            "block_out_channels",
            json!([65536, 65536, 65536]),
            "unet/config.json asks for 1632097533953 parameters, more than the weights' 1138908 bytes can hold; check that they belong together",
        ),
        (
            "block_out_channels",
            json!([]),
            "unet/config.json is not valid: block_out_channels has 0 levels; give 1 to 16",
        ),
        (
            "block_out_channels",
            json!([16, 32]),
            "unet/config.json is not valid: down_block_types has 3 entries and block_out_channels 2; both need the same number",
        ),
        (
            "block_out_channels",
            json!([16, 32, 0]),
            "unet/config.json is not valid: block_out_channels is 0; it must be between 1 and 65536",
        ),
        (
            "block_out_channels",
            json!([1e30, 32, 64]),
            "unet/config.json cannot be read: block_out_channels = [1e+30,32,64]: expected a whole number (0 or more), found 1e+30. It must be the configuration of a diffusers UNet2DModel",
        ),
        (
            "norm_num_groups",
            json!("eight"),
            "unet/config.json cannot be read: norm_num_groups = \"eight\": expected a whole number (0 or more), found the text \"eight\". It must be the configuration of a diffusers UNet2DModel",
        ),
        (
            "norm_num_groups",
            json!(0),
            "unet/config.json is not valid: norm_num_groups is 0; it must be between 1 and 65536",
        ),
        (
            "norm_num_groups",
            json!(7),
            "unet/config.json is not valid: norm_num_groups is 7, which does not divide the 16 channels of a normalisation",
        ),
        (
            "norm_eps",
            json!(-1e-5),
            "unet/config.json is not valid: norm_eps is -0.00001; it must be positive",
        ),
        (
            "sample_size",
            json!("big"),
            "unet/config.json cannot be read: sample_size = \"big\": expected a number of pixels, or [height, width]. It must be the configuration of a diffusers UNet2DModel",
        ),
        (
            "sample_size",
            json!(30),
            "unet/config.json is not valid: sample_size [30, 30] is not divisible by 4, which 3 levels need; pad the images or use fewer levels",
        ),
        (
            "sample_size",
            json!(0),
            "unet/config.json is not valid: sample_size is 0; it must be between 1 and 65536",
        ),
        (
            "sample_size",
            json!(1_000_000),
            "unet/config.json is not valid: sample_size is 1000000; it must be between 1 and 65536",
        ),
        (
            "sample_size",
            json!([28, 28, 28]),
            "unet/config.json cannot be read: sample_size = [28,28,28]: expected a number of pixels, or [height, width]. It must be the configuration of a diffusers UNet2DModel",
        ),
        (
            "in_channels",
            json!(0),
            "unet/config.json is not valid: in_channels is 0; it must be between 1 and 65536",
        ),
        (
            "out_channels",
            json!(3),
            "unet/config.json is not valid: out_channels is 3; with in_channels 1 it must be 1 or, with a learned variance, 2",
        ),
        (
            "down_block_types",
            json!(["DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"]),
            "unet/config.json asks for down_block_types = CrossAttnDownBlock2D, which walkback does not support; it supports DownBlock2D, AttnDownBlock2D, ResnetDownsampleBlock2D, SkipDownBlock2D and AttnSkipDownBlock2D",
        ),
        (
            "up_block_types",
            json!(["UpBlock2D"]),
            "unet/config.json is not valid: up_block_types has 1 entries and block_out_channels 3; both need the same number",
        ),
        (
            "dropout",
            json!(1.5),
            "unet/config.json is not valid: dropout is 1.5; it must lie in [0, 1)",
        ),
        (
            "resnet_time_scale_shift",
            json!("ada_group"),
            "unet/config.json cannot be read: resnet_time_scale_shift = \"ada_group\": `ada_group` is not known; use `default` or `scale_shift`. It must be the configuration of a diffusers UNet2DModel",
        ),
        (
            "act_fn",
            json!("tanh"),
            "unet/config.json asks for act_fn = \"tanh\", which walkback does not support; it supports \"silu\", \"swish\", \"gelu\", \"relu\" and \"mish\"",
        ),
        (
            "time_embedding_type",
            json!("learned"),
            "unet/config.json asks for time_embedding_type = \"learned\", which walkback does not support; it supports \"positional\" and \"fourier\"",
        ),
        (
            "time_embedding_dim",
            json!(1_000_000),
            "unet/config.json is not valid: time_embedding_dim is 1000000; it must be between 1 and 65536",
        ),
        (
            "class_embed_type",
            json!("projection"),
            "unet/config.json asks for class_embed_type = \"projection\", which walkback does not support; it supports \"timestep\", \"identity\" and null",
        ),
        (
            "mid_block_type",
            json!("UNetMidBlock2DCrossAttn"),
            "unet/config.json asks for mid_block_type = \"UNetMidBlock2DCrossAttn\", which walkback does not support; it supports \"UNetMidBlock2D\" and null",
        ),
        (
            "norm_num_groups",
            Value::Null,
            "unet/config.json is not valid: norm_num_groups is null, which the Skip blocks alone can do without; give the number of groups",
        ),
        (
            "down_block_types",
            json!(["SkipDownBlock2D", "DownBlock2D", "DownBlock2D"]),
            "unet/config.json is not valid: down_block_types has Skip blocks, which take 3 channels; in_channels is 1",
        ),
        (
            "up_block_types",
            json!(["UpBlock2D", "SkipUpBlock2D", "SkipUpBlock2D"]),
            "unet/config.json is not valid: up_block_types has Skip blocks, which give 3 channels; out_channels is 1",
        ),
        (
            "mid_block_scale_factor",
            json!(0),
            "unet/config.json is not valid: mid_block_scale_factor must be finite and not 0",
        ),
        (
            "downsample_type",
            json!("fir"),
            "unet/config.json asks for downsample_type = \"fir\", which walkback does not support; it supports \"conv\" and \"resnet\"",
        ),
        (
            "downsample_padding",
            json!(2),
            "unet/config.json asks for downsample_padding = 2, which walkback does not support; it supports 0 and 1",
        ),
        (
            "num_class_embeds",
            json!(0),
            "unet/config.json is not valid: num_class_embeds must be null or at least 1",
        ),
        (
            "attention_head_dim",
            json!(0),
            "unet/config.json is not valid: attention_head_dim is 0, but this attention has 32 channels; use 1 to 32",
        ),
        (
            "freq_shift",
            json!(8),
            "unet/config.json is not valid: freq_shift 8 leaves no frequencies for a first level of 16 channels",
        ),
        (
            "_class_name",
            json!("UNet2DConditionModel"),
            "unet/config.json asks for _class_name = \"UNet2DConditionModel\", which walkback does not support; it supports \"UNet2DModel\"",
        ),
    ] {
        let mut config: Value = serde_json::from_str(&plain.unet_config).unwrap();
        config[key] = value.clone();
        let files = ModelFolder {
            unet_config: config.to_string(),
            ..plain.clone()
        };
        table.holds(&format!("{key} = {value}"), load(&files), expected);
    }
    let plain_config: Value = serde_json::from_str(&plain.unet_config).unwrap();
    for (key, blocks, expected) in [
        (
            "down_block_types",
            ["DownBlock2D", "SkipDownBlock2D", "DownBlock2D"],
            "unet/config.json is not valid: down_block_types has a Skip block after one that is none, where the image is not halved; begin with the Skip blocks",
        ),
        (
            "up_block_types",
            ["SkipUpBlock2D", "UpBlock2D", "SkipUpBlock2D"],
            "unet/config.json is not valid: up_block_types has a block after a Skip block that is none, where the image is not doubled; end with the Skip blocks",
        ),
    ] {
        let mut config = plain_config.clone();
        (config["in_channels"], config["out_channels"]) = (json!(3), json!(3));
        config[key] = json!(blocks);
        let files = ModelFolder {
            unet_config: config.to_string(),
            ..plain.clone()
        };
        table.holds(&format!("{key} = {blocks:?}"), load(&files), expected);
    }
    for (text, expected) in [
        (
            "",
            "unet/config.json cannot be read: the text ends too early (line 1, column 0). It must be the configuration of a diffusers UNet2DModel",
        ),
        (
            "[1]",
            "unet/config.json cannot be read: it is not an object. It must be the configuration of a diffusers UNet2DModel",
        ),
        (
            "{}",
            "unet/config.json is not valid: sample_size is missing; set it to the side of the images, in pixels, or give --size",
        ),
        (
            "{\"sample_size\": 28",
            "unet/config.json cannot be read: the text ends too early (line 1, column 18). It must be the configuration of a diffusers UNet2DModel",
        ),
    ] {
        let files = ModelFolder {
            unet_config: text.into(),
            ..plain.clone()
        };
        table.holds(text, load(&files), expected);
    }
    table.end(38);
}
