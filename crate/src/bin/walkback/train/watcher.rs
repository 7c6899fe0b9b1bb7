//! The reports of a training: the progress bar, `metrics.csv`, the loss curve, grids of samples; and Ctrl-C.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use burn::tensor::Device;
use indicatif::{ProgressBar, ProgressStyle};
use walkback::chain::{Chain, ChainOptions};
use walkback::folder::write_file;
use walkback::picture::{GridLayout, grid_png};
use walkback::pipeline::Pipeline;
use walkback::sampler::SamplerKind;
use walkback::train::checkpoint::Progress;
use walkback::train::learning_rate::End;
use walkback::train::report::{Metrics, MetricsWriter, loss_curve_png, read_metrics};
use walkback::train::run_config::RunConfig;
use walkback::train::trainer::{StepReport, TrainOptions, Watcher};
use walkback::unet::UNet;
use walkback::unet::gpu::native::Gpu;

/// Weight of the past in the running averages of loss and speed.
const AVERAGE_DECAY: f64 = 0.98;
/// How often a line is printed where there is no terminal for a bar.
const LINE_INTERVAL: Duration = Duration::from_secs(20);
/// The grids of a training: few steps, so that training continues soon.
const SAMPLE_STEPS: usize = 25;
const SAMPLES_PER_CLASS: usize = 2;
/// With more classes, only the first ones are drawn.
const SAMPLE_CLASSES: usize = 16;

/// Reports a training to the terminal and to the run folder.
pub struct Terminal {
    run: PathBuf,
    gpu: Option<Gpu>,
    time: Option<Duration>,
    started: Instant,
    bar: ProgressBar,
    message: String,
    last_line: Instant,
    metrics: Option<MetricsWriter>,
    loss_ema: Option<f64>,
    images_per_s: Option<f64>,
    interrupted: Arc<AtomicBool>,
    failed: Option<anyhow::Error>,
}

impl Terminal {
    /// From now on Ctrl-C ends the training after its step, and a second one at once.
    pub fn new(options: &TrainOptions, gpu: Option<Gpu>) -> anyhow::Result<Self> {
        let interrupted = Arc::new(AtomicBool::new(false));
        let flag = interrupted.clone();
        ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        })
        .context("could not set up the handling of Ctrl-C")?;
        Ok(Self {
            run: options.run.clone(),
            gpu,
            time: options.time,
            started: Instant::now(),
            bar: ProgressBar::hidden(),
            message: String::new(),
            last_line: Instant::now(),
            metrics: None,
            loss_ema: None,
            images_per_s: None,
            interrupted,
            failed: None,
        })
    }

    /// Replaces the bar by its last line, and prints what failed in the reports, if anything did.
    pub fn finish(self) -> anyhow::Result<()> {
        self.bar.finish_and_clear();
        if !self.message.is_empty() {
            println!("{}", self.message);
        }
        self.failed.map_or(Ok(()), Err)
    }

    /// Keeps the first failure: it ends the training after a checkpoint.
    fn note(&mut self, result: anyhow::Result<()>) {
        if let Err(error) = result {
            self.failed.get_or_insert(error);
        }
    }

    fn open_metrics(&mut self, step: u64) -> anyhow::Result<()> {
        let path = self.run.join("metrics.csv");
        self.metrics = Some(MetricsWriter::open(&path, step)?);
        self.loss_ema = read_metrics(&path)?.last().map(|row| row.loss_ema);
        Ok(())
    }

    fn record(&mut self, report: &StepReport) -> anyhow::Result<()> {
        let average = |old: Option<f64>, new: f64| {
            old.map_or(new, |old| old * AVERAGE_DECAY + new * (1.0 - AVERAGE_DECAY))
        };
        let loss_ema = average(self.loss_ema, report.loss);
        // The average of what an image takes, not of how many there are in a second: all images count alike.
        let seconds = self.images_per_s.map(f64::recip);
        let images_per_s = average(seconds, report.images_per_s.recip()).recip();
        (self.loss_ema, self.images_per_s) = (Some(loss_ema), Some(images_per_s));
        if let Some(metrics) = &mut self.metrics {
            metrics.push(&Metrics {
                step: report.step,
                epoch: report.epoch,
                loss: report.loss,
                loss_ema,
                lr: report.learning_rate,
                grad_norm: report.grad_norm,
                images_per_s: report.images_per_s,
                elapsed_s: report.elapsed_s,
            })?;
        }
        self.message = format!(
            "step {}, epoch {:.2}, loss {loss_ema:.4}, {images_per_s:.0} images/s",
            report.step, report.epoch
        );
        if self.bar.is_hidden() && self.last_line.elapsed() >= LINE_INTERVAL {
            self.last_line = Instant::now();
            eprintln!("{}", self.message);
        }
        self.bar.set_message(self.message.clone());
        match self.time {
            Some(_) => self.bar.set_position(self.started.elapsed().as_secs()),
            None => self.bar.set_position(report.step),
        }
        Ok(())
    }

    fn draw_samples(&self, step: u64, unet: &UNet, config: &RunConfig) -> anyhow::Result<()> {
        let mut pipeline = Pipeline::new(
            unet.clone(),
            config.scheduler.clone(),
            config.labels.clone(),
            &Device::flex(),
        );
        if let Some(gpu) = &self.gpu {
            pipeline.take_to(gpu)?;
        }
        let classes = config.labels.classes().map(|(label, _)| label);
        let classes: Vec<usize> = classes.take(SAMPLE_CLASSES).collect();
        let labels: Vec<usize> = (0..classes.len() * SAMPLES_PER_CLASS)
            .map(|i| classes[i % classes.len()])
            .collect();
        let conditional = config.unet.num_class_embeds.is_some() && !classes.is_empty();
        let options = ChainOptions {
            count: if conditional { labels.len() } else { 8 },
            labels: conditional.then_some(labels),
            sampler: SamplerKind::Ddim,
            num_inference_steps: SAMPLE_STEPS.min(config.scheduler.num_train_timesteps),
            ..ChainOptions::default()
        };
        let mut chain = Chain::new(&config.scheduler, &pipeline.spec(), options)?;
        while !chain.is_done() {
            pollster::block_on(chain.step(&pipeline))?;
        }
        let columns = if conditional { classes.len() } else { 4 };
        let png = grid_png(chain.x_t(), chain.shape(), GridLayout::new(columns, 3))?;
        write_file(
            &self.run.join("samples").join(format!("step-{step:06}.png")),
            &png,
        )?;
        Ok(())
    }

    fn draw_loss(&self) -> anyhow::Result<()> {
        let rows = read_metrics(&self.run.join("metrics.csv"))?;
        if !rows.is_empty() {
            write_file(&self.run.join("loss.png"), &loss_curve_png(&rows)?)?;
        }
        Ok(())
    }
}

impl Watcher for Terminal {
    fn started(&mut self, progress: Progress, end: Option<End>) {
        let Progress { step, elapsed_s } = progress;
        if end.is_some_and(|end| end.reached(progress)) {
            self.message = format!(
                "the run is finished at step {step}; give --steps or --minutes to extend it"
            );
        }
        let opened = self.open_metrics(step);
        self.note(opened);
        self.started = Instant::now();
        if let Some(End::Seconds(end)) = end {
            let left = Duration::try_from_secs_f64(end - elapsed_s).unwrap_or_default();
            self.time = Some(self.time.map_or(left, |time| time.min(left)));
        }
        let (length, template) = match (self.time, end) {
            (Some(time), _) => (Some(time.as_secs()), "{bar:30} {msg}, {eta} left"),
            (None, Some(End::Steps(last))) => (Some(last), "{bar:30} {msg}, {eta} left"),
            (None, _) => (None, "{spinner} {msg}, {elapsed}"),
        };
        self.bar = length.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        if self.time.is_none() {
            self.bar.set_position(step);
            self.bar.reset_eta();
        }
    }

    fn stepped(&mut self, report: &StepReport) -> bool {
        let recorded = self.record(report);
        self.note(recorded);
        if self.interrupted.load(Ordering::Relaxed) {
            self.bar.suspend(|| {
                eprintln!(
                    "interrupted: saving; continue with --resume (Ctrl-C again quits at once)"
                );
            });
            return false;
        }
        self.failed.is_none()
    }

    fn sample(&mut self, step: u64, unet: &UNet, config: &RunConfig) {
        let drawn = self
            .draw_samples(step, unet, config)
            .with_context(|| format!("could not draw the samples of step {step}"));
        self.note(drawn);
    }

    fn saved(&mut self, _step: u64) {
        let drawn = self.draw_loss();
        self.note(drawn);
    }
}
