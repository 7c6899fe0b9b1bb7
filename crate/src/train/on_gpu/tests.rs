//! A step's loss and gradients on a GPU against those of the CPU, as a run takes them.

use super::*;
use crate::data::images::Preparation;
use crate::noise::NoiseStream;
use crate::pipeline::Labels;
use crate::schedule::{PredictionType, Schedule, SchedulerConfig};
use crate::train::gradients::{self, Way};
use crate::train::learning_rate::LrDecay;
use crate::train::numbers::gather;
use crate::unet::gpu::native::Gpu;
use crate::unet::{DownBlockType, UNetConfig, UpBlockType};
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};

const SEED: u64 = 11;
const SIDE: usize = 8;

/// A run of a small network with labels and dropout, and with two outputs if the variance is learned.
fn run(loss: Loss, prediction_type: PredictionType) -> RunConfig {
    RunConfig {
        unet: UNetConfig {
            sample_size: [SIDE; 2],
            in_channels: 1,
            out_channels: if loss == Loss::Hybrid { 2 } else { 1 },
            block_out_channels: vec![8, 16],
            down_block_types: vec![DownBlockType::DownBlock2D; 2],
            up_block_types: vec![UpBlockType::UpBlock2D; 2],
            layers_per_block: 1,
            norm_num_groups: Some(4),
            attention_head_dim: None,
            num_class_embeds: Some(3),
            dropout: 0.2,
            ..UNetConfig::default()
        },
        scheduler: SchedulerConfig {
            prediction_type,
            ..SchedulerConfig::default()
        },
        labels: Labels::default(),
        loss,
        batch_size: 4,
        accumulate: 1,
        learning_rate: 1e-3,
        warmup: 0,
        lr_decay: LrDecay::Constant,
        end: None,
        weight_decay: 0.0,
        max_grad_norm: f64::from(f32::MAX),
        ema_decay: 0.9,
        label_dropout: 0.0,
        seed: 0,
        data: None,
        preparation: Preparation::default(),
    }
}

/// The gradients of the last layer's bias, one for each output, and those of every parameter.
type Found = (f64, Vec<f32>, Vec<Vec<f32>>);

struct Gradients<'a>(&'a GradientsParams, Vec<Vec<f32>>);

impl ModuleVisitor for Gradients<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let found = self.0.get::<D>(param.id);
        let values = found.map(|found| found.into_data().iter::<f32>().collect());
        self.1.push(values.unwrap_or_default());
    }
}

/// A step at these timesteps: on the CPU in one piece, and on the GPU in as many as `config` says.
fn both(config: &RunConfig, timesteps: &[usize]) -> [Found; 2] {
    let device = Device::flex().autodiff();
    let unet = UNet::without_zeros(&config.unet, &device).expect("a network");
    let schedule = Schedule::new(&config.scheduler).expect("a schedule");
    let objective = Objective {
        loss: config.loss,
        prediction_type: config.scheduler.prediction_type,
        schedule,
    };
    let all = timesteps.len() * SIDE * SIDE;
    // Black, white and grey: the first and the last bin of the decoder reach to infinity.
    let x_0 = (0..all).map(|i| [0, 255, 130, 31, 0][i % 5] as f32 / 127.5 - 1.0);
    let process = (&objective.schedule, objective.prediction_type);
    let eps = NoiseStream::new(5).normal(all);
    let labels = (0..timesteps.len()).map(|i| i % 3).collect();
    let batch = Batch::of(x_0.collect(), eps, timesteps.to_vec(), labels, process);

    let way = Way {
        max_norm: config.max_grad_norm,
        seed: SEED,
        pieces: 1,
    };
    let slope = gradients::of_batch(&unet, &objective, &batch, way, &device).expect("a slope");
    let mut visitor = Gradients(&slope.grads, Vec::new());
    unet.visit(&mut visitor);
    let last = |all: &[Vec<f32>]| all[all.len() - 1].clone();
    let expected = (slope.loss, last(&visitor.1), visitor.1);

    let gpu = Gpu::get().expect("a GPU, or a software driver for Vulkan");
    let (ema, optimizer) = (unet.valid(), config.optimizer());
    let mut on_gpu = OnGpu::new(config, &unet, &ema, &optimizer, gpu.client).expect("a learner");
    assert_eq!(on_gpu.learner.images() * config.accumulate, timesteps.len());
    let rates = Rates {
        learning_rate: 1e-3,
        weight_decay: 0.0,
        max_grad_norm: config.max_grad_norm,
        time: 1,
        ema_decay: 0.9,
    };
    let first = on_gpu
        .step(&batch, &objective, rates, SEED)
        .expect("a step");
    assert_eq!(first, None);
    let learned = on_gpu.finish().expect("a report").expect("a report");
    let numbers = pollster::block_on(on_gpu.learner.gradients()).expect("gradients");
    let ids = gather(&unet).into_iter().map(|(id, _)| id);
    let found: Vec<Vec<f32>> = ids.map(|id| numbers[&id].clone()).collect();
    [(learned.loss.into(), last(&found), found), expected]
}

fn hold(name: &str, [found, expected]: [Found; 2]) {
    let apart = (found.0 - expected.0).abs() / expected.0.abs();
    assert!(apart < 1e-4, "{name}: loss {}, not {}", found.0, expected.0);
    // What v has is much smaller than what the prediction has: each by itself.
    for (output, (found, expected)) in found.1.iter().zip(&expected.1).enumerate() {
        let apart = (found - expected).abs();
        assert!(
            apart <= 1e-3 * expected.abs() + 1e-9,
            "{name}: output {output} has {found}, not {expected}"
        );
    }
    let largest = |values: &[f32]| values.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    let whole = expected.2.iter().map(|values| largest(values));
    let whole = whole.fold(0.0, f32::max);
    for (at, (found, expected)) in found.2.iter().zip(&expected.2).enumerate() {
        assert_eq!(found.len(), expected.len(), "{name}: parameter {at}");
        let apart: Vec<f32> = found.iter().zip(expected).map(|(a, b)| a - b).collect();
        let bound = 1e-3 * largest(expected) + 1e-5 * whole;
        assert!(largest(&apart) <= bound, "{name}: parameter {at}");
    }
}

#[test]
fn every_loss_and_prediction_has_the_gradients_of_the_cpu() {
    for &prediction_type in PredictionType::ALL {
        for loss in [Loss::Simple, Loss::MinSnr] {
            let found = both(&run(loss, prediction_type), &[0, 1, 400, 999]);
            hold(&format!("{loss}, {prediction_type}"), found);
        }
    }
}

#[test]
fn a_learned_variance_has_the_bound_of_the_cpu_at_every_timestep() {
    for &prediction_type in PredictionType::ALL {
        let config = run(Loss::Hybrid, prediction_type);
        for timestep in [0, 1, 30, 400, 999] {
            let found = both(&config, &[timestep; 4]);
            hold(&format!("{prediction_type}, t = {timestep}"), found);
        }
    }
}

#[test]
fn a_step_in_pieces_is_the_step() {
    for loss in [Loss::MinSnr, Loss::Hybrid] {
        for accumulate in [2, 4] {
            let config = RunConfig {
                accumulate,
                ..run(loss, PredictionType::VPrediction)
            };
            let found = both(&config, &[0, 1, 400, 999]);
            hold(&format!("{loss} in {accumulate} pieces"), found);
        }
    }
}
