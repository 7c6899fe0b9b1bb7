//! `walkback eval`: how good a model is, in numbers.

mod progress;
mod quality;
mod table;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::ValueEnum;
use serde::Serialize;
use walkback::eval::check_fit;
use walkback::eval::samples::Setting;
use walkback::folder::{self, write_file};
use walkback::pipeline::Pipeline;
use walkback::train::download;
use walkback::train::idx::{Dataset, Split};

use crate::device::{DeviceArg, limit_threads};

/// Judge a model: what test images cost in bits, and how its samples look to a classifier
///
/// The samples are read by a small classifier that is trained on the same training images, once, and kept in the user's
/// cache. Its features give the Frechet distance, which says something only beside that of real training images.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model folder
    #[arg(long, value_name = "DIR", default_value = "pretrained/mnist")]
    model: PathBuf,

    /// Folder of IDX files, training and test images (`t10k-images-idx3-ubyte`, ...) [default: MNIST, downloaded]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Only one half of it
    #[arg(long, value_enum)]
    only: Option<Half>,

    /// How to draw, as SAMPLER[:STEPS[:GUIDANCE[:ETA]]]; give it several times to compare [default: ddpm:250:1]
    #[arg(long = "setting", value_name = "SETTING")]
    settings: Vec<Setting>,

    /// Samples of each class
    #[arg(long, value_name = "N", default_value_t = 100)]
    samples: usize,

    /// Seed of everything random
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,

    /// Folder for eval.json and the pictures
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Print all numbers as JSON instead of tables
    #[arg(long)]
    json: bool,

    /// Where the model computes; the classifier is always on the CPU
    #[arg(long, value_enum, default_value_t)]
    device: DeviceArg,

    /// Threads of the CPU [default: one per core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// Value of `--only`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Half {
    /// The samples before the classifier
    Samples,
}

/// Everything that was found out.
#[derive(Debug, Serialize)]
struct Report {
    model: String,
    seed: u64,
    training_images: usize,
    test_images: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    samples: Option<quality::Quality>,
    seconds: f64,
}

/// Judges the model and prints what was found.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let started = Instant::now();
    limit_threads(args.threads)?;
    let device = args.device.open()?;
    let files = folder::read(&args.model)?;
    let pipeline = Pipeline::from_folder(&files, &device)
        .with_context(|| format!("{} cannot be used", args.model.display()))?;
    let (train, test) = data(args.data.as_deref())?;
    for (data, what) in [(&train, "training"), (&test, "test")] {
        check_fit(&pipeline.spec(), pipeline.labels().names.len(), data, what)?;
    }
    ensure!(
        test.classes() <= train.classes(),
        "the test images have {} classes, the training images only {}: the two must come from the same set",
        test.classes(),
        train.classes()
    );
    let samples = quality::judge(args, &pipeline, &train, &test)?;
    let report = Report {
        model: args.model.display().to_string(),
        seed: args.seed,
        training_images: train.len(),
        test_images: test.len(),
        samples: Some(samples),
        seconds: started.elapsed().as_secs_f64(),
    };
    let json = serde_json::to_string_pretty(&report)?;
    if let Some(out) = &args.out {
        write_file(&out.join("eval.json"), json.as_bytes())?;
    }
    if args.json {
        println!("{json}");
    } else {
        print!("{}", table::text(&report));
    }
    Ok(())
}

/// Training and test images of a folder, or of MNIST, which is downloaded the first time.
fn data(dir: Option<&Path>) -> anyhow::Result<(Dataset, Dataset)> {
    let dir = match dir {
        Some(dir) => dir.to_owned(),
        None => download::mnist()?,
    };
    Ok((
        Dataset::from_dir(&dir, Split::Train)?,
        Dataset::from_dir(&dir, Split::Test)?,
    ))
}
