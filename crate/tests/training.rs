//! Training on real digits: it learns, it resumes to the bit, and what it exports can be read.

#![cfg(feature = "native")]

use burn::tensor::Device;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use walkback::folder;
use walkback::pipeline::{Labels, Pipeline};
use walkback::schedule::SchedulerConfig;
use walkback::train::export::export;
use walkback::train::idx::{Dataset, Split};
use walkback::train::preset::Preset;
use walkback::train::run_config::RunConfig;
use walkback::train::trainer::{Start, StepReport, TrainError, TrainOptions, Watcher, train};
use walkback::unet::UNet;
use walkback::unet::weights::StoredAs;

#[derive(Default)]
struct Record {
    losses: Vec<f64>,
    saved: Vec<u64>,
    stop_after: Option<u64>,
}

impl Watcher for Record {
    fn started(&mut self, _: u64, _: Option<u64>) {}
    fn stepped(&mut self, report: &StepReport) -> bool {
        self.losses.push(report.loss);
        self.stop_after != Some(report.step)
    }
    fn sample(&mut self, _: u64, _: &UNet, _: &RunConfig) {}
    fn saved(&mut self, step: u64) {
        self.saved.push(step);
    }
}

fn options(run: PathBuf, steps: u64) -> TrainOptions {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/mnist-500");
    let data = Dataset::from_dir(&folder, Split::Train).unwrap();
    let config = RunConfig {
        unet: Preset::Tiny.unet([1, 28, 28], 10),
        scheduler: SchedulerConfig::default(),
        labels: Labels {
            names: (0..10).map(|digit| digit.to_string()).collect(),
            null: Some(10),
        },
        batch_size: 16,
        learning_rate: 2e-3,
        warmup: 10,
        weight_decay: 0.0,
        max_grad_norm: 1.0,
        ema_decay: 0.99,
        label_dropout: 0.1,
        seed: 4,
        data: None,
    };
    TrainOptions {
        run,
        config,
        data: Arc::new(data),
        start: Start::Fresh,
        steps: Some(steps),
        time: None,
        checkpoint_every: 5,
        sample_every: 0,
    }
}

fn run(options: &TrainOptions) -> Result<Record, TrainError> {
    let mut record = Record::default();
    train(options, &Device::flex().autodiff(), &mut record)?;
    Ok(record)
}

#[test]
fn the_loss_falls_on_real_digits() {
    let folder = tempfile::tempdir().unwrap();
    let losses = run(&options(folder.path().join("run"), 60)).unwrap().losses;
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (first, last) = (mean(&losses[..5]), mean(&losses[55..]));
    // The first prediction is 0, whose squared distance from unit noise is 1.
    assert!((first - 1.0).abs() < 0.1, "{first}");
    assert!(last < 0.5, "{last}");
}

#[test]
fn a_resumed_run_is_the_uninterrupted_one_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let whole = run(&options(folder.path().join("whole"), 9)).unwrap();
    let mut first = options(folder.path().join("parts"), 5);
    let mut losses = run(&first).unwrap().losses;
    first.start = Start::Resume;
    first.steps = Some(9);
    losses.extend(run(&first).unwrap().losses);
    assert_eq!(losses, whole.losses);

    export(
        &folder.path().join("whole"),
        &folder.path().join("a"),
        StoredAs::F32,
    )
    .unwrap();
    export(
        &folder.path().join("parts"),
        &folder.path().join("b"),
        StoredAs::F32,
    )
    .unwrap();
    let weights = |name: &str| folder::read(&folder.path().join(name)).unwrap().weights;
    assert_eq!(weights("a"), weights("b"));
}

#[test]
fn stopping_leaves_a_checkpoint_at_the_step_that_was_finished() {
    let folder = tempfile::tempdir().unwrap();
    let mut record = Record {
        stop_after: Some(3),
        ..Record::default()
    };
    let options = options(folder.path().join("run"), 100);
    train(&options, &Device::flex().autodiff(), &mut record).unwrap();
    assert_eq!((record.losses.len(), record.saved), (3, vec![3]));
}

#[test]
fn a_run_folder_is_not_trained_in_twice() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path().join("run"), 1);
    run(&options).unwrap();
    let error = run(&options).err().unwrap();
    assert!(matches!(error, TrainError::RunExists(_)), "{error}");
}

#[test]
fn an_exported_model_loads_and_gives_its_golden_output() {
    let folder = tempfile::tempdir().unwrap();
    run(&options(folder.path().join("run"), 2)).unwrap();
    let out = folder.path().join("model");
    assert_eq!(
        export(&folder.path().join("run"), &out, StoredAs::F16).unwrap(),
        2
    );
    let files = folder::read(&out).unwrap();
    let device = Device::flex();
    let pipeline = Pipeline::from_folder(&files, &device).unwrap();
    let golden: walkback::pipeline::Golden = serde_json::from_str(&files.golden.unwrap()).unwrap();
    let output = pollster::block_on(pipeline.golden_output()).unwrap();
    assert_eq!(output, golden.eps);
    assert_eq!(pipeline.labels().null, Some(10));
}
