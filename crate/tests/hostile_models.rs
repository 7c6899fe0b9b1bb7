//! Model folders that cannot be right are refused before they cost memory, by the name of what is wrong.

#![cfg(feature = "native")]

use burn::module::Module;
use burn::tensor::Device;
use std::path::Path;
use walkback::folder::{self, ModelFolder};
use walkback::pipeline::Pipeline;
use walkback::unet::{UNet, UNetConfig};

fn plain() -> ModelFolder {
    folder::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance/plain")).unwrap()
}

/// The sentence that the user gets for `plain` with one key of `unet/config.json` changed.
fn refusal(key: &str, value: serde_json::Value) -> String {
    let files = plain();
    let mut config: serde_json::Value = serde_json::from_str(&files.unet_config).unwrap();
    config[key] = value;
    let loaded = Pipeline::from_bytes(
        &config.to_string(),
        &files.scheduler_config,
        None,
        &files.weights,
        &Device::flex(),
    );
    loaded.err().unwrap().to_string()
}

#[test]
fn the_parameters_of_a_configuration_are_known_before_it_is_built() {
    for name in [
        "plain",
        "class_conditional",
        "cifar_style",
        "learned_variance",
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../tests/conformance")
            .join(name);
        let config = UNetConfig::from_json(&folder::read(&path).unwrap().unet_config).unwrap();
        let unet = UNet::new(&config, &Device::flex()).unwrap();
        assert_eq!(
            config.parameter_count(),
            unet.num_params() as u128,
            "{name}"
        );
    }
}

#[test]
fn a_configuration_larger_than_its_weights_is_not_built() {
    let sentence = refusal("block_out_channels", [65536, 65536, 65536].to_vec().into());
    assert!(sentence.contains("more than the weights'"), "{sentence}");
    let sentence = refusal("layers_per_block", 65536.into());
    assert!(sentence.contains("more than the weights'"), "{sentence}");
}

#[test]
fn what_is_wrong_is_named() {
    for (key, value) in [
        ("layers_per_block", serde_json::Value::Null),
        ("layers_per_block", 0.into()),
        ("norm_num_groups", "eight".into()),
        ("norm_num_groups", 7.into()),
        ("sample_size", "big".into()),
        ("sample_size", 30.into()),
        ("dropout", 1.5.into()),
        ("resnet_time_scale_shift", "ada_group".into()),
        ("act_fn", "mish".into()),
        ("time_embedding_type", "fourier".into()),
        ("mid_block_type", "UNetMidBlock2DCrossAttn".into()),
        ("downsample_type", "resnet".into()),
        ("downsample_padding", 2.into()),
        ("out_channels", 3.into()),
        ("num_class_embeds", 0.into()),
        ("attention_head_dim", 0.into()),
        ("freq_shift", 8.into()),
    ] {
        let sentence = refusal(key, value.clone());
        assert!(sentence.contains(key), "{key} = {value}: {sentence}");
    }
}

#[test]
fn weights_that_do_not_fit_are_named() {
    let files = plain();
    let load = |weights: &[u8]| {
        let config = (&files.unet_config, &files.scheduler_config);
        Pipeline::from_bytes(config.0, config.1, None, weights, &Device::flex()).map(|_| ())
    };
    assert_eq!(load(&files.weights), Ok(()));
    let truncated = load(&files.weights[..files.weights.len() - 8])
        .unwrap_err()
        .to_string();
    assert!(truncated.contains("whole safetensors file"), "{truncated}");
    let mut broken = files.weights.clone();
    let last = broken.len() - 4;
    broken[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    let broken = load(&broken).unwrap_err().to_string();
    assert!(broken.contains("not a finite number"), "{broken}");
    let renamed = String::from_utf8_lossy(&files.weights[..20_000])
        .find("conv_in.bias")
        .unwrap();
    let mut missing = files.weights.clone();
    missing[renamed..renamed + 12].copy_from_slice(b"conv_on.bias");
    let missing = load(&missing).unwrap_err().to_string();
    assert!(missing.contains("lack conv_in.bias"), "{missing}");
}
