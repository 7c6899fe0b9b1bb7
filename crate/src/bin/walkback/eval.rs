//! `walkback eval`: how good a model is, in numbers.

mod quality;
mod table;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, anyhow, ensure};
use burn::tensor::Device;
use clap::ValueEnum;
use serde::Serialize;
use walkback::data::Dataset;
use walkback::data::download;
use walkback::data::idx::Split;
use walkback::eval::best::Best;
use walkback::eval::bound::{self, Bound, Plan, bound};
use walkback::eval::plot::bound_png;
use walkback::eval::samples::Setting;
use walkback::folder::layout::BEST;
use walkback::folder::write_file;
use walkback::pipeline::Pipeline;
use walkback::sampler::SamplerKind;

use crate::bar::Bar;
use crate::device::{DeviceArg, limit_threads};
use crate::images::PreparationArgs;
use crate::model::ModelArgs;

/// Terms of the default: every one of MNIST's test images once, a thousand for each row of the table.
const DRAWS: usize = 10_000;
/// The default of --images.
const FULL_IMAGES: usize = 100;

/// Evaluate a model: the cost of test images in bits, and the quality of its samples
///
/// A small classifier reads the samples. It is trained once, on the same training images, and kept in the user's cache. Its
/// features give the Frechet distance, which is meaningful only in comparison with that of real training images.
#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,

    /// Folder of IDX files, training and test images (`t10k-images-idx3-ubyte`, ...), or of images in folders `train` and
    /// `test` [default: MNIST, downloaded]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// As for `walkback train`: what the model was trained with, so that it is judged by the same images
    #[command(flatten)]
    images_as: PreparationArgs,

    /// Compute only this part
    #[arg(long, value_enum)]
    only: Option<Half>,

    /// Pairs of a test image and a timestep to estimate the bound from [default: 10000]
    #[arg(long, value_name = "N", conflicts_with = "full")]
    draws: Option<usize>,

    /// Compute every timestep of --images test images instead
    #[arg(long)]
    full: bool,

    /// Number of random test images for --full [default: 100, or all if there are fewer]
    #[arg(long, value_name = "N", requires = "full")]
    images: Option<usize>,

    /// Sampling setting, as SAMPLER[:STEPS[:GUIDANCE[:ETA]]]; repeat it to compare several
    #[arg(long = "setting", value_name = "SETTING", default_value = "ddpm")]
    settings: Vec<Setting>,

    /// Samples per class
    #[arg(long, value_name = "N", default_value_t = 100)]
    samples: usize,

    /// Random seed
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,

    /// Number of seeds to draw each setting with, from --seed on; the mean of their results is printed
    #[arg(long, value_name = "N", default_value_t = 1)]
    seeds: u64,

    /// Also measure which guidance and number of steps suit the model with this sampler, and write best.json to its folder
    ///
    /// Draws samples at several guidance scales, then with several numbers of steps. The page shows the result beside its
    /// sliders.
    #[arg(long, value_name = "SAMPLER", num_args = 0..=1, default_missing_value = "dpm++"
)]
    best: Option<SamplerKind>,

    /// Folder for eval.json and the pictures
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Print all numbers as JSON instead of tables
    #[arg(long)]
    json: bool,

    /// Where to compute; the classifier always runs on the CPU
    #[arg(long, value_enum, default_value_t)]
    device: DeviceArg,

    /// CPU threads [default: one per core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// Value of `--only`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Half {
    /// The variational bound on the test images
    Bound,
    /// The samples, judged by the classifier
    Samples,
}

/// All results.
#[derive(Debug, Serialize)]
struct Report {
    model: String,
    seed: u64,
    test_images: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    bound: Option<Bound>,
    #[serde(skip_serializing_if = "Option::is_none")]
    samples: Option<quality::Quality>,
    #[serde(skip_serializing_if = "Option::is_none")]
    best: Option<Best>,
    seconds: f64,
}

/// Judges the model and prints the results.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let started = Instant::now();
    ensure!(
        args.best.is_none() || args.only != Some(Half::Bound),
        "--best judges samples, and --only bound leaves them out: give one of the two"
    );
    limit_threads(args.threads)?;
    let files = args.model.read()?;
    let mut pipeline = files
        .pipeline(&Device::flex())
        .with_context(|| format!("{} cannot be used", args.model.model.display()))?;
    args.device.take_over(&mut pipeline)?;
    let samples = args.only != Some(Half::Bound);
    let dir = match &args.data {
        Some(dir) => dir.clone(),
        None => download::mnist()?,
    };
    let train = samples
        .then(|| args.images_as.read(&dir, Split::Train, &pipeline, None))
        .transpose()?;
    let classes = train.as_ref().map_or(&[][..], |train| &train.names);
    let test = args
        .images_as
        .read(&dir, Split::Test, &pipeline, Some(classes))?
        .data;
    let train = train.map(|train| train.data);
    let plan = plan(args, test.len());
    let bounded = args.only != Some(Half::Samples);
    if bounded {
        // All options are checked before anything takes time.
        bound::check(&pipeline, test.len(), plan)?;
    }
    let prepared = train
        .as_ref()
        .map(|train| quality::prepare(args, &pipeline, train, &test))
        .transpose()?;
    let mut report = Report {
        model: args.model.model.display().to_string(),
        seed: args.seed,
        test_images: test.len(),
        bound: None,
        samples: None,
        best: None,
        seconds: 0.0,
    };
    // Each half is shown as soon as it is known: the other may take long.
    print(args, || table::header(&report));
    if bounded {
        let found = likelihood(args, &pipeline, &test, plan)?;
        print(args, || table::bound(&found));
        report.bound = Some(found);
        report.write(args, started)?;
    }
    if let Some(prepared) = prepared {
        let found = prepared.judge()?;
        print(args, || table::quality(&found));
        report.samples = Some(found);
        report.write(args, started)?;
        if let Some(sampler) = args.best {
            let found = prepared.best(sampler)?;
            let json = serde_json::to_string_pretty(&found)?;
            write_file(&args.model.model.join(BEST), json.as_bytes())?;
            print(args, || table::best(&found));
            report.best = Some(found);
            report.write(args, started)?;
        }
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    }
    Ok(())
}

/// Prints a part of the report for a person.
fn print(args: &Args, text: impl FnOnce() -> String) {
    if !args.json {
        print!("{}", text());
    }
}

impl Report {
    /// Writes `eval.json` with the results so far, if a folder was given.
    fn write(&mut self, args: &Args, started: Instant) -> anyhow::Result<()> {
        self.seconds = started.elapsed().as_secs_f64();
        if let Some(out) = &args.out {
            let json = serde_json::to_string_pretty(self)?;
            write_file(&out.join("eval.json"), json.as_bytes())?;
        }
        Ok(())
    }
}

/// Which terms are computed.
fn plan(args: &Args, test_images: usize) -> Plan {
    if args.full {
        let images = args.images.unwrap_or(FULL_IMAGES.min(test_images));
        Plan::Full { images }
    } else {
        let draws = args.draws.unwrap_or(DRAWS);
        Plan::Strata { draws }
    }
}

/// The bound, and its plot if a folder was given.
fn likelihood(
    args: &Args,
    pipeline: &Pipeline,
    test: &Dataset,
    plan: Plan,
) -> anyhow::Result<Bound> {
    let bar = Bar::new("computing the bound");
    let found = bound(pipeline, test, plan, args.seed, |i, n| bar.set(i, n))?;
    drop(bar);
    if let Some(out) = &args.out {
        let png = bound_png(&found).map_err(|e| anyhow!("the bound cannot be drawn: {e}"))?;
        write_file(&out.join("bound.png"), &png)?;
    }
    Ok(found)
}
