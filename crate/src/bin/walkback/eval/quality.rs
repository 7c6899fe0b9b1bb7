//! The samples: drawn, read by the judge, and laid beside real images.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::ensure;
use burn::tensor::Device;
use serde::Serialize;
use walkback::eval::cache::{self, Judge};
use walkback::eval::choose_per_class;
use walkback::eval::classifier::{FEATURES, Reading, Recipe};
use walkback::eval::frechet::{self, Moments};
use walkback::eval::nearest::{Summary, nearest};
use walkback::eval::picture::sheet;
use walkback::eval::samples::{Rate, Setting, check, draw};
use walkback::folder::write_file;
use walkback::pipeline::Pipeline;
use walkback::sampler::SamplerKind;
use walkback::train::download;
use walkback::train::idx::Dataset;

use super::Args;
use super::progress::Progress;
use crate::sample::Chunked;

/// The most samples of one setting: a chain keeps all of them in memory.
const MAX_SAMPLES: usize = 50_000;

/// What the judge says of samples and of real images.
#[derive(Debug, Serialize)]
pub struct Quality {
    pub judge: JudgeReport,
    pub classes: Vec<String>,
    pub settings: Vec<Drawn>,
    /// Real training images, as many as samples: the floor of the Frechet distance.
    pub training_images: Seen,
    /// Real test images, as many as samples.
    pub test_images: Seen,
}

/// The classifier.
#[derive(Debug, Serialize)]
pub struct JudgeReport {
    pub test_accuracy: Rate,
    pub recipe: Recipe,
    pub cached: bool,
    pub training_seconds: f64,
}

/// The samples of one setting.
#[derive(Debug, Serialize)]
pub struct Drawn {
    pub setting: String,
    #[serde(flatten)]
    pub seen: Seen,
    pub seconds: f64,
}

/// A set of images as the judge sees it.
#[derive(Debug, Serialize)]
pub struct Seen {
    pub count: usize,
    /// Missing in the samples of an unconditional model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_as_label: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub each_class: Option<Vec<Rate>>,
    /// How many were read as each class.
    pub read_as: Vec<usize>,
    /// To all test images; missing for test images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frechet: Option<f64>,
    /// Among the training images; missing for training images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<Summary>,
}

/// Draws, reads and compares.
pub fn judge(
    args: &Args,
    pipeline: &Pipeline,
    train: &Dataset,
    test: &Dataset,
) -> anyhow::Result<Quality> {
    let classes = train.classes();
    ensure!(args.samples > 0, "--samples is 0; give at least 1");
    let count = args.samples.saturating_mul(classes);
    ensure!(
        (2..=MAX_SAMPLES).contains(&count),
        "--samples {} of each of {classes} classes make {count} images; give 2 to {MAX_SAMPLES} in all",
        args.samples
    );
    let settings = settings(args);
    let drawn_classes = pipeline.spec().num_class_embeds.map_or(0, |_| classes);
    for setting in &settings {
        // Before the classifier is trained: a setting that cannot be drawn is found out at once.
        check(
            pipeline.scheduler(),
            &pipeline.spec(),
            setting,
            drawn_classes,
        )?;
    }
    let judge = obtain(args, train)?;
    let read = |data: &Dataset, what: &str| {
        let progress = Progress::new(format!("reading {what}"));
        judge.classifier.read(data, |i, n| progress.tell(i, n))
    };
    let of_test = read(test, "test images");
    let reference = Moments::of(&of_test.features, FEATURES)?;
    let seen = |data: &Dataset, what: &str, labelled: bool| {
        let reading = read(data, what);
        anyhow::Ok((
            see(data, &reading, classes, labelled, &reference)?,
            reading.labels,
        ))
    };
    let near = |data: &Dataset| {
        let progress = Progress::new("looking for the nearest training images");
        Summary::of(&nearest(data, train, &Device::flex(), |i, n| {
            progress.tell(i, n)
        }))
    };

    let real = train.select(&choose_per_class(train, args.samples, args.seed));
    let (training_images, _) = seen(&real, "training images", true)?;
    let real = test.select(&choose_per_class(test, args.samples, args.seed));
    let (mut test_images, _) = seen(&real, "test images", true)?;
    test_images.frechet = None;
    test_images.nearest = near(&real);

    let mut reports = Vec::new();
    for setting in &settings {
        let started = Instant::now();
        let progress = Progress::new(format!("drawing {count} samples with {setting}"));
        let samples = draw(
            &Chunked(pipeline),
            pipeline.scheduler(),
            &pipeline.spec(),
            setting,
            (count, drawn_classes),
            args.seed,
            |i, n| progress.tell(i, n),
        )?;
        drop(progress);
        let seconds = started.elapsed().as_secs_f64();
        let (mut seen, labels) = seen(&samples, "samples", drawn_classes > 0)?;
        seen.nearest = near(&samples);
        if let Some(out) = &args.out {
            let read = (drawn_classes > 0).then_some(&labels[..]);
            let name = setting.to_string().replace([':', '+'], "-");
            let picture = sheet(&samples, drawn_classes, read)?.to_png()?;
            write_file(&out.join(format!("samples-{name}.png")), &picture)?;
        }
        reports.push(Drawn {
            setting: setting.to_string(),
            seen,
            seconds,
        });
    }
    Ok(Quality {
        judge: JudgeReport {
            test_accuracy: Rate::of_labels(&of_test.labels, &test.labels),
            recipe: recipe(args),
            cached: judge.cached,
            training_seconds: judge.seconds,
        },
        classes: class_names(pipeline, classes),
        settings: reports,
        training_images,
        test_images,
    })
}

/// The settings asked for, or the default.
fn settings(args: &Args) -> Vec<Setting> {
    if args.settings.is_empty() {
        vec![Setting {
            sampler: SamplerKind::Ddpm,
            num_inference_steps: 250,
            guidance_scale: 1.0,
            eta: 0.0,
        }]
    } else {
        args.settings.clone()
    }
}

/// One judge for all seeds of the evaluation: its own is part of the recipe.
fn recipe(_: &Args) -> Recipe {
    Recipe::default()
}

fn obtain(args: &Args, train: &Dataset) -> anyhow::Result<Judge> {
    let mnist = download::cache_dir()?;
    let cache: PathBuf = mnist.parent().unwrap_or(&mnist).into();
    let progress = Progress::new("training the classifier, once");
    Ok(cache::obtain(&cache, train, &recipe(args), |i, n| {
        progress.tell(i, n)
    })?)
}

fn see(
    data: &Dataset,
    reading: &Reading,
    classes: usize,
    labelled: bool,
    reference: &Moments,
) -> anyhow::Result<Seen> {
    let mut read_as = vec![0; classes];
    for &label in &reading.labels {
        read_as[label] += 1;
    }
    let (read, labels) = (&reading.labels, &data.labels);
    Ok(Seen {
        count: data.len(),
        read_as_label: labelled.then(|| Rate::of_labels(read, labels)),
        each_class: labelled.then(|| Rate::of_each_class(read, labels, classes)),
        read_as,
        frechet: Some(frechet::distance(
            &Moments::of(&reading.features, FEATURES)?,
            reference,
        )),
        nearest: None,
    })
}

/// The model's names of the classes, or their numbers.
fn class_names(pipeline: &Pipeline, classes: usize) -> Vec<String> {
    let names = &pipeline.labels().names;
    (0..classes)
        .map(|class| {
            names
                .get(class)
                .cloned()
                .unwrap_or_else(|| class.to_string())
        })
        .collect()
}
