//! A network on a GPU, or on a driver that stands in for one: it moves between threads, and threads share it.

use crate::common::{fixture, largest_difference};
use burn::tensor::{Device, Tensor, TensorData};
use walkback::noise::NoiseStream;
use walkback::unet::gpu::Engine;
use walkback::unet::gpu::native::Gpu;
use walkback::unet::{UNet, UNetConfig};

/// A prediction of the GPU differs from the CPU's by less; that of another input by far more.
const TOLERANCE: f32 = 1e-3;

fn network() -> UNet {
    let device = Device::flex();
    let config = String::from_utf8(fixture("plain/unet/config.json")).unwrap();
    let config = UNetConfig::from_json(&config).unwrap();
    let weights = fixture("plain/unet/diffusion_pytorch_model.safetensors");
    let unet = UNet::new(&config, &device).unwrap();
    unet.load_safetensors(&weights, &device).unwrap()
}

/// The engine's network for some inputs, and what it gives for them on the CPU.
struct Known {
    engine: Engine,
    inputs: Vec<(Vec<f32>, Vec<f32>)>,
}

impl Known {
    fn new() -> Self {
        let unet = network();
        let gpu = Gpu::get().expect("a GPU, or a software driver for Vulkan");
        let engine = Engine::new(&unet, gpu.client.clone()).unwrap();
        let [h, w] = unet.config().sample_size;
        let shape = [1, unet.config().in_channels, h, w];
        let known = |seed| {
            let x = NoiseStream::new(seed).normal(shape.iter().product());
            let x_t = Tensor::<4>::from_data(TensorData::new(x.clone(), shape), &Device::flex());
            let eps = unet.forward(x_t, &[500.0], None).into_data();
            (x, eps.iter().collect())
        };
        let inputs = (0..4).map(known).collect();
        Self { engine, inputs }
    }

    /// Asks about input `i` `times` times.
    fn ask(&self, i: usize, times: usize) {
        let (x, eps) = &self.inputs[i];
        for _ in 0..times {
            let found = pollster::block_on(self.engine.predict(x, &[500.0], None)).unwrap();
            let difference = largest_difference(&found, eps);
            assert!(difference < TOLERANCE, "input {i}: {difference}");
        }
    }
}

#[test]
fn a_network_that_moves_to_another_thread_predicts_what_it_did() {
    let known = Known::new();
    // The second evaluation is recorded, later ones repeat the record.
    known.ask(0, 3);
    let known = std::thread::spawn(move || {
        known.ask(1, 3);
        known
    });
    known.join().unwrap().ask(2, 3);
}

#[test]
fn threads_that_share_a_network_each_get_their_own_prediction() {
    let known = Known::new();
    std::thread::scope(|scope| {
        for i in 0..4 {
            let known = &known;
            scope.spawn(move || known.ask(i, 10));
        }
    });
}
