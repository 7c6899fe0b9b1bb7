//! `walkback optimum`: how near a network comes to the best possible answers for its training images.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::Context;
use burn::tensor::Device;
use walkback::data::download;
use walkback::data::idx::Split;
use walkback::eval::estimate::Estimate;
use walkback::eval::optimum::{Optimum, Plan, optimum};
use walkback::folder::layout::OPTIMUM;
use walkback::folder::write_file;

use crate::bar::Bar;
use crate::device::{DeviceArg, limit_threads};
use crate::images::PreparationArgs;
use crate::model::ModelArgs;

/// Compare a model with the best possible answers for its training images, over t, and write optimum.json to its folder
///
/// Where x_0 is one of finitely many images, the best possible eps-hat has a closed form. Its squared error and that of the
/// network are computed for the same images and noise. A class-conditional model is compared with the best answer that
/// knows the label. The page shows both curves.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,

    /// Folder of the training images: IDX files, or images in a folder `train` [default: MNIST, downloaded]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// As for `walkback train`: what the model was trained with, so that it is compared on the same images
    #[command(flatten)]
    images_as: PreparationArgs,

    /// Pairs of a training image and a noise, the same at every timestep
    #[arg(long, value_name = "N", default_value_t = 400)]
    draws: usize,

    /// Random seed
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,

    /// File to write [default: optimum.json in the model's folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Print the numbers as JSON instead of a table
    #[arg(long)]
    json: bool,

    /// Where the network computes; the best answers are computed on the CPU
    #[arg(long, value_enum, default_value_t)]
    device: DeviceArg,

    /// CPU threads [default: one per core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// Compares, writes and prints.
pub fn run(args: &Args) -> anyhow::Result<()> {
    limit_threads(args.threads)?;
    let files = args.model.read()?;
    let mut pipeline = files
        .pipeline(&Device::flex())
        .with_context(|| format!("{} cannot be used", args.model.model.display()))?;
    args.device.take_over(&mut pipeline)?;
    let dir = match &args.data {
        Some(dir) => dir.clone(),
        None => download::mnist()?,
    };
    let train = args
        .images_as
        .read(&dir, Split::Train, &pipeline, None)?
        .data;
    let plan = Plan {
        draws: args.draws,
        seed: args.seed,
    };
    let bar = Bar::new("comparing with the best answers");
    let found = optimum(
        &pipeline,
        pipeline.scheduler(),
        &pipeline.spec(),
        &train,
        plan,
        |i, n| bar.set(i, n),
    )?;
    drop(bar);
    let json = serde_json::to_string_pretty(&found)?;
    let beside = || args.model.model.join(OPTIMUM);
    write_file(&args.out.clone().unwrap_or_else(beside), json.as_bytes())?;
    if args.json {
        println!("{json}");
    } else {
        print!("{}", table(&found));
    }
    Ok(())
}

/// The curve as a person reads it.
fn table(found: &Optimum) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_table(&mut text, found);
    text
}

fn write_table(text: &mut String, found: &Optimum) -> std::fmt::Result {
    let (images, draws) = (found.images, found.draws);
    let given = if found.knows_label {
        "x_t and the label"
    } else {
        "x_t"
    };
    writeln!(
        text,
        "Squared error of eps-hat for {images} training images, from {draws} draws at each t\n"
    )?;
    writeln!(
        text,
        "{:>4} {:>22} {:>22}",
        "t", "best possible", "this model"
    )?;
    for at in &found.curve {
        let (optimum, network) = (pm(at.optimum), pm(at.network));
        writeln!(text, "{:>4} {optimum:>22} {network:>22}", at.timestep)?;
    }
    writeln!(
        text,
        "\nThe best possible answer is the mean of eps given {given}; +- is half the 95% interval."
    )
}

/// A value with half the width of its interval.
fn pm(Estimate { mean, half_width }: Estimate) -> String {
    format!("{mean:.2e} +- {half_width:.0e}")
}
