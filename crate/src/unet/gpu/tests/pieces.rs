//! Parameters that are more than one piece of memory takes.

use super::learning::{Batch, RATES, learning};
use super::{CHANGES, network};
use crate::unet::gpu::engine::Engine;
use crate::unet::gpu::format::Format;
use crate::unet::gpu::learner::{Learner, Rates};
use crate::unet::gpu::native::Gpu;
use crate::unet::gpu::pieces::Cuts;

#[test]
fn a_network_in_many_pieces_predicts_the_same_bits() {
    let gpu = Gpu::get().expect("a GPU, or a software driver for Vulkan");
    for (name, change) in CHANGES {
        let unet = network(change);
        let config = unet.config();
        let wholes = unet.launches().expect(name).wholes();
        let most = wholes.iter().map(|whole| whole.len().next_multiple_of(64));
        let most = most.max().expect("parameters");
        let alone: Vec<_> = wholes.into_iter().map(|whole| (whole, 0)).collect();
        let count = Cuts::new(&alone, most, Format::Single)
            .expect(name)
            .ranges()
            .count();
        assert!(count >= 3, "{name}: {count} pieces of at most {most}");

        let whole = Engine::new(&unet, gpu.client.clone()).expect(name);
        let pieces =
            Engine::in_pieces(&unet, Format::Single, most, gpu.client.clone()).expect(name);
        let [h, w] = config.sample_size;
        let x_t: Vec<f32> = (0..2 * config.in_channels * h * w)
            .map(|i| (i as f32 * 0.7).sin())
            .collect();
        let labels = config.num_class_embeds.map(|_| [1, 0]);
        let labels = labels.as_ref().map(|labels| &labels[..]);
        // The second time as it was recorded.
        for timesteps in [[500.0, 17.0], [3.0, 999.0]] {
            let predict = |engine: &Engine| {
                pollster::block_on(engine.predict(&x_t, &timesteps, labels)).expect(name)
            };
            assert_eq!(predict(&pieces), predict(&whole), "{name}");
        }
    }
}

#[test]
fn a_network_in_many_pieces_learns_the_same_bits() {
    let gpu = Gpu::get().expect("a GPU, or a software driver for Vulkan");
    for (name, change) in CHANGES {
        let unet = learning(change);
        let batch = Batch::new(unet.config(), 2);
        let mut whole = Learner::new(&unet, 2, gpu.client).expect(name);
        let mut pieces = (0..8)
            .find_map(|i| Learner::in_pieces(&unet, 2, 1 << (10 + i), gpu.client).ok())
            .expect("pieces of at most 131072 numbers");
        let further = (pieces.launches() - whole.launches()) / 3;
        assert!(further > 0, "{name} is in one piece");
        let found = [&mut whole, &mut pieces].map(|learner| {
            let learned = [1, 2].map(|time| {
                let max_grad_norm = 1e9; // its last bits depend on the order of the pieces
                let rates = Rates {
                    time,
                    max_grad_norm,
                    ..RATES
                };
                learner.step(batch.lesson(), rates).expect(name);
                learner.finish().expect(name).expect("a report")
            });
            (learned, learner.memory().expect(name))
        });
        let [(expected, wanted), (learned, memory)] = found;
        assert!(memory == wanted, "{name}: other numbers are learned");
        for (a, b) in learned.iter().zip(&expected) {
            assert_eq!(a.loss, b.loss, "{name}");
            let apart = (a.grad_norm - b.grad_norm).abs();
            assert!(
                apart <= 1e-5 * b.grad_norm,
                "{name}: a norm is {apart} away"
            );
        }
        // There and back.
        pieces.remember(&wanted);
        assert!(pieces.memory().expect(name) == wanted, "{name}");
    }
}

#[test]
fn a_layer_that_is_larger_than_a_piece_is_refused_by_its_size() {
    let gpu = Gpu::get().expect("a GPU, or a software driver for Vulkan");
    let unet = learning(|_| {});
    let of_engine = Engine::in_pieces(&unet, Format::Single, 640, gpu.client.clone()).map(drop);
    let of_learner = Learner::in_pieces(&unet, 1, 640, gpu.client).map(drop);
    let sentences = [
        of_engine.expect_err("too large").to_string(),
        of_learner.expect_err("too large").to_string(),
    ];
    for sentence in sentences {
        let says = "bytes is needed, but the device allows at most 2560";
        assert!(sentence.contains(says), "{sentence}");
    }
}
