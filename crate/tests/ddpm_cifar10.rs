//! A folder of the shape of google/ddpm-cifar10-32, as it lies on the hub: flat, with the older names of attention's layers.

#![cfg(feature = "native")]

use burn::tensor::Device;
use walkback::chain::{Chain, ChainOptions, Denoiser};
use walkback::folder::{self, write_file};
use walkback::noise::NoiseStream;
use walkback::pipeline::Pipeline;
use walkback::unet::weights::{StoredAs, to_safetensors};
use walkback::unet::{UNet, UNetConfig};

/// Its `config.json`, written by an early diffusers: some of today's keys are not there.
const CONFIG: &str = r#"{
  "_class_name": "UNet2DModel",
  "_diffusers_version": "0.0.4",
  "act_fn": "silu",
  "attention_head_dim": null,
  "block_out_channels": [128, 256, 256, 256],
  "center_input_sample": false,
  "down_block_types": ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"],
  "downsample_padding": 0,
  "flip_sin_to_cos": false,
  "freq_shift": 1,
  "in_channels": 3,
  "layers_per_block": 2,
  "mid_block_scale_factor": 1,
  "norm_eps": 1e-06,
  "norm_num_groups": 32,
  "out_channels": 3,
  "sample_size": 32,
  "time_embedding_type": "positional",
  "up_block_types": ["UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"]
}"#;

const SCHEDULER: &str = r#"{
  "_class_name": "DDPMScheduler",
  "beta_end": 0.02,
  "beta_schedule": "linear",
  "beta_start": 0.0001,
  "clip_sample": true,
  "num_train_timesteps": 1000,
  "trained_betas": null,
  "variance_type": "fixed_large"
}"#;

/// The name that diffusers gave a tensor before it renamed attention's layers.
fn older(name: &str) -> String {
    [
        ("to_q.", "query."),
        ("to_k.", "key."),
        ("to_v.", "value."),
        ("to_out.0.", "proj_attn."),
    ]
    .into_iter()
    .fold(name.to_owned(), |name, (new, old)| name.replace(new, old))
}

#[test]
fn the_older_form_of_ddpm_cifar10_loads_and_steps_like_the_newer() {
    let device = Device::flex();
    let config = UNetConfig::from_json(CONFIG).unwrap();
    assert_eq!(config.parameter_count(), 35_746_307);

    let mut tensors = UNet::new(&config, &device).unwrap().state_dict();
    // A fresh network answers 0 everywhere, which would prove nothing.
    for (index, value) in tensors
        .get_mut("conv_out.weight")
        .unwrap()
        .1
        .iter_mut()
        .enumerate()
    {
        *value = 0.02 * ((index % 7) as f32 - 3.0);
    }
    let renamed = tensors
        .iter()
        .map(|(name, tensor)| (older(name), tensor.clone()))
        .collect();
    let newer = to_safetensors(&tensors, StoredAs::F16).unwrap();
    let old = to_safetensors(&renamed, StoredAs::F16).unwrap();
    drop((tensors, renamed));

    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("config.json", CONFIG.as_bytes()),
        ("scheduler_config.json", SCHEDULER.as_bytes()),
        ("diffusion_pytorch_model.safetensors", &old),
    ] {
        write_file(&dir.path().join(name), bytes).unwrap();
    }
    let files = folder::read(dir.path()).unwrap();
    assert!(
        files
            .weights
            .windows(15)
            .any(|bytes| bytes == b"proj_attn.weigh")
    );
    let model = files.pipeline(&device).unwrap();
    assert_eq!(model.parameter_count(), 35_746_307);

    let shape = [1, 3, 32, 32];
    let x = NoiseStream::new(1).normal(shape.iter().product());
    let eps = pollster::block_on(model.predict(&x, shape, 500, None)).unwrap();
    assert!(eps.iter().all(|value| value.is_finite()));
    assert!(eps.iter().any(|value| value.abs() > 1e-3));
    let modern = Pipeline::from_bytes(CONFIG, SCHEDULER, None, &newer, &device).unwrap();
    let same = pollster::block_on(modern.predict(&x, shape, 500, None)).unwrap();
    assert_eq!(eps, same);
    // A fresh network's attention adds nothing to that answer, so whether each weight found its place is asked directly.
    assert_eq!(model.unet().state_dict(), modern.unet().state_dict());

    let options = ChainOptions {
        num_inference_steps: 1000,
        ..ChainOptions::default()
    };
    let mut chain = Chain::new(model.scheduler(), &model.spec(), options).unwrap();
    let step = pollster::block_on(chain.step(&model)).unwrap();
    assert!(step.x_prev.iter().all(|value| value.is_finite()));
}
