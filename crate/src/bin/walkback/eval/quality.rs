//! The samples: drawn, classified by the judge, and compared with real images.

use std::time::Instant;

use anyhow::{Context, ensure};
use burn::tensor::Device;
use serde::Serialize;
use walkback::data::Dataset;
use walkback::data::download;
use walkback::eval::best::{self, Best, Floor, Measured};
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
use walkback::sampler::SamplerKind;

use super::Args;
use crate::bar::Bar;
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
    /// The mean of each channel over all training images.
    pub training_channel_means: Vec<f64>,
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
    /// The samples of all seeds together; the Frechet distance is the mean of theirs.
    #[serde(flatten)]
    pub seen: Seen,
    pub each_seed: Vec<OfSeed>,
    pub seconds: f64,
}

/// The samples of one seed.
#[derive(Debug, Serialize)]
pub struct OfSeed {
    pub seed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_as_label: Option<Rate>,
    pub frechet: f64,
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
    /// The mean of each channel, in -1 to 1.
    pub channel_means: Vec<f64>,
}

/// The checked options, and the judge.
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
    let in_all = u64::try_from(count).unwrap_or(u64::MAX);
    ensure!(
        args.seeds > 0 && in_all.saturating_mul(args.seeds) <= MAX_SAMPLES as u64,
        "--seeds {} of {count} images each; give at least 1, and at most {MAX_SAMPLES} images in all",
        args.seeds
    );
    let num_train_timesteps = pipeline.scheduler().num_train_timesteps;
    let settings: Vec<Setting> = args
        .settings
        .iter()
        .map(|setting| setting.with_steps(num_train_timesteps))
        .collect();
    let drawn_classes = pipeline.spec().num_class_embeds.map_or(0, |_| classes);
    let of_best = args.best.map_or_else(Vec::new, |sampler| {
        best::step_settings(sampler, num_train_timesteps, 1.0)
    });
    for setting in settings.iter().chain(&of_best) {
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
    pub fn judge(&self) -> anyhow::Result<Quality> {
        let (args, classes) = (self.args, self.train.classes());
        let of_test = self.read(self.test, "test images");
        let reference = Moments::of(&of_test.features, FEATURES)?;
        let training_images = self.training_images(&reference)?;
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
            training_channel_means: self.train.channel_means(),
        })
    }

    /// As many training images as there are samples of one seed.
    fn training_images(&self, reference: &Moments) -> anyhow::Result<Seen> {
        let real = choose_per_class(self.train, self.args.samples, self.args.seed);
        let real = self.train.select(&real);
        let read = self.read(&real, "training images");
        see(&real, &read, self.train.classes(), true, reference)
    }

    /// The samples of one setting with every seed, and the picture of the first.
    fn draw(&self, setting: &Setting, reference: &Moments) -> anyhow::Result<Drawn> {
        let started = Instant::now();
        let labelled = self.drawn_classes > 0;
        let classes = self.train.classes();
        let (mut samples, mut reading) = self.samples(setting, self.args.seed)?;
        if let Some(out) = &self.args.out {
            let read = labelled.then_some(&reading.labels[..]);
            let name = setting.to_string().replace([':', '+'], "-");
            let picture = sheet(&samples, self.drawn_classes, read)?.to_png()?;
            write_file(&out.join(format!("samples-{name}.png")), &picture)?;
        }
        let mut each_seed = vec![of_seed(
            &samples,
            &reading,
            labelled,
            self.args.seed,
            reference,
        )?];
        for further in 1..self.args.seeds {
            let seed = self.args.seed.wrapping_add(further);
            let (more, read) = self.samples(setting, seed)?;
            each_seed.push(of_seed(&more, &read, labelled, seed, reference)?);
            samples.extend(&more);
            reading.features.extend(read.features);
            reading.labels.extend(read.labels);
        }
        let seconds = started.elapsed().as_secs_f64();
        // The distance is biased by the number of samples: the floor is that of one seed's.
        let frechet = each_seed.iter().map(|of| of.frechet).sum::<f64>() / each_seed.len() as f64;
        Ok(Drawn {
            setting: setting.to_string(),
            seen: Seen {
                nearest: self.nearest(&samples),
                frechet: Some(frechet),
                ..see(&samples, &reading, classes, labelled, reference)?
            },
            each_seed,
            seconds,
        })
    }

    /// The samples of one setting and seed, and the judge's results for them.
    fn samples(&self, setting: &Setting, seed: u64) -> anyhow::Result<(Dataset, Reading)> {
        let bar = Bar::new(format!("drawing {} samples with {setting}", self.count));
        let samples = draw(
            &in_chunks(self.pipeline),
            self.pipeline.scheduler(),
            &self.pipeline.spec(),
            setting,
            (self.count, self.drawn_classes),
            seed,
            |i, n| bar.set(i, n),
        )?;
        drop(bar);
        let reading = self.read(&samples, "samples");
        Ok((samples, reading))
    }

    /// Where the model is at its best with `sampler`: first the guidance, then the number of steps at that guidance.
    pub fn best(&self, sampler: SamplerKind) -> anyhow::Result<Best> {
        let of_test = self.read(self.test, "test images");
        let reference = Moments::of(&of_test.features, FEATURES)?;
        let floor = Floor {
            frechet: self.training_images(&reference)?.frechet.unwrap_or(0.0),
            samples: self.count,
        };
        let measure = |settings: &[Setting]| -> anyhow::Result<Vec<Measured>> {
            let one = |setting: &Setting| {
                let (samples, read) = self.samples(setting, self.args.seed)?;
                let labelled = self.drawn_classes > 0;
                let of = of_seed(&samples, &read, labelled, self.args.seed, &reference)?;
                Ok(Measured {
                    setting: setting.to_string(),
                    read_as_label: of.read_as_label.map(Rate::share),
                    frechet: of.frechet,
                })
            };
            settings.iter().map(one).collect()
        };
        let timesteps = self.pipeline.scheduler().num_train_timesteps;
        let guided = self.drawn_classes > 0 && self.pipeline.labels().null.is_some();
        let mut measured = Vec::new();
        let (mut guidance_scale, mut guidance) = (None, 1.0);
        if guided {
            let settings = best::guidance_settings(sampler, timesteps);
            measured = measure(&settings)?;
            if let Some(range) = best::suitable(&measured, floor) {
                let [low, high] = range.map(|i| settings[i].guidance_scale);
                guidance_scale = Some([low, high]);
                guidance = settings[(range[0] + range[1]) / 2].guidance_scale;
            }
        }
        let settings = best::step_settings(sampler, timesteps, guidance);
        let of_steps = measure(&settings)?;
        let enough = best::enough(&of_steps, floor).and_then(|i| settings[i].num_inference_steps);
        measured.extend(of_steps);
        Ok(Best {
            sampler: sampler.to_string(),
            guidance_scale,
            num_inference_steps: enough.context("the model has fewer than 5 timesteps")?,
            samples: self.count,
            frechet_floor: floor.frechet,
            measured,
        })
    }

    fn read(&self, data: &Dataset, what: &str) -> Reading {
        let bar = Bar::new(format!("reading {what}"));
        let classifier = &self.judge.classifier;
        classifier.read(data, |i, n| bar.set(i, n))
    }

    fn nearest(&self, data: &Dataset) -> Option<Summary> {
        let bar = Bar::new("searching for the nearest training images");
        let device = Device::flex();
        let found = nearest(data, self.train, &device, |i, n| bar.set(i, n));
        Summary::of(&found)
    }
}

/// The judge of these training images: its seed is its own, not the evaluation's, so that there is only one.
fn obtain(train: &Dataset) -> anyhow::Result<Judge> {
    let mnist = download::cache_dir()?;
    let cache = mnist.parent().unwrap_or(&mnist);
    let bar = Bar::new("training the classifier, once");
    let show = |i, n| bar.set(i, n);
    Ok(cache::obtain(
        cache,
        train,
        &ClassifierConfig::default(),
        show,
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
        channel_means: data.channel_means(),
    })
}

/// The two figures that are compared between seeds.
fn of_seed(
    data: &Dataset,
    reading: &Reading,
    labelled: bool,
    seed: u64,
    reference: &Moments,
) -> anyhow::Result<OfSeed> {
    Ok(OfSeed {
        seed,
        read_as_label: labelled.then(|| Rate::of_labels(&reading.labels, &data.labels)),
        frechet: frechet::distance(&Moments::of(&reading.features, FEATURES)?, reference),
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
