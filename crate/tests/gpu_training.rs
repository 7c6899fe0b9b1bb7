//! Training on a GPU, or on a driver that stands in for one: as on the CPU, step by step, also after a resume.

use burn::tensor::Device;
use std::path::Path;
use std::sync::Arc;
use walkback::data::Dataset;
use walkback::data::images::Preparation;
use walkback::pipeline::Labels;
use walkback::schedule::{PredictionType, SchedulerConfig, VarianceType};
use walkback::train::checkpoint::Progress;
use walkback::train::learning_rate::{End, LrDecay};
use walkback::train::loss::Loss;
use walkback::train::run_config::RunConfig;
use walkback::train::trainer::{
    Computer, FirstWeights, StepReport, TrainError, TrainOptions, Watcher, train_on,
};
use walkback::unet::gpu::native::Gpu;
use walkback::unet::{DownBlockType, UNet, UNetConfig, UpBlockType};

/// Keeps the reports.
#[derive(Default)]
struct Reports(Vec<StepReport>);

impl Watcher for Reports {
    fn started(&mut self, _: Progress, _: Option<End>) {}
    fn stepped(&mut self, report: &StepReport) -> bool {
        self.0.push(*report);
        true
    }
    fn sample(&mut self, _: u64, _: &UNet, _: &RunConfig) {}
    fn saved(&mut self, _: u64) {}
}

/// Stripes of two directions, in two classes.
fn stripes() -> Dataset {
    let image = |i: usize| {
        (0..64).map(move |at| {
            let along = if i.is_multiple_of(2) { at / 8 } else { at % 8 };
            if (along + i / 2).is_multiple_of(4) {
                255
            } else {
                0
            }
        })
    };
    Dataset {
        images: (0..24).flat_map(image).collect(),
        labels: (0..24).map(|i| (i % 2) as u8).collect(),
        channels: 1,
        height: 8,
        width: 8,
    }
}

fn config() -> RunConfig {
    RunConfig {
        unet: UNetConfig {
            sample_size: [8, 8],
            in_channels: 1,
            out_channels: 1,
            block_out_channels: vec![8, 16],
            down_block_types: vec![DownBlockType::DownBlock2D, DownBlockType::AttnDownBlock2D],
            up_block_types: vec![UpBlockType::AttnUpBlock2D, UpBlockType::UpBlock2D],
            layers_per_block: 1,
            norm_num_groups: Some(4),
            attention_head_dim: None,
            num_class_embeds: Some(3),
            ..UNetConfig::default()
        },
        scheduler: SchedulerConfig::default(),
        labels: Labels {
            names: vec!["across".into(), "down".into()],
            null: Some(2),
        },
        loss: Loss::MinSnr,
        batch_size: 4,
        accumulate: 1,
        learning_rate: 2e-3,
        warmup: 5,
        lr_decay: LrDecay::Cosine,
        end: None,
        weight_decay: 0.01,
        max_grad_norm: 1.0,
        ema_decay: 0.99,
        label_dropout: 0.2,
        seed: 7,
        data: None,
        preparation: Preparation::default(),
    }
}

fn options(run: &Path, steps: u64, first_weights: FirstWeights) -> TrainOptions {
    TrainOptions {
        run: run.to_path_buf(),
        config: match first_weights {
            FirstWeights::Resume => RunConfig::read(run).expect("the run"),
            _ => config(),
        },
        data: Arc::new(stripes()),
        first_weights,
        steps: Some(steps),
        time: None,
        checkpoint_every: 0,
        sample_every: 0,
    }
}

fn trained(options: &TrainOptions, computer: &Computer) -> Result<Vec<StepReport>, TrainError> {
    let mut reports = Reports::default();
    train_on(options, computer, &mut reports)?;
    Ok(reports.0)
}

fn gpu() -> Computer {
    Computer::Gpu(Gpu::get().expect("a GPU, or a software driver for Vulkan"))
}

fn weights(run: &Path, step: u64) -> Vec<u8> {
    let path = run.join(format!("checkpoints/step-{step:09}/ema.safetensors"));
    std::fs::read(path).expect("the average")
}

/// A name and what makes the run of [`config`] another.
type Change = (&'static str, fn(&mut RunConfig));
/// Runs that together have every loss, and dropout.
const CHANGES: [Change; 4] = [
    ("min-snr", |_| {}),
    ("a learned variance, with dropout", |c| {
        c.loss = Loss::Hybrid;
        c.scheduler.variance_type = VarianceType::LearnedRange;
        c.unet.out_channels = 2;
        c.unet.dropout = 0.1;
    }),
    ("flow", |c| {
        c.loss = Loss::Simple;
        c.scheduler.prediction_type = PredictionType::Flow;
    }),
    ("dropout, in pieces", |c| {
        c.loss = Loss::Simple;
        c.unet.dropout = 0.2;
        c.accumulate = 2;
    }),
];

#[test]
fn fifty_steps_have_the_losses_of_the_cpu() {
    for (name, change) in CHANGES {
        let dir = tempfile::tempdir().expect("a folder");
        let run = |name: &str| {
            let mut options = options(&dir.path().join(name), 50, FirstWeights::Fresh);
            change(&mut options.config);
            options
        };
        let found = trained(&run("gpu"), &gpu()).expect("trained on the GPU");
        let cpu = Computer::Burn(Device::flex().autodiff());
        // Where the GPU takes a step in pieces, the CPU takes it whole.
        let mut whole = run("cpu");
        whole.config.accumulate = 1;
        let expected = trained(&whole, &cpu).expect("trained on the CPU");
        assert_eq!(found.len(), 50, "{name}");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found.step, expected.step);
            assert_eq!(found.learning_rate, expected.learning_rate);
            let apart = (found.loss - expected.loss).abs() / expected.loss;
            assert!(
                apart < 1e-3,
                "{name}, step {}: {} and {}",
                found.step,
                found.loss,
                expected.loss
            );
        }
        let mean = |reports: &[StepReport]| {
            reports.iter().map(|report| report.loss).sum::<f64>() / reports.len() as f64
        };
        assert!(
            mean(&found[40..]) < 0.9 * mean(&found[..5]),
            "{name} learns nothing"
        );
    }
}

#[test]
fn a_run_may_change_between_cpu_and_gpu_and_resume_on_the_gpu_to_the_bit() {
    let dir = tempfile::tempdir().expect("a folder");
    let [whole, parts, mixed] = ["whole", "parts", "mixed"].map(|name| dir.path().join(name));
    let cpu = Computer::Burn(Device::flex().autodiff());
    // With dropout, and in pieces: both depend on nothing that a resume would forget.
    let fresh = |run: &Path| {
        let mut options = options(run, 8, FirstWeights::Fresh);
        options.config.unet.dropout = 0.1;
        options.config.accumulate = 2;
        options
    };
    trained(&fresh(&whole), &gpu()).expect("trained");
    for (run, computer) in [(&parts, &gpu()), (&mixed, &cpu)] {
        // Both have the rates of a run of eight steps: the first half ends early.
        let mut half = Half(0);
        train_on(&fresh(run), computer, &mut half).expect("half of it");
        trained(&options(run, 8, FirstWeights::Resume), &gpu()).expect("the other half");
    }
    assert!(
        weights(&whole, 8) == weights(&parts, 8),
        "a resume changes the weights"
    );
    let numbers = |bytes: &[u8]| -> Vec<f32> {
        let tensors = safetensors::SafeTensors::deserialize(bytes).expect("tensors");
        let mut names = tensors.names();
        names.sort();
        let of = |name: &&str| tensors.tensor(name).expect("a tensor").data().to_vec();
        let bytes: Vec<u8> = names.iter().flat_map(of).collect();
        (bytes.as_chunks::<4>().0.iter())
            .map(|&b| f32::from_le_bytes(b))
            .collect()
    };
    let (whole, mixed) = (numbers(&weights(&whole, 8)), numbers(&weights(&mixed, 8)));
    let apart = whole.iter().zip(&mixed).map(|(a, b)| (a - b).abs());
    assert!(apart.fold(0.0, f32::max) < 1e-3);
}

/// Stops after four steps.
struct Half(u64);

impl Watcher for Half {
    fn started(&mut self, _: Progress, _: Option<End>) {}
    fn stepped(&mut self, _: &StepReport) -> bool {
        self.0 += 1;
        self.0 < 4
    }
    fn sample(&mut self, _: u64, _: &UNet, _: &RunConfig) {}
    fn saved(&mut self, _: u64) {}
}

#[test]
fn what_a_gpu_does_not_train_is_refused_by_name() {
    let dir = tempfile::tempdir().expect("a folder");
    let refused = |change: fn(&mut RunConfig)| {
        let mut options = options(dir.path(), 2, FirstWeights::Fresh);
        change(&mut options.config);
        let refused = trained(&options, &gpu()).expect_err("refused");
        assert!(!dir.path().join("run.json").exists());
        refused.to_string()
    };
    let wide = refused(|c| {
        c.unet.block_out_channels = vec![8, 260];
        c.unet.attention_head_dim = Some(257);
    });
    assert!(wide.contains("attention_head_dim is too large"), "{wide}");
    let many = refused(|c| c.batch_size = 70_000);
    assert!(many.contains("70000 images"), "{many}");
    assert!(many.contains("--accumulate"), "{many}");
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_gpu_nothing_is_trained_and_the_cpu_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let run = dir.path().join("run");
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/mnist-500");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_walkback"))
        .args([
            "train", "--device", "gpu", "--preset", "tiny", "--data", data, "--out",
        ])
        .arg(&run)
        .env("VK_DRIVER_FILES", "/nowhere.json")
        .env("VK_ICD_FILENAMES", "/nowhere.json")
        .output()
        .expect("the command");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("use --device cpu"), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    assert!(!run.exists());
}
