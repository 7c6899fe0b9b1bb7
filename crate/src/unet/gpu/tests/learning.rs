//! The gradients that the device computes against those of burn on the CPU.

use super::{CHANGES, network};
use crate::unet::config::TimeScaleShift;
use crate::unet::gpu::check::{BOUNDS, Named, gradients};
use crate::unet::gpu::learner::{Bound, Learner, Lesson, Numbers, Rates};
use crate::unet::gpu::memory::Layout;
use crate::unet::gpu::native::Gpu;
use crate::unet::gpu::reverse::Reverse;
use crate::unet::weights::StoredAs;
use crate::unet::{UNet, UNetConfig, dropout};
use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::{Device, Tensor};
use cubecl::future::block_on;

/// A batch for a network, by formulas.
pub(super) struct Batch {
    x_0: Vec<f32>,
    eps: Vec<f32>,
    timesteps: Vec<f32>,
    labels: Vec<usize>,
    noising: Vec<[f32; 2]>,
    target: Vec<[f32; 2]>,
    weights: Vec<f32>,
    /// Where the variance is learned.
    bounds: Vec<Bound>,
    keys: Vec<u32>,
}

impl Batch {
    pub(super) fn new(config: &UNetConfig, images: usize) -> Self {
        let [h, w] = config.sample_size;
        let len = images * config.in_channels * h * w;
        let wave = |by: f32| (0..len).map(|i| (i as f32 * by).sin()).collect();
        let classes = config.num_class_embeds.unwrap_or(1);
        Self {
            x_0: wave(0.7),
            eps: wave(1.3),
            timesteps: (0..images).map(|i| 500.0 - 77.0 * i as f32).collect(),
            labels: (0..images).map(|i| (i / 2) % classes).collect(),
            noising: (0..images).map(|i| [0.8, 0.2 + 0.3 * i as f32]).collect(),
            target: (0..images).map(|i| [0.1 * i as f32, 1.0]).collect(),
            weights: (0..images).map(|i| 1.0 - 0.2 * i as f32).collect(),
            bounds: match config.out_channels == 2 * config.in_channels {
                true => (0..images).map(|i| BOUNDS[i % 2]).collect(),
                false => Vec::new(),
            },
            keys: dropout::keys(11, images),
        }
    }

    pub(super) fn lesson(&self) -> Lesson<'_> {
        Lesson {
            x_0: &self.x_0,
            eps: &self.eps,
            timesteps: &self.timesteps,
            labels: &self.labels,
            noising: &self.noising,
            target: &self.target,
            weights: &self.weights,
            bounds: &self.bounds,
            keys: &self.keys,
        }
    }
}

pub(super) const RATES: Rates = Rates {
    learning_rate: 1e-3,
    weight_decay: 0.0,
    max_grad_norm: 1.0,
    time: 1,
    ema_decay: 0.9,
};

/// The network of `change`, with gradients.
pub(super) fn learning(change: impl FnOnce(&mut UNetConfig)) -> UNet {
    let network = network(change);
    let bytes = network.to_safetensors(StoredAs::F32).expect("bytes");
    let device = Device::flex().autodiff();
    let unet = UNet::new(network.config(), &device).expect("a network");
    unet.load_safetensors(&bytes, &device).expect("weights")
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |most, value| most.max(value.abs()))
}

fn hold(name: &str, learned: &Numbers, expected: &Named) {
    let whole = expected.values().map(|(_, values)| largest(values));
    let whole = whole.fold(0.0, f32::max);
    for (key, (id, expected)) in expected {
        let Some(found) = learned.get(id) else {
            panic!("{name}: {key} is not learned");
        };
        let apart: Vec<f32> = found.iter().zip(expected).map(|(a, b)| a - b).collect();
        let bound = 1e-3 * largest(expected) + 1e-5 * whole;
        assert!(
            apart.iter().all(|apart| apart.abs() <= bound),
            "{name}: the gradient of {key} is {} apart, of {}: {:?}, not {:?}",
            largest(&apart),
            largest(expected),
            &found[..found.len().min(8)],
            &expected[..expected.len().min(8)],
        );
    }
}

#[test]
fn every_gradient_is_burns() {
    let gpu = Gpu::get().expect("a GPU, or a software driver for Vulkan");
    let only = std::env::var("ONLY").ok();
    for (name, change) in CHANGES {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let unet = learning(change);
        let images = 3;
        let batch = Batch::new(unet.config(), images);
        let (loss, expected) = gradients(&unet, batch.lesson());
        let mut learner = Learner::new(&unet, images, gpu.client).expect(name);
        assert_eq!(learner.step(batch.lesson(), RATES).expect(name), None);
        let learned = learner.finish().expect(name).expect(name);
        assert!(
            (learned.loss - loss).abs() <= 1e-4 * loss.abs(),
            "{name}: the loss is {}, not {loss}",
            learned.loss
        );
        hold(name, &block_on(learner.gradients()).expect(name), &expected);
    }
}

#[test]
fn every_parameter_has_a_place_of_its_own_and_comes_back_to_the_bit() {
    for (name, change) in CHANGES {
        let unet = network(change);
        let plan = unet.launches().expect(name);
        let values = &plan.parameters.values;
        let mut taken = vec![false; values.len()];
        let mut found = Numbers::new();
        for slot in &plan.parameters.slots {
            let numbers = slot.indices().map(|i| {
                assert!(
                    !std::mem::replace(&mut taken[i], true),
                    "{name}: two at {i}"
                );
                values[i]
            });
            let again = found.insert(slot.id, numbers.collect());
            assert!(again.is_none(), "{name}: a parameter has two slots");
        }
        let mut expected = Parameters::default();
        unet.visit(&mut expected);
        for (key, id, numbers) in expected.found {
            // Fourier's frequencies are drawn once, and never learned.
            if key != "time_proj.weight" {
                assert_eq!(found.remove(&id).as_ref(), Some(&numbers), "{name}: {key}");
            }
        }
        assert!(found.is_empty(), "{name}: numbers of no parameter");
    }
}

/// All parameters: name, number and values.
#[derive(Default)]
struct Parameters {
    path: Vec<String>,
    found: Vec<(String, ParamId, Vec<f32>)>,
}

impl ModuleVisitor for Parameters {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let values = param.val().into_data().iter::<f32>().collect();
        self.found.push((self.path.join("."), param.id, values));
    }
}

#[test]
fn a_step_of_training_the_shipped_network_is_at_most_320_launches() {
    let config = crate::train::preset::Preset::Mnist.unet([1, 28, 28], 10);
    let unet = UNet::new(&config, &Device::flex()).expect("a network");
    let plan = unet.launches().expect("a plan");
    let launches = Reverse::new(&plan).expect("a way back").launches();
    assert!(launches <= 320, "{launches} launches");
    println!("{launches} launches");
}

#[test]
fn what_was_learned_comes_back_as_it_was_taken_there() {
    let gpu = Gpu::get().expect("a GPU, or a software driver for Vulkan");
    let unet = learning(|config| config.num_class_embeds = Some(3));
    let mut learner = Learner::new(&unet, 2, gpu.client).expect("a learner");
    let batch = Batch::new(unet.config(), 2);
    learner.step(batch.lesson(), RATES).expect("a step");
    learner.finish().expect("a report");
    let memory = learner.memory().expect("what was learned");
    assert_ne!(memory.moments[0], memory.moments[1]);
    let mut other = Learner::new(&unet, 2, gpu.client).expect("a learner");
    other.remember(&memory);
    assert_eq!(other.memory().expect("the same"), memory);
    // Both take the same step from there, with the same bits.
    let rates = Rates { time: 2, ..RATES };
    for learner in [&mut learner, &mut other] {
        learner.step(batch.lesson(), rates).expect("a step");
    }
    assert_eq!(
        learner.memory().expect("one"),
        other.memory().expect("the other")
    );
}

#[test]
fn a_learner_may_go_before_anybody_has_read_its_report() {
    let gpu = Gpu::get().expect("a GPU, or a software driver for Vulkan");
    let unet = learning(|_| {});
    let batch = Batch::new(unet.config(), 1);
    for _ in 0..4 {
        let mut learner = Learner::new(&unet, 1, gpu.client).expect("a learner");
        learner.step(batch.lesson(), RATES).expect("a step");
        // What reads its report maps memory, which the next learner's steps use again.
        drop(learner);
    }
    let mut learner = Learner::new(&unet, 1, gpu.client).expect("a learner");
    learner.step(batch.lesson(), RATES).expect("a step");
    assert!(learner.finish().expect("a report").is_some());
}

#[test]
fn what_one_piece_of_a_step_leaves_for_the_next_is_in_nobodys_way() {
    for (name, change) in CHANGES {
        let plan = network(change).launches().expect(name);
        let reverse = Reverse::new(&plan).expect(name);
        let losses = reverse.extra.losses.id;
        let uses = Learner::uses(&plan, &reverse);
        let layout = Layout::of(uses.clone(), 3);
        let is_given = |id: usize| uses.given.iter().any(|given| given.id == id);
        for id in uses.launches.iter().flatten().flatten() {
            let is_other = *id != losses && !is_given(*id);
            assert!(
                !is_other || layout.positions[*id] != layout.positions[losses],
                "{name}: tensor {id} is written where the losses are"
            );
        }
    }
}

#[test]
fn a_step_in_pieces_is_the_whole_step_and_the_next_begins_again() {
    let gpu = Gpu::get().expect("a GPU, or a software driver for Vulkan");
    let unet = learning(|config| {
        config.num_class_embeds = Some(3);
        config.dropout = 0.3;
        config.resnet_time_scale_shift = TimeScaleShift::ScaleShift;
    });
    let batch = Batch::new(unet.config(), 4);
    let two_steps = |images: usize| {
        let mut learner = Learner::new(&unet, images, gpu.client).expect("a learner");
        [1, 2].map(|time| {
            let learning_rate = 0.0;
            let rates = Rates {
                time,
                learning_rate,
                ..RATES
            };
            learner.step(batch.lesson(), rates).expect("a step");
            let learned = learner.finish().expect("a report").expect("a report");
            (learned, learner.memory().expect("what was learned"))
        })
    };
    let whole = two_steps(4);
    assert_eq!(whole[0].0, whole[1].0, "a step adds to the one before it");
    for images in [2, 1] {
        for ((found, memory), (expected, wanted)) in two_steps(images).iter().zip(&whole) {
            let close = |a: f32, b: f32| (a - b).abs() < 1e-5 * b;
            assert!(
                close(found.loss, expected.loss) && close(found.grad_norm, expected.grad_norm),
                "{images} at a time: {found:?}, not {expected:?}"
            );
            // The optimiser moved once: its moments are those of one step.
            for (found, wanted) in memory.moments.iter().zip(&wanted.moments) {
                for (id, wanted) in wanted {
                    let apart = found[id].iter().zip(wanted).map(|(a, b)| (a - b).abs());
                    let apart = apart.fold(0.0, f32::max);
                    assert!(
                        apart <= 1e-4 * largest(wanted) + 1e-9,
                        "{images} at a time: a moment is {apart} apart"
                    );
                }
            }
        }
    }
}
