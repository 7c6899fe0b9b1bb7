//! The U-Net against diffusers: the four folders of `tests/conformance` give their `unet.out`.

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::SafeTensors;
use std::path::PathBuf;
use walkback::unet::{UNet, UNetConfig};

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/conformance")
        .join(name)
}

fn floats(file: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    let bytes = file.tensor(name).unwrap().data().to_vec();
    bytes
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

fn integers(file: &SafeTensors<'_>, name: &str) -> Option<Vec<i64>> {
    let bytes = file.tensor(name).ok()?.data().to_vec();
    Some(
        bytes
            .chunks_exact(8)
            .map(|b| i64::from_le_bytes(b.try_into().unwrap()))
            .collect(),
    )
}

fn largest_difference(name: &str) -> f32 {
    let device = Device::flex();
    let config = std::fs::read_to_string(folder(name).join("unet/config.json")).unwrap();
    let config = UNetConfig::from_json(&config).unwrap();
    let weights =
        std::fs::read(folder(name).join("unet/diffusion_pytorch_model.safetensors")).unwrap();
    let unet = UNet::new(&config, &device)
        .unwrap()
        .load_safetensors(&weights, &device)
        .unwrap();

    let io = std::fs::read(folder(name).join("io.safetensors")).unwrap();
    let io = SafeTensors::deserialize(&io).unwrap();
    let shape: [usize; 4] = io
        .tensor("unet.sample")
        .unwrap()
        .shape()
        .try_into()
        .unwrap();
    let x = Tensor::<4>::from_data(TensorData::new(floats(&io, "unet.sample"), shape), &device);
    let timesteps: Vec<f32> = integers(&io, "unet.timesteps")
        .unwrap()
        .iter()
        .map(|&t| t as f32)
        .collect();
    let labels = integers(&io, "unet.class_labels")
        .map(|l| l.iter().map(|&l| l as usize).collect::<Vec<_>>());
    let out = unet.forward(x, &timesteps, labels.as_deref()).into_data();
    let expected = floats(&io, "unet.out");
    assert_eq!(out.iter::<f32>().count(), expected.len());
    out.iter::<f32>()
        .zip(expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

#[test]
fn unet_gives_what_diffusers_gives() {
    for name in [
        "plain",
        "class_conditional",
        "cifar_style",
        "learned_variance",
    ] {
        let difference = largest_difference(name);
        println!("{name}: largest difference {difference:e}");
        assert!(difference < 2e-4, "{name}: {difference}");
    }
}
