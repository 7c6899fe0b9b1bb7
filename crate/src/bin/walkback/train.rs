//! `walkback train`: from images to a run folder.

mod data;
mod watcher;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use burn::tensor::Device;
use walkback::data::ImageSet;
use walkback::data::images;
use walkback::folder::{self, ModelFolder, Which};
use walkback::pipeline::Labels;
use walkback::schedule::{BetaSchedule, PredictionType, SchedulerConfig, Spacing, VarianceType};
use walkback::train::learning_rate::LrDecay;
use walkback::train::loss::Loss;
use walkback::train::preset::{Hyperparameters, Preset};
use walkback::train::run_config::RunConfig;
use walkback::train::trainer::{Computer, FirstWeights, TrainOptions, train_on};
use walkback::unet::UNetConfig;

use crate::device::{DeviceArg, limit_threads};
use crate::images::PreparationArgs;
use crate::model::folder_of;
use watcher::Terminal;

/// Train a model on MNIST, on any other IDX set, or on a folder of images
///
/// Without --data, MNIST is downloaded once. A folder with one folder of images for each class makes a model that draws the
/// class you ask for; a single folder of images makes a model without classes. Size and colour are detected, and every
/// conversion is printed. The run folder holds checkpoints, metrics.csv, a loss curve and grids of samples. Ctrl-C finishes
/// the step and saves; --resume continues from there.
///
/// A run that ends at a step (--steps, or neither option) can be repeated and resumed bit for bit on the same machine.
/// A run that ends after a time (--minutes) cannot, because its learning rate follows the clock.
#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub struct Args {
    /// Folder of images (PNG, JPEG, WebP, GIF, BMP, TIFF), one folder per class or all in one, or a zip of it; or a folder of
    /// IDX files (`train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, gzipped or not) [default: MNIST, downloaded]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// The run folder
    #[arg(long, value_name = "DIR", default_value = "runs/mnist")]
    out: PathBuf,

    /// Crop and resize the images to N x N pixels [default: their own size if they share one of at most 64; else 32]
    #[arg(long, value_name = "N", conflicts_with_all = ["resume", "init", "unet"])]
    size: Option<usize>,

    #[command(flatten)]
    images_as: PreparationArgs,

    /// Preset: mnist, images, or tiny, which shows something within minutes [default: images for a folder of images]
    #[arg(long, value_name = "NAME")]
    preset: Option<Preset>,

    /// A U-Net configuration in the format of diffusers, instead of the preset's
    #[arg(long, value_name = "JSON", conflicts_with_all = ["resume", "init"])]
    unet: Option<PathBuf>,

    /// How the noise grows with t: linear, scaled_linear, squaredcos_cap_v2 or sigmoid [default: linear]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["resume", "init"])]
    schedule: Option<BetaSchedule>,

    /// T, the length of the chain [default: 1000]
    #[arg(long, value_name = "T", conflicts_with_all = ["resume", "init"])]
    timesteps: Option<usize>,

    /// What the network learns to predict: epsilon, sample, v_prediction, or flow for flow matching [default: epsilon]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["resume", "init"])]
    prediction: Option<PredictionType>,

    /// The loss: simple, min-snr, or hybrid for a learned variance [default: the preset's, or hybrid with
    /// --variance learned_range]
    #[arg(long, value_name = "NAME", conflicts_with = "resume")]
    loss: Option<Loss>,

    /// The variance of a step back: fixed, or learned_range for a network that learns it [default: the one that fits the
    /// loss]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["resume", "init"])]
    variance: Option<VarianceArg>,

    /// Resume from the last checkpoint in the run folder, with the options and the end of the original command
    ///
    /// --steps or --minutes set another end. The learning rate is then that of a run with this end at the same step, so a
    /// finished run continues at a higher rate than it stopped with. To split a run of N steps into parts of M minutes, give
    /// --steps N --minutes M every time.
    #[arg(long, conflicts_with_all = ["init", "batch_size", "warmup", "ema_decay", "label_dropout", "seed", "background", "fit", "skip_broken"])]
    resume: bool,

    /// Start from the weights of a model: a folder, or a name as for --model
    #[arg(long, value_name = "DIR|NAME")]
    init: Option<PathBuf>,

    /// Where to compute
    #[arg(long, value_enum, default_value_t)]
    device: DeviceArg,

    /// Stop after M minutes from now; without --steps, this ends the run
    #[arg(long, value_name = "M", allow_negative_numbers = true)]
    minutes: Option<f64>,

    /// Total steps of the run [default: the preset's, unless --minutes is given]
    #[arg(long, value_name = "N")]
    steps: Option<u64>,

    /// Images per step [default: the preset's]
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,

    /// Compute each step in N equal pieces, one after the other: a step's memory is that of a piece, its result the same
    /// [default: 1]
    #[arg(long, value_name = "N")]
    accumulate: Option<usize>,

    /// Learning rate after warm-up [default: the preset's]
    #[arg(long, value_name = "RATE")]
    lr: Option<f64>,

    /// Steps over which the learning rate rises from 0 [default: the preset's]
    #[arg(long, value_name = "STEPS")]
    warmup: Option<u64>,

    /// How the learning rate changes after warm-up: cosine (falls to 0 at the end of the run) or constant [default: cosine]
    #[arg(long, value_name = "NAME")]
    lr_decay: Option<LrDecay>,

    /// Decay of the averaged weights, which are exported [default: the preset's]
    #[arg(long, value_name = "D")]
    ema_decay: Option<f64>,

    /// Share of labels hidden from the network, which makes guidance possible [default: 0.1]
    #[arg(long, value_name = "P")]
    label_dropout: Option<f64>,

    /// Random seed [default: 0]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,

    /// CPU threads [default: one per core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,

    /// Steps between grids of samples; 0 for none
    #[arg(long, value_name = "STEPS", default_value_t = 1000)]
    sample_every: u64,

    /// Steps between checkpoints; one is always written at the end
    #[arg(long, value_name = "STEPS", default_value_t = 500)]
    checkpoint_every: u64,
}

/// Value of `--variance`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum VarianceArg {
    /// The posterior's, beta~ (Ho et al. 2020, section 3.2)
    Fixed,
    /// Between beta~ and beta, pixel by pixel, where the network says (Nichol & Dhariwal 2021, eq. 15)
    #[value(name = "learned_range")]
    LearnedRange,
}

/// Trains until the chosen end or Ctrl-C.
pub fn run(args: &Args) -> anyhow::Result<()> {
    limit_threads(args.threads)?;
    let gpu = args.device.gpu()?;
    let time = time(args)?;
    let resumed = args
        .resume
        .then(|| RunConfig::read(&args.out))
        .transpose()?;
    let folder = args.data.clone().or_else(|| resumed.as_ref()?.data.clone());
    let given = given(args, resumed)?;
    let wanted = data::wanted(args.size, args.images_as.preparation(), given.as_ref())?;
    let found = data::open(folder.as_deref(), &wanted)?;
    data::print(&found, &args.out);
    let options = options(args, time, folder, given, found)?;
    let mut terminal = Terminal::new(&options, gpu.clone())?;
    let computer = match gpu {
        Some(gpu) => Computer::Gpu(gpu),
        None => Computer::Burn(Device::flex().autodiff()),
    };
    let trained = train_on(&options, &computer, &mut terminal);
    let reported = terminal.finish();
    if let (Err(_), Err(error)) = (&trained, &reported) {
        eprintln!("walkback: {}", crate::sentence(error));
    }
    trained?;
    reported?;
    println!(
        "next: walkback export --run {} --out DIR",
        args.out.display()
    );
    Ok(())
}

/// The time given with `--minutes`.
fn time(args: &Args) -> anyhow::Result<Option<Duration>> {
    let Some(minutes) = args.minutes else {
        return Ok(None);
    };
    let time = Duration::try_from_secs_f64(minutes * 60.0).ok();
    let time = time.with_context(|| {
        format!("--minutes {minutes} is not a valid time; give a positive number")
    })?;
    Ok(Some(time))
}

/// What is known of the model before the images are read, which then have to fit it.
enum Given {
    /// A run that is resumed.
    Run(Box<RunConfig>),
    /// The model of `--init`.
    Model(Box<(ModelFolder, Model)>),
    /// The network of `--unet`.
    Network(Box<UNetConfig>),
}

fn given(args: &Args, resumed: Option<RunConfig>) -> anyhow::Result<Option<Given>> {
    if let Some(config) = resumed {
        return Ok(Some(Given::Run(Box::new(config))));
    }
    if let Some(dir) = &args.init {
        let folder = folder::read(&folder_of(dir, Which::default())?)?;
        let model = initial(&folder)?;
        return Ok(Some(Given::Model(Box::new((folder, model)))));
    }
    let Some(path) = &args.unet else {
        return Ok(None);
    };
    let json = folder::read_json(path)?;
    let unet = UNetConfig::from_json(&json).with_context(|| path.display().to_string())?;
    Ok(Some(Given::Network(Box::new(unet))))
}

/// The options of the trainer.
fn options(
    args: &Args,
    time: Option<Duration>,
    folder: Option<PathBuf>,
    given: Option<Given>,
    ImageSet { data, names, .. }: ImageSet,
) -> anyhow::Result<TrainOptions> {
    // Only images are read in folders of their own; IDX files say by their names what they are.
    let images = folder
        .as_deref()
        .map_or(Ok(false), images::is_folder_of_images)?;
    let preset = args.preset.unwrap_or(if images {
        Preset::Images
    } else {
        Preset::Mnist
    });
    let config = |model| run_config(args, preset.hyperparameters(), model);
    let (config, first_weights) = match given {
        Some(Given::Run(config)) => (*config, FirstWeights::Resume),
        Some(Given::Model(given)) => {
            let (folder, model) = *given;
            (config(model), FirstWeights::Model(Box::new(folder)))
        }
        Some(Given::Network(unet)) => (config(fresh(args, *unet, names)?), FirstWeights::Fresh),
        None => {
            let shape = [data.channels, data.height, data.width];
            let unet = preset.unet(shape, names.len());
            (config(fresh(args, unet, names)?), FirstWeights::Fresh)
        }
    };
    let config = RunConfig {
        learning_rate: args.lr.unwrap_or(config.learning_rate),
        lr_decay: args.lr_decay.unwrap_or(config.lr_decay),
        accumulate: args.accumulate.unwrap_or(config.accumulate),
        data: folder.map(|path| std::path::absolute(&path).unwrap_or(path)),
        ..config
    };
    let no_end = time.is_none() && config.end.is_none();
    let default_steps = no_end.then_some(preset.hyperparameters().steps);
    Ok(TrainOptions {
        run: args.out.clone(),
        config,
        data: Arc::new(data),
        first_weights,
        steps: args.steps.or(default_steps),
        time,
        checkpoint_every: args.checkpoint_every,
        sample_every: args.sample_every,
    })
}

/// What is trained: the network, its schedule and its labels.
type Model = (UNetConfig, SchedulerConfig, Labels);

/// A network with its schedule, a label for each class and the null label.
fn fresh(args: &Args, mut unet: UNetConfig, names: Vec<String>) -> anyhow::Result<Model> {
    let classes = names.len();
    let labels = match unet.num_class_embeds {
        None => Labels::default(),
        Some(embeds) => {
            ensure!(
                embeds >= classes,
                "the data has {classes} classes, but num_class_embeds is {embeds}: make it {} \
                 (a null label for guidance included), or null for a model without classes",
                classes + 1
            );
            Labels {
                names,
                null: (embeds > classes).then_some(classes),
            }
        }
    };
    let default = SchedulerConfig::default();
    let learned = match (args.variance, args.loss) {
        (Some(variance), _) => variance == VarianceArg::LearnedRange,
        (None, Some(loss)) => loss == Loss::Hybrid,
        (None, None) => unet.out_channels == 2 * unet.in_channels,
    };
    if learned && unet.out_channels == unet.in_channels {
        unet.out_channels *= 2;
    }
    let flow = args.prediction == Some(PredictionType::Flow);
    ensure!(
        !(flow && args.schedule.is_some()),
        "--prediction flow has a noise schedule of its own: leave --schedule out"
    );
    let default = SchedulerConfig {
        clip_sample: !flow,
        timestep_spacing: if flow {
            Spacing::Linspace
        } else {
            default.timestep_spacing
        },
        ..default
    };
    let scheduler = SchedulerConfig {
        beta_schedule: args.schedule.unwrap_or(default.beta_schedule),
        num_train_timesteps: args.timesteps.unwrap_or(default.num_train_timesteps),
        prediction_type: args.prediction.unwrap_or(default.prediction_type),
        variance_type: if learned {
            VarianceType::LearnedRange
        } else {
            default.variance_type
        },
        ..default
    };
    scheduler.validate()?;
    Ok((unet, scheduler, labels))
}

/// The network, schedule and labels of a model folder.
fn initial(model: &ModelFolder) -> anyhow::Result<Model> {
    let unet = UNetConfig::from_json(&model.unet_config)?;
    let scheduler = SchedulerConfig::from_json(&model.scheduler_config)
        .context("scheduler/scheduler_config.json")?;
    ensure!(
        scheduler.exploding.is_none(),
        "--init: this model is given its noise as sigma (EDM or a score network); such networks are walked here, not trained"
    );
    let labels = Labels::new(model.labels.as_deref(), unet.num_class_embeds)?;
    Ok((unet, scheduler, labels))
}

/// The hyperparameters of the preset with what the command line changes.
fn run_config(
    args: &Args,
    hyperparameters: Hyperparameters,
    (unet, scheduler, labels): Model,
) -> RunConfig {
    let loss = match scheduler.variance_type {
        VarianceType::LearnedRange => Loss::Hybrid,
        _ => hyperparameters.loss,
    };
    RunConfig {
        unet,
        scheduler,
        labels,
        loss: args.loss.unwrap_or(loss),
        batch_size: args.batch_size.unwrap_or(hyperparameters.batch_size),
        accumulate: 1,
        learning_rate: hyperparameters.learning_rate,
        warmup: args.warmup.unwrap_or(hyperparameters.warmup),
        lr_decay: LrDecay::Cosine,
        end: None,
        weight_decay: 0.0,
        max_grad_norm: 1.0,
        ema_decay: args.ema_decay.unwrap_or(hyperparameters.ema_decay),
        label_dropout: args.label_dropout.unwrap_or(0.1),
        seed: args.seed.unwrap_or(0),
        data: None,
        preparation: args.images_as.preparation(),
    }
}
