//! Attention over many pixels is computed in parts, which must not show.

use burn::tensor::Device;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use walkback::noise::NoiseStream;
use walkback::unet::layers::seed_init;
use walkback::unet::weights::StoredAs;
use walkback::unet::{DownBlockType, UNet, UNetConfig, UpBlockType};

const SIDE: usize = 64;

/// One level of attention at full resolution: 4096 pixels, each of which looks at all.
fn network(device: &Device) -> UNet {
    let config = UNetConfig {
        sample_size: [SIDE, SIDE],
        in_channels: 1,
        out_channels: 1,
        block_out_channels: vec![8],
        down_block_types: vec![DownBlockType::AttnDownBlock2D],
        up_block_types: vec![UpBlockType::AttnUpBlock2D],
        layers_per_block: 1,
        norm_num_groups: Some(4),
        attention_head_dim: Some(8),
        add_attention: false,
        ..UNetConfig::default()
    };
    seed_init(2);
    let unet = UNet::new(&config, device).unwrap();
    // A fresh attention puts out 0; this one has something to say.
    let file = unet.to_safetensors(StoredAs::F32).unwrap();
    let file = SafeTensors::deserialize(&file).unwrap();
    let mut noise = NoiseStream::new(3);
    let tensors: Vec<_> = file
        .iter()
        .map(|(name, view)| {
            let values = noise.normal(view.shape().iter().product());
            let bytes: Vec<u8> = values
                .iter()
                .flat_map(|v| (0.5 * v).to_le_bytes())
                .collect();
            (name.to_owned(), view.shape().to_vec(), bytes)
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap();
        (name, view)
    });
    let file = safetensors::serialize(views, None).unwrap();
    unet.load_safetensors(&file, device).unwrap()
}

#[test]
fn an_image_in_a_batch_attends_as_it_does_alone() {
    let device = Device::flex();
    let unet = network(&device);
    let pixels = SIDE * SIDE;
    let x = NoiseStream::new(1).normal(2 * pixels);
    let features = |x: &[f32]| {
        let n = x.len() / pixels;
        unet.predict(x.to_vec(), [n, 1, SIDE, SIDE], &vec![300.0; n], None)
    };
    let together = features(&x);
    let alone: Vec<f32> = x.chunks(pixels).flat_map(features).collect();
    assert!(together.iter().any(|value| value.abs() > 0.1));
    let difference = crate::common::largest_difference(&together, &alone);
    assert!(difference < 1e-5, "{difference}");
}
