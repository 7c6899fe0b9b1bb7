//! Training on real digits: it learns, it resumes to the bit, and what it exports can be read.

#![cfg(feature = "native")]

use burn::tensor::Device;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use walkback::chain::{Chain, ChainOptions};
use walkback::data::Dataset;
use walkback::data::idx::Split;
use walkback::folder::{self, ModelFolder};
use walkback::pipeline::Labels;
use walkback::schedule::{SchedulerConfig, VarianceType};
use walkback::train::checkpoint::Progress;
use walkback::train::export::export;
use walkback::train::learning_rate::{self, End, LrDecay};
use walkback::train::loss::Loss;
use walkback::train::preset::Preset;
use walkback::train::run_config::RunConfig;
use walkback::train::trainer::{
    FirstWeights, StepReport, TrainError, TrainOptions, Watcher, train,
};
use walkback::unet::UNet;
use walkback::unet::weights::StoredAs;

#[derive(Default)]
struct Record {
    losses: Vec<f64>,
    rates: Vec<f64>,
    saved: Vec<u64>,
    stop_after: Option<u64>,
}

impl Watcher for Record {
    fn started(&mut self, _: Progress, _: Option<End>) {}
    fn stepped(&mut self, report: &StepReport) -> bool {
        self.losses.push(report.loss);
        self.rates.push(report.learning_rate);
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
        loss: Loss::Simple,
        batch_size: 16,
        accumulate: 1,
        learning_rate: 2e-3,
        warmup: 10,
        lr_decay: LrDecay::Cosine,
        end: None,
        weight_decay: 0.0,
        max_grad_norm: 1.0,
        ema_decay: 0.99,
        label_dropout: 0.1,
        seed: 4,
        data: None,
        preparation: Default::default(),
    };
    TrainOptions {
        run,
        config,
        data: Arc::new(data),
        first_weights: FirstWeights::Fresh,
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
fn a_prolonged_run_is_the_longer_one_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    // A rate that does not fall does not depend on where the run was meant to end.
    let constant = |name: &str, steps| {
        let mut options = options(folder.path().join(name), steps);
        options.config.lr_decay = LrDecay::Constant;
        options
    };
    let whole = run(&constant("whole", 9)).unwrap();
    let mut first = constant("parts", 5);
    let mut losses = run(&first).unwrap().losses;
    first.first_weights = FirstWeights::Resume;
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
fn a_run_stopped_early_and_resumed_is_the_uninterrupted_one_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let whole = run(&options(folder.path().join("whole"), 8)).unwrap();

    let mut part = options(folder.path().join("part"), 8);
    let mut record = Record {
        stop_after: Some(3),
        ..Record::default()
    };
    train(&part, &Device::flex().autodiff(), &mut record).unwrap();
    // Neither steps nor time: the run knows its end.
    part.config = RunConfig::read(&part.run).unwrap();
    (part.first_weights, part.steps) = (FirstWeights::Resume, None);
    let rest = run(&part).unwrap();
    assert_eq!([record.losses, rest.losses].concat(), whole.losses);
    assert_eq!([record.rates, rest.rates].concat(), whole.rates);
    assert!(whole.rates[7] < whole.rates[6], "the cosine is at work");
}

#[test]
fn the_rate_rises_to_its_base_and_falls_to_nothing_by_steps_as_by_time() {
    let at = |step, elapsed_s| Progress { step, elapsed_s };
    let rate = |decay, end, progress| learning_rate::rate(0.5, 10, decay, Some(end), progress);
    let (cosine, constant) = (LrDecay::Cosine, LrDecay::Constant);
    let by_steps = |step| rate(cosine, End::Steps(1000), at(step, 0.0));
    assert_eq!(by_steps(0), 0.05);
    assert!((by_steps(9) - 0.5).abs() < 1e-3);
    assert!((by_steps(500) - 0.25).abs() < 1e-12);
    assert!(by_steps(999) > 0.0 && by_steps(999) < 1e-5);

    let by_time = |elapsed_s| rate(cosine, End::Seconds(60.0), at(500, elapsed_s));
    assert!((by_time(30.0) - by_steps(500)).abs() < 1e-12);
    assert_eq!(by_time(61.0), 0.0);
    assert_eq!(rate(constant, End::Steps(1000), at(999, 0.0)), 0.5);
    assert_eq!(
        learning_rate::rate(0.5, 10, cosine, None, at(10_000, 0.0)),
        0.5
    );
}

#[test]
fn a_run_from_before_the_rate_could_fall_keeps_it_constant() {
    let config = options(PathBuf::new(), 1).config;
    let mut json = serde_json::to_value(&config).unwrap();
    for key in ["lr_decay", "end", "loss"] {
        assert!(json.as_object_mut().unwrap().remove(key).is_some());
    }
    let old: RunConfig = serde_json::from_value(json).unwrap();
    let constant = RunConfig {
        lr_decay: LrDecay::Constant,
        ..config
    };
    assert_eq!(old, constant);
}

#[test]
fn a_run_that_cannot_start_leaves_the_folder_free_for_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path().join("run"), 1);
    let foreign = ModelFolder {
        unet_config: String::new(),
        scheduler_config: String::new(),
        labels: None,
        golden: None,
        weights: vec![0; 16],
        notes: Vec::new(),
    };
    options.first_weights = FirstWeights::Model(Box::new(foreign));
    assert!(run(&options).is_err());
    options.first_weights = FirstWeights::Fresh;
    assert_eq!(run(&options).unwrap().saved, [1]);
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
    // The checkpoints are the run, also where the file that describes it is lost.
    std::fs::remove_file(options.run.join("run.json")).unwrap();
    let error = run(&options).err().unwrap();
    assert!(matches!(error, TrainError::RunExists(_)), "{error}");
}

#[test]
fn of_trainings_that_start_at_once_one_gets_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut quick = options(folder.path().join("run"), 1);
    quick.config.batch_size = 2;
    // Looking through this many labels takes longer than the other training, which therefore starts and ends between this
    // one's first look at the folder and its lock.
    let mut slow = quick.clone();
    slow.steps = Some(3);
    let data = Dataset {
        labels: vec![0; 1 << 30],
        ..quick.data.select(&[])
    };
    slow.data = Arc::new(data);
    let late = std::thread::spawn(move || run(&slow).map(|record| record.saved));
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert_eq!(run(&quick).unwrap().saved, [1]);
    let late = late.join().unwrap();
    let refused = matches!(late, Err(TrainError::RunExists(_) | TrainError::Busy(_)));
    assert!(refused, "{late:?}");
    let checkpoints = quick.run.join("checkpoints");
    let names: Vec<_> = std::fs::read_dir(checkpoints)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["step-000000001"]);
}

#[test]
fn gradients_that_overflow_end_the_training_before_they_are_applied() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path().join("run"), 2);
    options.checkpoint_every = 1;
    // The last convolution, which begins at zero, gets weights so large that the loss is finite and the square of a gradient
    // is not.
    let unet = UNet::new(&options.config.unet, &Device::flex()).unwrap();
    let weights = unet.to_safetensors(StoredAs::F32).unwrap();
    let tensors = SafeTensors::deserialize(&weights).unwrap();
    let large = 1e15_f32
        .to_le_bytes()
        .repeat(tensors.tensor("conv_out.weight").unwrap().data().len() / 4);
    let views = tensors.iter().map(|(name, view)| match name {
        "conv_out.weight" => (
            name,
            TensorView::new(Dtype::F32, view.shape().to_vec(), &large).unwrap(),
        ),
        _ => (name, view),
    });
    let weights = safetensors::serialize(views, None).unwrap();
    options.first_weights = FirstWeights::Model(Box::new(ModelFolder {
        unet_config: String::new(),
        scheduler_config: String::new(),
        labels: None,
        golden: None,
        weights,
        notes: Vec::new(),
    }));
    let error = run(&options).err().unwrap().to_string();
    assert!(
        error.starts_with("the norm of the gradients is inf at step 1: training has diverged"),
        "{error}"
    );
    assert!(!options.run.join("checkpoints").exists());
}

#[test]
fn labels_that_the_network_has_no_place_for_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path().join("run"), 1);
    options.config.labels.null = Some(99);
    let error = run(&options).err().unwrap().to_string();
    assert!(error.contains("the null label 99"), "{error}");
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
    let pipeline = files.pipeline(&device).unwrap();
    let golden: walkback::pipeline::Golden = serde_json::from_str(&files.golden.unwrap()).unwrap();
    let output = pollster::block_on(pipeline.golden_output()).unwrap();
    assert_eq!(output, golden.eps);
    assert_eq!(pipeline.labels().null, Some(10));
}

#[test]
fn a_learned_variance_trains_resumes_and_samples() {
    let folder = tempfile::tempdir().unwrap();
    let hybrid = |name: &str, steps| {
        let mut options = options(folder.path().join(name), steps);
        options.config.loss = Loss::Hybrid;
        options.config.lr_decay = LrDecay::Constant;
        options.config.unet.out_channels = 2;
        options.config.scheduler.variance_type = VarianceType::LearnedRange;
        options
    };
    let whole = run(&hybrid("whole", 4)).unwrap().losses;
    let mut part = hybrid("part", 2);
    let first = run(&part).unwrap().losses;
    (part.first_weights, part.steps) = (FirstWeights::Resume, Some(4));
    assert_eq!([first, run(&part).unwrap().losses].concat(), whole);

    let out = folder.path().join("model");
    export(&folder.path().join("whole"), &out, StoredAs::F16).unwrap();
    let pipeline = folder::read(&out)
        .unwrap()
        .pipeline(&Device::flex())
        .unwrap();
    let variance_type = pipeline.scheduler().variance_type;
    assert_eq!(variance_type, VarianceType::LearnedRange);
    assert_eq!(pipeline.spec().out_channels, 2);
    let options = ChainOptions {
        num_inference_steps: 3,
        ..ChainOptions::default()
    };
    let mut chain = Chain::new(pipeline.scheduler(), &pipeline.spec(), options).unwrap();
    while !chain.is_done() {
        pollster::block_on(chain.step(&pipeline)).unwrap();
    }
    assert!(chain.x_t().iter().all(|x| x.is_finite()));
}

#[test]
fn a_loss_that_does_not_go_with_the_variance_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |loss, variance_type, out_channels, part: &str| {
        let mut options = options(folder.path().join("run"), 1);
        options.config.loss = loss;
        options.config.unet.out_channels = out_channels;
        options.config.scheduler.variance_type = variance_type;
        let error = run(&options).err().unwrap().to_string();
        assert!(error.contains(part), "no `{part}` in: {error}");
    };
    refused(
        Loss::Hybrid,
        VarianceType::FixedSmall,
        1,
        "--variance learned_range",
    );
    refused(Loss::Simple, VarianceType::LearnedRange, 2, "--loss hybrid");
    refused(Loss::Hybrid, VarianceType::LearnedRange, 1, "out_channels");
    refused(Loss::MinSnr, VarianceType::FixedSmall, 2, "out_channels");
    refused(Loss::Hybrid, VarianceType::Learned, 2, "learned_range can");
}
