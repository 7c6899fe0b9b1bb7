//! The samples: drawn, classified by the judge, and compared with real images.

use std::time::Instant;

use anyhow::{Context, ensure};
use burn::tensor::Device;
use serde::Serialize;
use walkback::data::Dataset;
use walkback::data::download;
use walkback::eval::cache::{self, Judge};
use walkback::eval::choose_per_class;
use walkback::eval::classifier::{ClassifierConfig, FEATURES, Reading};
use walkback::eval::frechet::{self, Moments};
use walkback::eval::nearest::{Summary, nearest};
use walkback::eval::picture::sheet;
use walkback::eval::rate::Rate;
use walkback::eval::samples::{Setting, check, draw};
use walkback::folder::write_file;
use walkback::pipeline::Pipeline;

use super::Args;
use super::progress::Progress;
use crate::sample::in_chunks;

/// The most samples of one setting: a chain keeps all of them in memory.
const MAX_SAMPLES: usize = 50_000;

/// The judge's results for samples and real images.
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
    pub config: ClassifierConfig,
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

/// The options are valid, and the judge is there.
pub struct Prepared<'a> {
    args: &'a Args,
    pipeline: &'a Pipeline,
    train: &'a Dataset,
    test: &'a Dataset,
    settings: Vec<Setting>,
    /// Samples in all.
    count: usize,
    /// Classes to draw; 0 for an unconditional model.
    drawn_classes: usize,
    judge: Judge,
}

/// Checks the options, then trains the judge or loads it from the cache.
pub fn prepare<'a>(
    args: &'a Args,
    pipeline: &'a Pipeline,
    train: &'a Dataset,
    test: &'a Dataset,
) -> anyhow::Result<Prepared<'a>> {
    let classes = train.classes();
    ensure!(
        test.classes() <= classes,
        "the test images have {} classes, the training images {classes}: both must come from one set",
        test.classes()
    );
    ensure!(args.samples > 0, "--samples is 0; give at least 1");
    let count = args.samples.saturating_mul(classes);
    ensure!(
        (2..=MAX_SAMPLES).contains(&count),
        "--samples {} of each of {classes} classes make {count} images; give 2 to {MAX_SAMPLES} in all",
        args.samples
    );
    let num_train_timesteps = pipeline.scheduler().num_train_timesteps;
    let settings: Vec<Setting> = args
        .settings
        .iter()
        .map(|setting| setting.with_steps(num_train_timesteps))
        .collect();
    let drawn_classes = pipeline.spec().num_class_embeds.map_or(0, |_| classes);
    for setting in &settings {
        check(
            pipeline.scheduler(),
            &pipeline.spec(),
            setting,
            drawn_classes,
        )
        .with_context(|| format!("--setting {setting}"))?;
    }
    Ok(Prepared {
        args,
        pipeline,
        train,
        test,
        settings,
        count,
        drawn_classes,
        judge: obtain(train)?,
    })
}

impl Prepared<'_> {
    /// Draws, reads and compares.
    pub fn judge(self) -> anyhow::Result<Quality> {
        let (args, classes) = (self.args, self.train.classes());
        let of_test = self.read(self.test, "test images");
        let reference = Moments::of(&of_test.features, FEATURES)?;

        let real = choose_per_class(self.train, args.samples, args.seed);
        let real = self.train.select(&real);
        let read = self.read(&real, "training images");
        let training_images = see(&real, &read, classes, true, &reference)?;
        let real = choose_per_class(self.test, args.samples, args.seed);
        let real = self.test.select(&real);
        let read = self.read(&real, "test images");
        let test_images = Seen {
            frechet: None,
            nearest: self.nearest(&real),
            ..see(&real, &read, classes, true, &reference)?
        };
        let settings = self.settings.iter();
        Ok(Quality {
            judge: JudgeReport {
                test_accuracy: Rate::of_labels(&of_test.labels, &self.test.labels),
                config: ClassifierConfig::default(),
                cached: self.judge.cached,
                training_seconds: self.judge.seconds,
            },
            classes: class_names(self.pipeline, classes),
            settings: settings
                .map(|setting| self.draw(setting, &reference))
                .collect::<anyhow::Result<_>>()?,
            training_images,
            test_images,
        })
    }

    /// The samples of one setting, and their picture.
    fn draw(&self, setting: &Setting, reference: &Moments) -> anyhow::Result<Drawn> {
        let started = Instant::now();
        let progress = Progress::new(format!("drawing {} samples with {setting}", self.count));
        let samples = draw(
            &in_chunks(self.pipeline),
            self.pipeline.scheduler(),
            &self.pipeline.spec(),
            setting,
            (self.count, self.drawn_classes),
            self.args.seed,
            |i, n| progress.tell(i, n),
        )?;
        drop(progress);
        let seconds = started.elapsed().as_secs_f64();
        let labelled = self.drawn_classes > 0;
        let reading = self.read(&samples, "samples");
        if let Some(out) = &self.args.out {
            let read = labelled.then_some(&reading.labels[..]);
            let name = setting.to_string().replace([':', '+'], "-");
            let picture = sheet(&samples, self.drawn_classes, read)?.to_png()?;
            write_file(&out.join(format!("samples-{name}.png")), &picture)?;
        }
        let classes = self.train.classes();
        Ok(Drawn {
            setting: setting.to_string(),
            seen: Seen {
                nearest: self.nearest(&samples),
                ..see(&samples, &reading, classes, labelled, reference)?
            },
            seconds,
        })
    }

    fn read(&self, data: &Dataset, what: &str) -> Reading {
        let progress = Progress::new(format!("reading {what}"));
        let classifier = &self.judge.classifier;
        classifier.read(data, |i, n| progress.tell(i, n))
    }

    fn nearest(&self, data: &Dataset) -> Option<Summary> {
        let progress = Progress::new("searching for the nearest training images");
        let device = Device::flex();
        let found = nearest(data, self.train, &device, |i, n| progress.tell(i, n));
        Summary::of(&found)
    }
}

/// The judge of these training images: its seed is its own, not the evaluation's, so that there is only one.
fn obtain(train: &Dataset) -> anyhow::Result<Judge> {
    let mnist = download::cache_dir()?;
    let cache = mnist.parent().unwrap_or(&mnist);
    let progress = Progress::new("training the classifier, once");
    let told = |i, n| progress.tell(i, n);
    Ok(cache::obtain(
        cache,
        train,
        &ClassifierConfig::default(),
        told,
    )?)
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
