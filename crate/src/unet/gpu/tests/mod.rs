//! What the plan computes, and how much of it there is.

#[cfg(feature = "native")]
mod halves;
#[cfg(feature = "native")]
mod learning;
#[cfg(feature = "native")]
mod parts;
#[cfg(feature = "native")]
mod pieces;
#[cfg(feature = "native")]
mod walks;

use super::*;
use crate::unet::activation::Activation;
use crate::unet::check::tests::of_every_type;
use crate::unet::config::{ClassEmbedType, Resampling, TimeEmbeddingType, TimeScaleShift};
use crate::unet::{DownBlockType, UNet, UNetConfig, UpBlockType};
use burn::tensor::{Device, Tensor, TensorData};

#[test]
fn channels_go_last_and_come_back() {
    let x: Vec<f32> = (0..2 * 3 * 4).map(|i| i as f32).collect();
    let last = channels_last(&x, 3, 2);
    assert_eq!(last[..4], [0.0, 4.0, 8.0, 1.0]);
    assert_eq!(channels_first(&last, 3, 2), x);
}

/// A name and what makes the network of [`network`] another.
type Change = (&'static str, fn(&mut UNetConfig));
/// Networks that together have every kind of block.
const CHANGES: [Change; 16] = [
    ("plain", |_| {}),
    ("several heads", |c| c.attention_head_dim = Some(4)),
    ("a head that leaves channels over", |c| {
        c.attention_head_dim = Some(3)
    }),
    ("scale and shift", |c| {
        c.resnet_time_scale_shift = TimeScaleShift::ScaleShift
    }),
    ("every type of block but the Skip blocks", |c| {
        *c = of_every_type(c);
    }),
    ("Skip blocks", |c| {
        c.sample_size = [8, 8];
        (c.in_channels, c.out_channels) = (3, 3);
        c.norm_num_groups = None;
        c.block_out_channels = vec![32, 32];
        c.down_block_types = vec![
            DownBlockType::AttnSkipDownBlock2D,
            DownBlockType::SkipDownBlock2D,
        ];
        c.up_block_types = vec![UpBlockType::SkipUpBlock2D, UpBlockType::AttnSkipUpBlock2D];
    }),
    ("attention and residual blocks that resample", |c| {
        c.down_block_types[0] = DownBlockType::AttnDownBlock2D;
        c.downsample_type = Resampling::Resnet;
        c.upsample_type = Resampling::Resnet;
        c.act_fn = Activation::Relu;
    }),
    ("labels as timesteps, Mish", |c| {
        c.class_embed_type = Some(ClassEmbedType::Timestep);
        c.num_class_embeds = Some(3);
        c.act_fn = Activation::Mish;
    }),
    ("Fourier, no middle block, GELU", |c| {
        c.time_embedding_type = TimeEmbeddingType::Fourier;
        c.time_embedding_dim = Some(20);
        c.mid_block_type = None;
        c.act_fn = Activation::Gelu;
    }),
    ("labels that nobody gives", |c| {
        c.class_embed_type = Some(ClassEmbedType::Timestep);
    }),
    ("labels", |c| c.num_class_embeds = Some(3)),
    ("two layers, no padding", |c| {
        c.layers_per_block = 2;
        c.downsample_padding = 0;
    }),
    ("narrow ones of odd widths", |c| {
        c.block_out_channels = vec![2, 6, 10];
        c.norm_num_groups = Some(2);
    }),
    ("a divided middle, centred input", |c| {
        c.mid_block_scale_factor = 1.5;
        c.center_input_sample = true;
        c.attn_norm_num_groups = Some(2);
    }),
    ("dropout, scale and shift", |c| {
        c.dropout = 0.3;
        c.resnet_time_scale_shift = TimeScaleShift::ScaleShift;
    }),
    ("colour, learned variance, one level", |c| {
        c.in_channels = 3;
        c.out_channels = 6;
        c.block_out_channels = vec![8];
        c.down_block_types = vec![DownBlockType::DownBlock2D];
        c.up_block_types = vec![UpBlockType::AttnUpBlock2D];
        c.add_attention = false;
    }),
];

/// A small network of many kinds of blocks; `change` makes it another.
fn network(change: impl FnOnce(&mut UNetConfig)) -> UNet {
    let mut config = UNetConfig {
        sample_size: [12, 8],
        in_channels: 1,
        out_channels: 1,
        block_out_channels: vec![8, 16, 16],
        down_block_types: vec![
            DownBlockType::DownBlock2D,
            DownBlockType::AttnDownBlock2D,
            DownBlockType::DownBlock2D,
        ],
        up_block_types: vec![
            UpBlockType::UpBlock2D,
            UpBlockType::AttnUpBlock2D,
            UpBlockType::UpBlock2D,
        ],
        layers_per_block: 1,
        norm_num_groups: Some(4),
        attention_head_dim: None,
        ..UNetConfig::default()
    };
    change(&mut config);
    UNet::without_zeros(&config, &Device::flex()).expect("a network")
}

/// The largest difference between the plan, interpreted, and the network.
fn difference(network: &UNet, images: usize) -> f64 {
    let config = network.config();
    let [h, w] = config.sample_size;
    let c = config.in_channels;
    let x: Vec<f32> = (0..images * c * h * w)
        .map(|i| (i as f32 * 0.7).sin())
        .collect();
    let timesteps: Vec<f32> = (0..images).map(|i| 500.0 - 77.0 * i as f32).collect();
    let labels = config
        .num_class_embeds
        .map(|n| (0..images).map(|i| i % n).collect::<Vec<_>>());
    let tensor = Tensor::from_data(
        TensorData::new(x.clone(), [images, c, h, w]),
        &Device::flex(),
    );
    let expected = network.forward(tensor, &timesteps, labels.as_deref());
    let expected: Vec<f32> = expected.into_data().iter::<f32>().collect();

    let out = interpret::in_double_precision(network, &x, &timesteps, labels.as_deref());
    assert_eq!(out.len(), expected.len());
    let apart = |(a, b): (&f64, &f32)| (a - f64::from(*b)).abs();
    out.iter()
        .zip(&expected)
        .map(apart)
        .fold(0.0, |most, apart| {
            if apart > most || apart.is_nan() {
                apart
            } else {
                most
            }
        })
}

#[test]
fn the_plan_computes_what_the_network_does() {
    for (name, change) in CHANGES {
        for images in [1, 3] {
            let difference = difference(&network(change), images);
            assert!(difference < 1e-4, "{name}, {images} images: {difference}");
        }
    }
}

#[test]
fn the_plan_computes_what_diffusers_does() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/conformance/networks");
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
        let read = |file: &str| std::fs::read(format!("{folder}/{name}/{file}")).expect(file);
        let config = String::from_utf8(read("config.json")).expect("text");
        let config = UNetConfig::from_json(&config).expect("a configuration");
        let device = Device::flex();
        let network = UNet::blank(&config, &device).expect("a network");
        let network = network.load_safetensors(&read("weights.safetensors"), &device);
        let io = read("io.safetensors");
        let io = safetensors::SafeTensors::deserialize(&io).expect("tensors");
        let floats = |name: &str| -> Vec<f32> {
            let bytes = io.tensor(name).expect(name).data().as_chunks::<4>().0;
            bytes.iter().map(|&b| f32::from_le_bytes(b)).collect()
        };
        let whole = |name: &str| -> Option<Vec<usize>> {
            let bytes = io.tensor(name).ok()?.data().as_chunks::<8>().0;
            Some(
                bytes
                    .iter()
                    .map(|&b| u64::from_le_bytes(b) as usize)
                    .collect(),
            )
        };
        let timesteps = whole("unet.timesteps").expect("timesteps");
        let timesteps: Vec<f32> = timesteps.iter().map(|&t| t as f32).collect();
        let labels = whole("unet.class_labels");
        let out = interpret::in_double_precision(
            &network.expect("weights"),
            &floats("unet.sample"),
            &timesteps,
            labels.as_deref(),
        );
        for (a, b) in out.iter().zip(floats("unet.out")) {
            let apart = (a - f64::from(b)).abs();
            assert!(apart < 1e-4, "{name}: {a} is not {b}");
        }
    }
}

#[test]
fn so_many_images_as_a_device_has_room_for_and_hardly_fewer() {
    let plan = network(|_| {}).launches().expect("a plan");
    let largest = |images: usize| {
        let layout = memory::Layout::new(&plan, images, true);
        layout
            .buffers
            .iter()
            .copied()
            .fold(layout.given_len, usize::max)
    };
    for most in [20_000, 54_321, 1 << 24] {
        let images = plan.most_images(most);
        assert!(largest(images) <= most, "{images} images in {most}");
        assert!(largest(images + 2) > most, "{images} images in {most}");
    }
    assert_eq!(plan.most_images(100), 0);
}

#[test]
fn no_more_images_than_a_grid_has_workgroups_along_an_axis() {
    // Normalisation and attention have a workgroup for each image along y and z, which WebGPU ends at 65,535.
    let plan = network(|_| {}).launches().expect("a plan");
    assert_eq!(plan.most_images(usize::MAX), 65_535);
}

#[test]
fn a_step_is_seventy_launches_that_touch_little_more_than_they_must() {
    let config = UNetConfig {
        sample_size: [28, 28],
        in_channels: 1,
        out_channels: 1,
        block_out_channels: vec![32, 64, 96],
        down_block_types: vec![
            DownBlockType::DownBlock2D,
            DownBlockType::DownBlock2D,
            DownBlockType::AttnDownBlock2D,
        ],
        up_block_types: vec![
            UpBlockType::AttnUpBlock2D,
            UpBlockType::UpBlock2D,
            UpBlockType::UpBlock2D,
        ],
        layers_per_block: 1,
        norm_num_groups: Some(8),
        attention_head_dim: None,
        ..UNetConfig::default()
    };
    let plan = UNet::new(&config, &Device::flex())
        .expect("a network")
        .launches()
        .expect("a plan");
    assert_eq!(plan.launches.len(), 70);
    for images in [1, 2, 16] {
        let mut fewest = plan.parameters.values.len();
        let mut bound = plan.parameters.values.len();
        for launch in &plan.launches {
            fewest += launch.writes().size() * images;
            let all = launch.reads().into_iter().chain([launch.writes()]);
            bound += all.map(|features| features.size() * images).sum::<usize>();
        }
        assert!(
            bound <= 3 * fewest,
            "{images} images: {bound} numbers, at least {fewest}"
        );
    }
}
