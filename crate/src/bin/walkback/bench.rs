//! `walkback bench`: how fast the GPU is, in a few minutes and one command.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;
use burn::tensor::Device;
use walkback::chain::{Chain, ChainOptions};
use walkback::denoiser::Denoiser;
use walkback::pipeline::{Labels, Pipeline};
use walkback::sampler::SamplerKind;
use walkback::schedule::SchedulerConfig;
use walkback::train::preset::Preset;
use walkback::unet::UNet;
use walkback::unet::gpu::learner::{Learner, Lesson, Rates};
use walkback::unet::gpu::native::{Counts, Gpu};

/// How long a row is measured.
const TIME: Duration = Duration::from_secs(8);
/// Steps of a walk where images are counted.
const WALK: usize = 50;
/// The same in PyTorch.
const TORCH: &str = include_str!("bench/torch_bench.py");

/// Measure the GPU: a step at batch 1, sampling and training, next to PyTorch on the same GPU if Python has it
///
/// The network is that of `pretrained/mnist`, with random weights. Each row is printed as soon as it is known; all of them take
/// less than six minutes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The Python to run PyTorch with
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: String,

    /// Images in a step of training
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [64, 256])]
    batch_size: Vec<usize>,

    /// Also print the time of each kind of launch in a training step, at the last batch size
    #[arg(long)]
    launches: bool,
}

/// Prints every row as soon as it is known.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let gpu = Gpu::get()?;
    println!("adapter: {}", gpu.adapter);
    let started = Instant::now();
    gpu.check()?;
    row(
        "check against the CPU",
        started.elapsed().as_secs_f64(),
        "s",
    );

    let unet = UNet::new(&Preset::Mnist.unet([1, 28, 28], 10), &Device::flex())?;
    let labels = Labels {
        names: (0..10).map(|digit| digit.to_string()).collect(),
        null: Some(10),
    };
    let scheduler = SchedulerConfig::default();
    let mut pipeline = Pipeline::new(unet.clone(), scheduler, labels, &Device::flex());
    pipeline.take_to(&gpu)?;
    let x_t = vec![0.5; 28 * 28];
    let evaluate = || pollster::block_on(pipeline.predict(&x_t, [1, 1, 28, 28], 500, Some(&[3])));
    let step = measure(|| Ok(evaluate().map(drop)?))?;
    row("a step at batch 1, with its read-back", step * 1e3, "ms");

    let options = ChainOptions {
        count: 256,
        labels: Some((0..256).map(|i| i % 10).collect()),
        sampler: SamplerKind::Ddim,
        num_inference_steps: WALK,
        ..ChainOptions::default()
    };
    let walk = measure(|| {
        let mut chain = Chain::new(pipeline.scheduler(), &pipeline.spec(), options.clone())?;
        while !chain.is_done() {
            pollster::block_on(chain.step(&pipeline))?;
        }
        Ok(())
    })?;
    row(
        "sampling at batch 256, 50 steps of DDIM",
        256.0 / walk,
        "images/s",
    );

    print_counts(&unet, 16, &gpu)?;
    for &images in &args.batch_size {
        let step = training_step(&unet, images, &gpu)?;
        let what = format!("training at batch {images}");
        row(&what, images as f64 / step, "images/s");
    }
    if let (true, Some(&images)) = (args.launches, args.batch_size.last()) {
        print_launches(&unet, images, &gpu)?;
    }
    println!("PyTorch, if {} has it:", args.python);
    let _ = std::io::stdout().flush();
    let status = Command::new(&args.python).args(["-c", TORCH]).status();
    if !status.is_ok_and(|status| status.success()) {
        println!("  it has not");
    }
    Ok(())
}

fn row(what: &str, value: f64, unit: &str) {
    println!("{what:<42} {value:>10.2} {unit}");
    let _ = std::io::stdout().flush();
}

/// Seconds that `f` takes: the mean over some time, after a few calls that do not count.
fn measure(mut f: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    f()?;
    f()?;
    let (started, mut calls) = (Instant::now(), 0);
    while calls < 3 || started.elapsed() < TIME {
        f()?;
        calls += 1;
    }
    Ok(started.elapsed().as_secs_f64() / f64::from(calls))
}

/// Where the time of a training step goes, the largest first.
fn print_launches(unet: &UNet, images: usize, gpu: &Gpu) -> anyhow::Result<()> {
    let learner = Learner::new(unet, images, gpu.client)?;
    let mut kinds: BTreeMap<String, (usize, f64)> = BTreeMap::new();
    for (name, seconds) in learner.time_launches(20)? {
        let (count, sum) = kinds.entry(name).or_default();
        (*count, *sum) = (*count + 1, *sum + seconds);
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by(|a, b| b.1.1.total_cmp(&a.1.1));
    let sum: f64 = kinds.iter().map(|(_, (_, sum))| sum).sum();
    println!(
        "the {} launches of a step at batch {images}: {:.2} ms",
        learner.launches(),
        sum * 1e3
    );
    for (name, (count, sum)) in kinds {
        println!("  {:>8.3} ms in {count:>2}  {name}", sum * 1e3);
    }
    Ok(())
}

/// Seconds that a step of training takes.
fn training_step(unet: &UNet, images: usize, gpu: &Gpu) -> anyhow::Result<f64> {
    let mut training = Training::new(unet, images, gpu)?;
    measure(|| training.step())
}

/// What a step of training asks of the GPU.
fn print_counts(unet: &UNet, images: usize, gpu: &Gpu) -> anyhow::Result<()> {
    const STEPS: u64 = 8;
    let mut training = Training::new(unet, images, gpu)?;
    // The first steps compile, record, and fill the pools.
    for _ in 0..4 {
        training.step()?;
    }
    training.learner.finish()?;
    let counts = gpu.count(STEPS, || {
        for _ in 0..STEPS {
            training.step()?;
        }
        anyhow::Ok(training.learner.finish().map(drop)?)
    })?;
    let counts = counts.map_or_else(
        || "no counts".to_owned(),
        |Counts { submits, buffers }| format!("submissions {submits}, new buffers {buffers}"),
    );
    println!(
        "a training step at batch {images}: {} launches; {STEPS} of them: {counts}",
        training.learner.launches(),
    );
    Ok(())
}

/// A training on numbers by formulas.
struct Training {
    learner: Learner,
    x_0: Vec<f32>,
    eps: Vec<f32>,
    timesteps: Vec<f32>,
    labels: Vec<usize>,
    time: u64,
}

impl Training {
    fn new(unet: &UNet, images: usize, gpu: &Gpu) -> anyhow::Result<Self> {
        let learner = Learner::new(unet, images, gpu.client)
            .with_context(|| format!("training at batch {images}"))?;
        let wave =
            |by: f32| -> Vec<f32> { (0..images * 784).map(|i| (i as f32 * by).sin()).collect() };
        Ok(Self {
            learner,
            x_0: wave(0.7),
            eps: wave(1.3),
            timesteps: (0..images).map(|i| (i * 999 / images) as f32).collect(),
            labels: (0..images).map(|i| i % 11).collect(),
            time: 0,
        })
    }

    fn step(&mut self) -> anyhow::Result<()> {
        let images = self.labels.len();
        self.time += 1;
        let lesson = Lesson {
            x_0: &self.x_0,
            eps: &self.eps,
            timesteps: &self.timesteps,
            labels: &self.labels,
            noising: &vec![[0.6, 0.8]; images],
            target: &vec![[0.0, 1.0]; images],
            weights: &vec![1.0; images],
            bounds: &[],
            keys: &[],
        };
        let rates = Rates {
            learning_rate: 1e-3,
            weight_decay: 0.0,
            max_grad_norm: 1.0,
            time: self.time,
            ema_decay: 0.999,
        };
        self.learner.step(lesson, rates)?;
        Ok(())
    }
}
