//! Learning from a few examples on a GPU, or on a driver that stands in for one: as on the CPU, also after a return and where
//! the CPU takes over.

#![cfg(feature = "native")]

use crate::common::fixture;
use pollster::block_on;
use walkback::folder::ModelFolder;
use walkback::learn::{Beginning, Descent, LearnError, Learner, OnGpu, Rehearsal};
use walkback::unet::gpu::native::Gpu;

const SIDE: usize = 8;
const SIZE: usize = SIDE * SIDE;
/// As a run of fifty steps on the same device has it.
const TOLERANCE: f64 = 1e-3;

/// A model of the fixtures.
fn files(name: &str) -> ModelFolder {
    let text = |path: &str| {
        let bytes = fixture(&format!("{name}/{path}"));
        String::from_utf8(bytes).expect("text")
    };
    ModelFolder {
        unet_config: text("unet/config.json"),
        scheduler_config: text("scheduler/scheduler_config.json"),
        labels: None,
        golden: None,
        weights: fixture(&format!("{name}/unet/diffusion_pytorch_model.safetensors")),
        notes: Vec::new(),
    }
}

/// A small network with ten classes, a null label and dropout.
fn model() -> ModelFolder {
    let names: Vec<String> = (0..10).map(|k| k.to_string()).collect();
    let mut files = files("class_conditional");
    files.labels = Some(format!(r#"{{"names": {names:?}, "null": 10}}"#));
    for (found, wanted) in [
        ("\"dropout\": 0.0", "\"dropout\": 0.1".to_owned()),
        ("\"sample_size\": 16", format!("\"sample_size\": {SIDE}")),
    ] {
        assert!(files.unet_config.contains(found), "{found}");
        files.unet_config = files.unet_config.replace(found, &wanted);
    }
    files
}

/// Stripes: across where `across`, else down.
fn stripes(phase: usize, across: bool) -> Vec<f32> {
    let ink = |i: usize| {
        let along = if across { i / SIDE } else { i % SIDE };
        if (along + phase).is_multiple_of(4) {
            1.0
        } else {
            -1.0
        }
    };
    (0..SIZE).map(ink).collect()
}

/// Shows five images, and eight of two classes to rehearse.
fn shown<D: Descent>(mut learner: Learner<D>) -> Learner<D> {
    let images: Vec<Vec<f32>> = (0..5).map(|i| stripes(i, i % 2 == 0)).collect();
    learner.examples.show(images.concat());
    learner.rehearsal = Rehearsal {
        images: (0..8).flat_map(|i| stripes(i, i < 4)).collect(),
        labels: (0..8).map(|i| 2 + i / 4).collect(),
    };
    learner
}

fn beginning() -> Beginning {
    Beginning::from_model(model()).expect("a beginning")
}

fn on_cpu() -> Learner {
    shown(Learner::new(beginning(), 1).expect("a learner"))
}

fn on_gpu() -> Learner<OnGpu> {
    let gpu = Gpu::get().expect("a GPU, or a software driver for Vulkan");
    shown(Learner::on_gpu(beginning(), 1, gpu.client).expect("a learner"))
}

/// Takes so many steps; the losses.
fn learn<D: Descent>(learner: &mut Learner<D>, steps: usize) -> Vec<f64> {
    let mut step = || {
        let drawn = block_on(learner.draw()).expect("a batch");
        block_on(learner.descend(&drawn, 1e-3))
            .expect("a step")
            .loss
    };
    (0..steps).map(|_| step()).collect()
}

fn assert_same(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let apart = (found - expected).abs() / expected;
        assert!(apart < TOLERANCE, "step {i}: {found} and {expected}");
    }
}

#[test]
fn what_is_taught_on_a_gpu_has_the_losses_of_the_cpu_also_after_a_return_and_where_the_cpu_takes_over()
 {
    let (mut gpu, mut cpu) = (on_gpu(), on_cpu());
    let losses = learn(&mut cpu, 28);
    assert_same(&learn(&mut gpu, 28), &losses);
    assert!(losses[27] < losses[0], "{losses:?}");
    for timestep in [100, 900] {
        for before in [true, false] {
            let [found, expected] = [
                block_on(gpu.error_at(timestep, before)),
                block_on(cpu.error_at(timestep, before)),
            ]
            .map(|error| error.expect("an error").expect("a model"));
            assert_same(&[found], &[expected]);
        }
    }

    assert_eq!([gpu.undo(), cpu.undo()], [25, 25]);
    let again = learn(&mut cpu, 2);
    assert_same(&learn(&mut gpu, 2), &again);

    let kept = block_on(gpu.keep()).expect("bytes");
    let mut taken_over = Learner::continued(&kept).expect("a learner on the CPU");
    assert_eq!(taken_over.step(), 27);
    let next = learn(&mut cpu, 3);
    assert_same(&learn(&mut taken_over, 3), &next);
    let client = Gpu::get().expect("a GPU").client;
    let mut back = Learner::continued_on_gpu(&kept, client).expect("a learner on the GPU");
    assert_same(&learn(&mut back, 3), &next);
}

#[test]
fn a_step_that_diverges_on_a_gpu_is_not_taken_and_the_next_one_is() {
    let (mut gpu, mut cpu) = (on_gpu(), on_cpu());
    let (mut losses, mut found) = (learn(&mut cpu, 2), learn(&mut gpu, 2));
    let good = block_on(gpu.draw()).expect("a batch");
    gpu.examples.show(vec![f32::NAN; SIZE]);
    let drawn = block_on(gpu.draw()).expect("a batch");
    let refused = block_on(gpu.descend(&drawn, 1e-3));
    assert!(matches!(refused, Err(LearnError::Diverged { step: 3, .. })));
    assert_eq!(gpu.step(), 2);
    // The loss of the second says that the first was taken.
    for _ in 0..2 {
        losses.push(block_on(cpu.descend(&good, 1e-3)).expect("a step").loss);
        found.push(block_on(gpu.descend(&good, 1e-3)).expect("a step").loss);
    }
    assert_same(&found, &losses);
}

#[test]
fn what_is_not_learned_on_a_gpu_is_refused_by_name() {
    let client = Gpu::get().expect("a GPU").client;
    let refused = |files: ModelFolder| {
        let beginning = Beginning::from_model(files).expect("a beginning");
        let refused = Learner::on_gpu(beginning, 1, client).err();
        refused.expect("refused").to_string()
    };
    let said = refused(files("learned_variance"));
    assert!(said.contains("a learned variance"), "{said}");
}
