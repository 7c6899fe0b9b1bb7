//! The U-Net as a few fused kernels in CubeCL, for WebGPU, Vulkan, Metal and CUDA alike: no burn, no operator by operator.
//!
//! At batch 1 a step's time on a GPU is the number of launches, so that everything around a convolution or a normalisation
//! happens inside it: concatenation, upsampling, bias, time embedding, SiLU, residual connection. About 70 launches are left
//! where burn's operators take some 400. The blocks of the U are walked once and say what is to be launched (`planner`);
//! memory and sizes follow for any number of images (`run`); parameters are uploaded once, in the order that the kernels read.
//!
//! | module | what is in it |
//! |---|---|
//! | `kernels` | convolution, group normalisation, attention |
//! | `layer` | a layer's parameters on the host, arranged for the kernels |
//! | `planner`, `rows` | the network's operations as launches: on features, on vectors |
//! | `plan` | the launches of one evaluation |
//! | `memory` | tensors that share memory |
//! | `run` | a plan for so many images, on the device |
//! | `device` | a network's memory on the device; one evaluation at a time, on one stream |
//! | `engine` | a network on the device, from host to host |
//!
//! The reference is the network in burn on the CPU; a test holds that both agree.

#[cfg(feature = "gpu")]
mod device;
#[cfg(feature = "gpu")]
mod engine;
#[cfg(test)]
mod interpret;
#[cfg(test)]
pub(super) use interpret::in_double_precision;
#[cfg(feature = "gpu")]
mod kernels;
mod layer;
mod memory;
mod plan;
mod planner;
mod recent;
mod rows;
#[cfg(feature = "gpu")]
mod run;

#[cfg(feature = "gpu")]
pub use engine::{DeviceError, Engine};
pub(super) use layer::{HostConv, HostNorm};
pub use plan::Unsupported;

/// `[n, c, h, w]` as `[n, h, w, c]`.
fn channels_last(x: &[f32], c: usize, n: usize) -> Vec<f32> {
    let pixels = x.len() / (c * n).max(1);
    let mut y = Vec::with_capacity(x.len());
    for image in x.chunks_exact((c * pixels).max(1)) {
        for pixel in 0..pixels {
            y.extend((0..c).map(|channel| image[channel * pixels + pixel]));
        }
    }
    y
}

/// `[n, h, w, c]` as `[n, c, h, w]`.
fn channels_first<T: Copy>(x: &[T], c: usize, n: usize) -> Vec<T> {
    let pixels = x.len() / (c * n).max(1);
    let mut y = Vec::with_capacity(x.len());
    for image in x.chunks_exact((c * pixels).max(1)) {
        for channel in 0..c {
            y.extend((0..pixels).map(|pixel| image[pixel * c + channel]));
        }
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unet::config::TimeScaleShift;
    use crate::unet::layers::seed_init;
    use crate::unet::{DownBlockType, UNet, UNetConfig, UpBlockType};
    use burn::tensor::{Device, Tensor, TensorData};

    #[test]
    fn channels_go_last_and_come_back() {
        let x: Vec<f32> = (0..2 * 3 * 4).map(|i| i as f32).collect();
        let last = channels_last(&x, 3, 2);
        assert_eq!(last[..4], [0.0, 4.0, 8.0, 1.0]);
        assert_eq!(channels_first(&last, 3, 2), x);
    }

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
            norm_num_groups: 4,
            attention_head_dim: None,
            ..UNetConfig::default()
        };
        change(&mut config);
        seed_init(3);
        let device = Device::flex();
        let network = UNet::new(&config, &device).expect("a network");
        // Layers that begin at zero would hide what comes before them.
        let mut tensors = network.state_dict();
        for (at, (_, values)) in tensors.values_mut().enumerate() {
            for (i, value) in values.iter_mut().enumerate() {
                *value += 0.1 * ((at * 31 + i) as f32).sin();
            }
        }
        let bytes =
            crate::unet::weights::to_safetensors(&tensors, crate::unet::weights::StoredAs::F32);
        network
            .load_safetensors(&bytes.expect("bytes"), &device)
            .expect("weights")
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
        type Change = (&'static str, fn(&mut UNetConfig));
        let changes: [Change; 10] = [
            ("plain", |_| {}),
            ("several heads", |c| c.attention_head_dim = Some(4)),
            ("a head that leaves channels over", |c| {
                c.attention_head_dim = Some(3)
            }),
            ("scale and shift", |c| {
                c.resnet_time_scale_shift = TimeScaleShift::ScaleShift
            }),
            ("every type of block", |c| {
                let n = DownBlockType::ALL.len().max(UpBlockType::ALL.len());
                c.sample_size = [1 << n; 2];
                c.block_out_channels = vec![8; n];
                c.down_block_types = DownBlockType::ALL.iter().copied().cycle().take(n).collect();
                c.up_block_types = UpBlockType::ALL.iter().copied().cycle().take(n).collect();
            }),
            ("labels", |c| c.num_class_embeds = Some(3)),
            ("two layers, no padding", |c| {
                c.layers_per_block = 2;
                c.downsample_padding = 0;
            }),
            ("narrow ones of odd widths", |c| {
                c.block_out_channels = vec![2, 6, 10];
                c.norm_num_groups = 2;
            }),
            ("a divided middle, centred input", |c| {
                c.mid_block_scale_factor = 1.5;
                c.center_input_sample = true;
                c.attn_norm_num_groups = Some(2);
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
        for (name, change) in changes {
            for images in [1, 3] {
                let difference = difference(&network(change), images);
                assert!(difference < 1e-4, "{name}, {images} images: {difference}");
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
            norm_num_groups: 8,
            attention_head_dim: None,
            ..UNetConfig::default()
        };
        let plan = UNet::new(&config, &Device::flex())
            .expect("a network")
            .launches()
            .expect("a plan");
        assert_eq!(plan.launches.len(), 70);
        for images in [1, 2, 16] {
            let mut fewest = plan.weights.len();
            let mut bound = plan.weights.len();
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
}
