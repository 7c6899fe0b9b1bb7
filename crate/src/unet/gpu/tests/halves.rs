//! Parameters in float16.

use super::{CHANGES, network};
use crate::unet::gpu::check::compare_half;
use crate::unet::gpu::engine::Engine;
use crate::unet::gpu::format::{Format, in_half};
use crate::unet::gpu::native::Gpu;
use crate::unet::{UNet, UNetConfig};
use burn::module::Param;
use burn::tensor::Device;

/// Images that make so many pixels that convolutions are computed in tiles.
const MANY: usize = 96;

fn predict(engine: &Engine, config: &UNetConfig, timesteps: &[f32]) -> Vec<f32> {
    let images = timesteps.len();
    let [h, w] = config.sample_size;
    let x_t: Vec<f32> = (0..images * config.in_channels * h * w)
        .map(|i| (i as f32 * 0.7).sin())
        .collect();
    let labels = (config.num_class_embeds).map(|count| (0..images).map(|i| i % count).collect());
    let labels: Option<Vec<usize>> = labels;
    pollster::block_on(engine.predict(&x_t, timesteps, labels.as_deref())).expect("an answer")
}

#[test]
fn parameters_in_float16_give_the_bits_that_they_give_in_float32_from_half_the_memory() {
    let gpu = Gpu::get().expect("a GPU, or a software driver for Vulkan");
    assert!(Format::has_half(gpu.client), "{}", gpu.adapter);
    for (name, change) in CHANGES {
        let unet = in_half(network(change));
        let config = unet.config();
        let [single, half] = [Format::Single, Format::Half]
            .map(|format| Engine::stored(&unet, format, gpu.client.clone()).expect(name));
        assert!(half.is_in_half() && !single.is_in_half());
        let [more, less] = [&single, &half].map(Engine::parameter_bytes);
        assert!(more > 4 * unet.config().parameter_count() as usize);
        // Each layer begins at a multiple of 256 bytes.
        assert!(less < more * 3 / 4, "{name}: {less} of {more} bytes");
        let many: Vec<f32> = (1..=MANY).map(|i| i as f32 * 10.0).collect();
        // The second time as it was recorded.
        for timesteps in [&[500.0, 17.0][..], &[3.0, 999.0], &many] {
            let [expected, found] =
                [&single, &half].map(|engine| predict(engine, config, timesteps));
            assert!(
                expected == found,
                "{name}, {} images: other bits",
                timesteps.len()
            );
        }
    }
    pollster::block_on(compare_half(gpu.client)).expect("the CPU's answers");
}

#[test]
fn a_large_network_is_stored_in_float16_if_no_bit_is_lost() {
    let gpu = Gpu::get().expect("a GPU, or a software driver for Vulkan");
    let of = |unet: &UNet| Format::of(unet, gpu.client);
    let blank = |width: usize| {
        let config = UNetConfig {
            block_out_channels: vec![width, width],
            ..network(|_| {}).config().clone()
        };
        let levels = UNetConfig {
            down_block_types: config.down_block_types[..2].to_vec(),
            up_block_types: config.up_block_types[1..].to_vec(),
            ..config
        };
        UNet::blank(&levels, &Device::flex()).expect("a network")
    };
    assert_eq!(of(&blank(16)), Format::Single, "a small one");
    let mut large = blank(512);
    let parameters = large.config().parameter_count();
    assert!(parameters > 1 << 24, "{parameters}");
    assert_eq!(of(&large), Format::Half);
    large.conv_in.bias = Param::from_tensor(large.conv_in.bias.val() + 0.1);
    assert_eq!(of(&large), Format::Single, "0.1 is no number of float16");
}
