//! The U-Net against diffusers: the four folders of `tests/conformance` give their `unet.out`.

mod common;

use burn::tensor::{Device, Tensor, TensorData};
use common::{fixture, floats, indices, largest_difference};
use safetensors::SafeTensors;
use walkback::unet::{UNet, UNetConfig};

fn difference_from_diffusers(name: &str) -> f32 {
    let device = Device::flex();
    let config = String::from_utf8(fixture(&format!("{name}/unet/config.json"))).unwrap();
    let config = UNetConfig::from_json(&config).unwrap();
    let weights = fixture(&format!("{name}/unet/diffusion_pytorch_model.safetensors"));
    let unet = UNet::new(&config, &device)
        .unwrap()
        .load_safetensors(&weights, &device)
        .unwrap();

    let io = fixture(&format!("{name}/io.safetensors"));
    let io = SafeTensors::deserialize(&io).unwrap();
    let (sample, shape) = floats(&io, "unet.sample");
    let shape: [usize; 4] = shape.try_into().unwrap();
    let x = Tensor::<4>::from_data(TensorData::new(sample, shape), &device);
    let timesteps = indices(&io, "unet.timesteps");
    let timesteps: Vec<f32> = timesteps.iter().map(|&t| t as f32).collect();
    let labels = io.names().contains(&"unet.class_labels");
    let labels = labels.then(|| indices(&io, "unet.class_labels"));
    let out = unet.forward(x, &timesteps, labels.as_deref()).into_data();
    let out: Vec<f32> = out.iter().collect();
    largest_difference(&out, &floats(&io, "unet.out").0)
}

#[test]
fn unet_gives_what_diffusers_gives() {
    for name in [
        "plain",
        "class_conditional",
        "cifar_style",
        "learned_variance",
    ] {
        let difference = difference_from_diffusers(name);
        println!("{name}: largest difference {difference:e}");
        assert!(difference < 2e-4, "{name}: {difference}");
    }
}
