//! What a training refuses before it starts, each by the name of its option.

use super::table::Table;
use burn::tensor::Device;
use std::sync::Arc;
use walkback::data::Dataset;
use walkback::pipeline::Labels;
use walkback::schedule::{PredictionType, SchedulerConfig, VarianceType};
use walkback::train::checkpoint::Progress;
use walkback::train::learning_rate::{End, LrDecay};
use walkback::train::loss::Loss;
use walkback::train::preset::Preset;
use walkback::train::run_config::RunConfig;
use walkback::train::trainer::{FirstWeights, StepReport, TrainOptions, Watcher, train};
use walkback::unet::UNet;

/// A training that can start.
fn possible() -> TrainOptions {
    let config = RunConfig {
        unet: Preset::Tiny.unet([1, 8, 8], 2),
        scheduler: SchedulerConfig::default(),
        labels: Labels {
            names: vec!["a".into(), "b".into()],
            null: Some(2),
        },
        loss: Loss::Simple,
        batch_size: 2,
        accumulate: 1,
        learning_rate: 1e-3,
        warmup: 1,
        lr_decay: LrDecay::Constant,
        end: None,
        weight_decay: 0.0,
        max_grad_norm: 1.0,
        ema_decay: 0.99,
        label_dropout: 0.1,
        seed: 0,
        data: None,
        preparation: Default::default(),
    };
    let data = Dataset {
        images: (0..=255).collect(),
        labels: vec![0, 1, 0, 1],
        height: 8,
        width: 8,
        channels: 1,
    };
    TrainOptions {
        run: Default::default(),
        config,
        data: Arc::new(data),
        first_weights: FirstWeights::Fresh,
        steps: Some(1),
        time: None,
        checkpoint_every: 0,
        sample_every: 0,
    }
}

/// Nobody is there to stop it.
struct Nobody;

impl Watcher for Nobody {
    fn started(&mut self, _: Progress, _: Option<End>) {}
    fn stepped(&mut self, _: &StepReport) -> bool {
        true
    }
    fn sample(&mut self, _: u64, _: &UNet, _: &RunConfig) {}
    fn saved(&mut self, _: u64) {}
}

/// A case: its name, what is changed, and the sentence.
type Case = (&'static str, fn(&mut TrainOptions), &'static str);

/// A learned variance, which the hybrid loss trains.
fn learned(options: &mut TrainOptions) {
    options.config.loss = Loss::Hybrid;
    options.config.unet.out_channels = 2;
    options.config.scheduler.variance_type = VarianceType::LearnedRange;
}

#[test]
fn every_impossible_training_has_its_sentence() {
    let cases: [Case; 24] = [
        (
            "no images",
            |o| o.data = Arc::new(o.data.select(&[])),
            "the data set has no images",
        ),
        (
            "images of another size",
            |o| o.config.unet.sample_size = [12, 8],
            "the images are 1x8x8, but the network takes 1x12x8; change sample_size and in_channels with --unet",
        ),
        (
            "more classes than labels",
            |o| o.config.unet.num_class_embeds = Some(1),
            "labels.json: it names 2 classes and the null label 2, but the model has 1 labels",
        ),
        (
            "more classes than names",
            |o| o.config.labels.names.truncate(1),
            "the data has 2 classes, but the model has names for 1, without the null label",
        ),
        (
            "no image in a batch",
            |o| o.config.batch_size = 0,
            "--batch-size must be at least 1",
        ),
        (
            "no piece of a batch",
            |o| o.config.accumulate = 0,
            "--accumulate is 0, which does not divide the 2 images of a step into equal pieces; choose a divisor of --batch-size",
        ),
        (
            "pieces of several sizes",
            |o| (o.config.batch_size, o.config.accumulate) = (8, 3),
            "--accumulate is 3, which does not divide the 8 images of a step into equal pieces; choose a divisor of --batch-size",
        ),
        (
            "a negative rate",
            |o| o.config.learning_rate = -1e-3,
            "--lr is -0.001; it must lie between 0 and 1",
        ),
        (
            "a rate that is no number",
            |o| o.config.learning_rate = f64::NAN,
            "--lr is NaN; it must lie between 0 and 1",
        ),
        (
            "an average beyond 1",
            |o| o.config.ema_decay = 1.5,
            "--ema-decay is 1.5; it must lie between 0 and 1",
        ),
        (
            "labels dropped too often",
            |o| o.config.label_dropout = 2.0,
            "--label-dropout is 2; it must lie between 0 and 1",
        ),
        (
            "labels dropped NaN times",
            |o| o.config.label_dropout = f64::NAN,
            "--label-dropout is NaN; it must lie between 0 and 1",
        ),
        (
            "T = 0",
            |o| o.config.scheduler.num_train_timesteps = 0,
            "scheduler configuration: `num_train_timesteps`: is 0; a chain needs at least one timestep",
        ),
        (
            "a negative beta",
            |o| o.config.scheduler.beta_start = -0.1,
            "scheduler configuration: `beta_start`: is -0.1; it must lie in (0, 1)",
        ),
        (
            "no level",
            |o| o.config.unet.block_out_channels.clear(),
            "unet/config.json is not valid: block_out_channels has 0 levels; give 1 to 16",
        ),
        (
            "groups that do not divide",
            |o| o.config.unet.norm_num_groups = Some(7),
            "unet/config.json is not valid: norm_num_groups is 7, which does not divide the 16 channels of a normalisation",
        ),
        (
            "no run to resume",
            |o| o.first_weights = FirstWeights::Resume,
            "DIR/run: no checkpoint to resume from. Start without --resume, or give the run's folder",
        ),
        (
            "hybrid loss, fixed variance",
            |o| o.config.loss = Loss::Hybrid,
            "--loss hybrid trains a learned variance, and this model's is fixed; use --variance learned_range, or --loss simple",
        ),
        (
            "learned variance, simple loss",
            |o| {
                learned(o);
                o.config.loss = Loss::Simple;
            },
            "--loss simple does not train a learned variance; use --loss hybrid, or --variance fixed",
        ),
        (
            "learned variance, no channels for it",
            |o| {
                learned(o);
                o.config.unet.out_channels = 1;
            },
            "a learned variance needs a network with twice as many out_channels as in_channels, not 1 for 1",
        ),
        (
            "channels for no learned variance",
            |o| {
                o.config.loss = Loss::MinSnr;
                o.config.unet.out_channels = 2;
            },
            "a network without a learned variance needs as many out_channels as in_channels, not 2 for 1",
        ),
        (
            "a variance that is learned outright",
            |o| {
                learned(o);
                o.config.scheduler.variance_type = VarianceType::Learned;
            },
            "variance_type learned cannot be trained; learned_range can",
        ),
        (
            "the bound where nothing is left of the image",
            |o| {
                learned(o);
                o.config.scheduler.rescale_betas_zero_snr = true;
            },
            "--loss hybrid minimises the bound, and at timestep 999 x_t contains nothing of x_0, so an epsilon prediction does not determine x_0, and the bound has no term; use --prediction v_prediction, or betas without a zero terminal SNR",
        ),
        (
            "weights of another network",
            |o| {
                let foreign = walkback::folder::ModelFolder {
                    unet_config: String::new(),
                    scheduler_config: String::new(),
                    labels: None,
                    golden: None,
                    weights: vec![0; 16],
                    notes: Vec::new(),
                };
                o.first_weights = FirstWeights::Model(Box::new(foreign));
            },
            "the weights cannot be read: invalid JSON in header: EOF while parsing a value at line 1 column 0. They must be a whole safetensors file",
        ),
    ];
    let mut table = Table::default();
    for (case, change, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let mut options = possible();
        options.run = folder.path().join("run");
        change(&mut options);
        let found = train(&options, &Device::flex().autodiff(), &mut Nobody);
        let name = folder.path().display().to_string();
        let found = found.map_err(|error| error.to_string().replace(&name, "DIR"));
        table.holds(case, found, expected);
        assert!(
            !options.run.join("run.json").exists(),
            "{case} leaves no run"
        );
    }
    table.end(21);

    // The same without any change, and with what makes a bound out of a chain that ends in nothing but noise, can start.
    let v = |options: &mut TrainOptions| {
        learned(options);
        options.config.scheduler.rescale_betas_zero_snr = true;
        options.config.scheduler.prediction_type = PredictionType::VPrediction;
    };
    for change in [|_: &mut TrainOptions| (), v] {
        let folder = tempfile::tempdir().unwrap();
        let mut options = possible();
        options.run = folder.path().join("run");
        change(&mut options);
        train(&options, &Device::flex().autodiff(), &mut Nobody).unwrap();
    }
}
