//! The U-Net against diffusers: four folders of `tests/conformance`, and all of `networks`, give their `unet.out`.

use crate::common::{fixture, floats, indices, largest_difference};
use burn::tensor::{Device, Tensor, TensorData};
use safetensors::SafeTensors;
use walkback::chain::Denoiser;
use walkback::pipeline::{Pipeline, PipelineError};
use walkback::schedule::SchedulerConfig;
use walkback::unet::weights::StoredAs;
use walkback::unet::{UNet, UNetConfig};

/// The largest difference between a network's output and that of diffusers, in `folder` of `tests/conformance`.
fn difference_from_diffusers(folder: &str, config: &str, weights: &str) -> f32 {
    let device = Device::flex();
    let config = String::from_utf8(fixture(&format!("{folder}/{config}"))).unwrap();
    let config = UNetConfig::from_json(&config).unwrap();
    let weights = fixture(&format!("{folder}/{weights}"));
    let unet = UNet::new(&config, &device)
        .unwrap()
        .load_safetensors(&weights, &device)
        .unwrap();
    assert_eq!(
        unet.to_safetensors(StoredAs::F16)
            .map(|bytes| tensors(&bytes)),
        Ok(tensors(&weights)),
        "{folder} comes back as it was"
    );

    let io = fixture(&format!("{folder}/io.safetensors"));
    let io = SafeTensors::deserialize(&io).unwrap();
    let (sample, shape) = floats(&io, "unet.sample");
    let shape: [usize; 4] = shape.try_into().unwrap();
    let timesteps = indices(&io, "unet.timesteps");
    let timesteps: Vec<f32> = timesteps.iter().map(|&t| t as f32).collect();
    let labels = io.names().contains(&"unet.class_labels");
    let labels = labels.then(|| indices(&io, "unet.class_labels"));
    let labels = labels.as_deref();
    let (expected, _) = floats(&io, "unet.out");
    // With gradients, and without.
    let x = Tensor::<4>::from_data(TensorData::new(sample.clone(), shape), &device);
    let tensor = unet.forward(x, &timesteps, labels).into_data();
    let ways = [
        tensor.iter().collect(),
        unet.predict(sample, shape, &timesteps, labels),
    ];
    let differences = ways.map(|out: Vec<f32>| largest_difference(&out, &expected));
    differences.into_iter().fold(0.0, f32::max)
}

/// Names and shapes in a safetensors file.
fn tensors(bytes: &[u8]) -> Vec<(String, Vec<usize>)> {
    let file = SafeTensors::deserialize(bytes).unwrap();
    let mut tensors: Vec<_> = (file.iter())
        .map(|(name, tensor)| (name.to_owned(), tensor.shape().to_vec()))
        .collect();
    tensors.sort();
    tensors
}

#[test]
fn unet_gives_what_diffusers_gives() {
    for name in [
        "plain",
        "class_conditional",
        "cifar_style",
        "learned_variance",
    ] {
        let weights = "unet/diffusion_pytorch_model.safetensors";
        let difference = difference_from_diffusers(name, "unet/config.json", weights);
        println!("{name}: largest difference {difference:e}");
        assert!(difference < 2e-4, "{name}: {difference}");
    }
}

#[test]
fn every_kind_of_block_and_embedding_gives_what_diffusers_gives() {
    for name in [
        "gelu",
        "relu",
        "mish",
        "identity",
        "resnet",
        "fourier",
        "skip",
        "attn_skip",
    ] {
        let folder = format!("networks/{name}");
        let difference = difference_from_diffusers(&folder, "config.json", "weights.safetensors");
        println!("{name}: largest difference {difference:e}");
        assert!(difference < 1e-4, "{name}: {difference}");
    }
}

#[test]
fn a_fourier_embedding_has_no_answer_at_timestep_0() {
    let file = |name: &str| fixture(&format!("networks/fourier/{name}"));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let model = Pipeline::from_bytes(
        &text(file("config.json")),
        &SchedulerConfig::default().to_json(),
        None,
        &file("weights.safetensors"),
        &Device::flex(),
    )
    .unwrap();
    let spec = model.spec();
    let shape = [1, spec.channels, spec.height, spec.width];
    let x_t = vec![0.5; shape.iter().product()];
    let predict = |timestep| pollster::block_on(model.predict(&x_t, shape, timestep, Some(&[3])));
    assert_eq!(predict(0), Err(PipelineError::LogarithmOfZero));
    assert!(predict(1).unwrap().iter().all(|value| value.is_finite()));
}
