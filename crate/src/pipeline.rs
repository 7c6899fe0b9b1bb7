//! A model folder in memory: the U-Net, its scheduler configuration and its labels, ready to predict.
//!
//! Takes the contents of the files, never their paths: the page fetches them, [`folder`](crate::folder) reads them from disk.

use crate::denoiser::{Denoiser, ModelSpec};
#[cfg(feature = "gpu")]
use crate::denoiser::{Leg, Reached};
use crate::diffusion::{linear_combination, scaled};
use crate::json::in_words;
use crate::schedule::{Preconditioning, Schedule, ScheduleError, SchedulerConfig, flow};
use crate::stored::Stored;
#[cfg(feature = "native")]
use crate::unet::gpu::native::Gpu;
#[cfg(feature = "gpu")]
use crate::unet::gpu::{Engine, Unsupported};
use crate::unet::look::Seen;
use crate::unet::{TimeEmbeddingType, UNet, UNetConfig, UNetConfigError, WeightsError};
use burn::module::Module;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::num::NonZeroUsize;
use thiserror::Error;

mod probe;

pub use probe::{Golden, GoldenInput};

/// Why a model folder cannot be used, or a prediction failed.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum PipelineError {
    /// `unet/config.json`.
    #[error(transparent)]
    UNetConfig(#[from] UNetConfigError),
    /// `scheduler/scheduler_config.json`.
    #[error("scheduler/scheduler_config.json: {0}")]
    Scheduler(#[from] ScheduleError),
    /// The weights.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// `labels.json`.
    #[error("labels.json: {0}")]
    Labels(String),
    /// The time embedding is not defined where the noise is below 1.
    #[error(
        "the Fourier embedding of this network takes the logarithm of the time, and EDM's time, ln(sigma) / 4, is negative \
         where sigma is below 1"
    )]
    LogarithmOfNegative,
    /// The time embedding is not defined at timestep 0.
    #[error(
        "the Fourier embedding of this network takes the logarithm of the timestep, and 0 has none: \
         choose a spacing that ends above it, such as trailing"
    )]
    LogarithmOfZero,
    /// The device lost the result.
    #[error("the device returned no result ({0}); reload the model, or compute on the CPU")]
    Device(String),
}

/// `labels.json`: class names, and the label that stands for "any".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labels {
    /// One name for each class; label k is `names[k]`.
    pub names: Vec<String>,
    /// The null label of classifier-free guidance; without one there is no guidance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub null: Option<usize>,
}

impl Labels {
    /// Reads the `labels.json` of a model with this many labels, or numbers them if there is none.
    ///
    /// # Errors
    /// It is no such file, or names more labels than there are.
    pub fn new(json: Option<&str>, num_class_embeds: Option<usize>) -> Result<Self, PipelineError> {
        let count = num_class_embeds.unwrap_or(0);
        let Some(json) = json else {
            return Ok(Self {
                names: (0..count).map(|k| k.to_string()).collect(),
                null: None,
            });
        };
        let labels: Self = serde_json::from_str(json).map_err(|e| {
            PipelineError::Labels(format!(
                "{}; it must look like {{\"names\": [\"cat\", \"dog\"], \"null\": 2}}",
                in_words(&e)
            ))
        })?;
        labels.check(num_class_embeds)?;
        Ok(labels)
    }

    /// The classes, each with its label. A null label that stands between them, as it does where a class was added later,
    /// is none of them.
    pub fn classes(&self) -> impl Iterator<Item = (usize, &str)> {
        let named = self.names.iter().map(String::as_str).enumerate();
        named.filter(|(label, _)| Some(*label) != self.null)
    }

    /// Whether these names fit a model with this many labels.
    ///
    /// # Errors
    /// They are more, or the null label is none of the model's.
    pub fn check(&self, num_class_embeds: Option<usize>) -> Result<(), PipelineError> {
        let count = num_class_embeds.unwrap_or(0);
        if self.names.len() <= count && self.null.is_none_or(|null| null < count) {
            return Ok(());
        }
        Err(PipelineError::Labels(format!(
            "it names {} classes{}, but the model has {count} labels",
            self.names.len(),
            self.null
                .map_or(String::new(), |null| format!(" and the null label {null}"))
        )))
    }
}

/// A model, ready to predict on its device.
#[derive(Debug)]
pub struct Pipeline {
    unet: UNet,
    scheduler: SchedulerConfig,
    labels: Labels,
    device: Device,
    /// Takes over the network's evaluations.
    #[cfg(feature = "gpu")]
    engine: Option<Engine>,
}

impl Pipeline {
    /// Builds the model from the contents of its files: two configurations, `labels.json` if any, and safetensors.
    ///
    /// # Errors
    /// The first part that does not fit, by the name of the file and the key or tensor in it.
    pub fn from_bytes(
        unet_config: &str,
        scheduler_config: &str,
        labels: Option<&str>,
        weights: &[u8],
        device: &Device,
    ) -> Result<Self, PipelineError> {
        Self::read(unet_config, scheduler_config, labels, &weights, device)
    }

    /// The same where the bytes of the weights may be elsewhere.
    ///
    /// # Errors
    /// See [`Pipeline::from_bytes`].
    pub fn read(
        unet_config: &str,
        scheduler_config: &str,
        labels: Option<&str>,
        weights: &dyn Stored,
        device: &Device,
    ) -> Result<Self, PipelineError> {
        let config = UNetConfig::from_json(unet_config)?;
        let scheduler = SchedulerConfig::from_json(scheduler_config)?;
        Schedule::new(&scheduler)?;
        let edm = scheduler.exploding.map(|levels| levels.network);
        if config.time_embedding_type == TimeEmbeddingType::Fourier
            && matches!(edm, Some(Preconditioning::Edm { .. }))
        {
            return Err(PipelineError::LogarithmOfNegative);
        }
        let labels = Labels::new(labels, config.num_class_embeds)?;
        let parameters = config.parameter_count();
        if parameters > weights.size() as u128 / 2 {
            let bytes = weights.size();
            return Err(WeightsError::TooFew { parameters, bytes }.into());
        }
        let unet = UNet::blank(&config, device)?.load(weights, device)?;
        Ok(Self::new(unet, scheduler, labels, device))
    }

    /// A model from parts that are already in memory.
    pub fn new(unet: UNet, scheduler: SchedulerConfig, labels: Labels, device: &Device) -> Self {
        Self {
            unet,
            scheduler,
            labels,
            device: device.clone(),
            #[cfg(feature = "gpu")]
            engine: None,
        }
    }

    /// From now on the kernels of [`unet::gpu`](crate::unet::gpu) evaluate the network on the device of `client`.
    ///
    /// # Errors
    /// A network that the kernels do not compute; everything stays as it was.
    #[cfg(feature = "gpu")]
    pub fn compute_on(&mut self, client: cubecl::client::Client) -> Result<(), Unsupported> {
        self.engine = Some(Engine::new(&self.unet, client)?);
        Ok(())
    }

    /// The same on a GPU of this machine. What it computes with parameters in float16 is compared with the CPU first.
    ///
    /// # Errors
    /// See [`compute_on`](Self::compute_on).
    #[cfg(feature = "native")]
    pub fn take_to(&mut self, gpu: &Gpu) -> Result<(), Unsupported> {
        self.compute_on(gpu.client.clone())?;
        match self.is_in_half() && !gpu.is_right_in_half() {
            true => self.compute_in_single(gpu.client.clone()),
            false => Ok(()),
        }
    }

    /// [`compute_on`](Self::compute_on) with parameters in float32, also where the GPU has float16.
    ///
    /// # Errors
    /// See [`compute_on`](Self::compute_on).
    #[cfg(feature = "gpu")]
    pub fn compute_in_single(&mut self, client: cubecl::client::Client) -> Result<(), Unsupported> {
        // Both would be too much for its memory.
        self.engine = None;
        self.engine = Some(Engine::in_single(&self.unet, client)?);
        Ok(())
    }

    /// Whether a GPU stores the parameters in float16.
    pub fn is_in_half(&self) -> bool {
        #[cfg(feature = "gpu")]
        if let Some(engine) = &self.engine {
            return engine.is_in_half();
        }
        false
    }

    /// The most images that the network can evaluate at once, as far as the device knows.
    pub fn most_images(&self) -> NonZeroUsize {
        #[cfg(feature = "gpu")]
        if let Some(engine) = &self.engine {
            return engine.most_images();
        }
        NonZeroUsize::MAX
    }

    /// The network.
    pub fn unet(&self) -> &UNet {
        &self.unet
    }

    /// The network's configuration.
    pub fn config(&self) -> &UNetConfig {
        self.unet.config()
    }

    /// The scheduler's configuration.
    pub fn scheduler(&self) -> &SchedulerConfig {
        &self.scheduler
    }

    /// Class names and null label.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Where it computes.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Number of parameters.
    pub fn parameter_count(&self) -> usize {
        self.unet.num_params()
    }

    /// Shapes and labels, for a chain.
    pub fn spec(&self) -> ModelSpec {
        let config = self.config();
        ModelSpec {
            channels: config.in_channels,
            height: config.sample_size[0],
            width: config.sample_size[1],
            out_channels: config.out_channels,
            num_class_embeds: config.num_class_embeds,
            null_label: self.labels.null,
        }
    }

    /// Whether the network has an answer at a time.
    fn check_time(&self, time: f32) -> Result<(), PipelineError> {
        let fourier = self.config().time_embedding_type == TimeEmbeddingType::Fourier;
        if fourier && time <= 0.0 {
            return Err(PipelineError::LogarithmOfZero);
        }
        Ok(())
    }

    /// The inside of one evaluation: [`UNet::look`] for images `x_t` of shape `[n, c, h, w]`, brought to the host.
    ///
    /// # Errors
    /// The device failed.
    pub async fn look(
        &self,
        x_t: &[f32],
        shape: [usize; 4],
        timestep: usize,
        labels: Option<&[usize]>,
    ) -> Result<Seen, PipelineError> {
        let Asked { scale, time, .. } = self.asked(timestep as f32);
        let x_t = scaled(x_t, scale);
        self.check_time(time)?;
        let timesteps = vec![time; shape[0]];
        #[cfg(feature = "gpu")]
        if let Some(engine) = &self.engine {
            let x_t = &x_t[..];
            let seen = engine.look(x_t, &timesteps, labels).await;
            return seen.map_err(|e| PipelineError::Device(e.to_string()));
        }
        Ok((self.unet).look(x_t.into_owned(), shape, &timesteps, labels))
    }
}

impl Pipeline {
    /// How the network is asked at a time of the walk.
    fn asked(&self, time: f32) -> Asked {
        let scheduler = &self.scheduler;
        let count = scheduler.num_train_timesteps;
        match &scheduler.exploding {
            Some(levels) => {
                let s = levels.noise(time.into(), count);
                let (scale, time) = levels.given(s);
                Asked {
                    scale,
                    time,
                    answer: Some(levels.answer(s)),
                }
            }
            None => {
                let (scale, time) = flow::given((scheduler.prediction_type, count), time);
                Asked {
                    scale,
                    time,
                    answer: None,
                }
            }
        }
    }

    /// The network's own output.
    async fn evaluate(
        &self,
        x: Cow<'_, [f32]>,
        shape: [usize; 4],
        time: f32,
        labels: Option<&[usize]>,
    ) -> Result<Vec<f32>, PipelineError> {
        let timesteps = vec![time; shape[0]];
        #[cfg(feature = "gpu")]
        if let Some(engine) = &self.engine {
            let output = engine.predict(&x, &timesteps, labels).await;
            return output.map_err(|e| PipelineError::Device(e.to_string()));
        }
        Ok((self.unet).predict(x.into_owned(), shape, &timesteps, labels)) // [n, out_channels, h, w]
    }
}

/// How a network is asked at a time of the walk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Asked {
    /// What it is given for each unit of x_t.
    pub(crate) scale: f64,
    /// When, in times of its own.
    pub(crate) time: f32,
    /// The factors of x_t and of its output in its answer; `None` where the output is the answer.
    pub(crate) answer: Option<[f64; 2]>,
}

impl Asked {
    /// The answer for x_t, from the network's own output.
    fn answered(&self, x_t: &[f32], output: Vec<f32>) -> Vec<f32> {
        match self.answer {
            // A network with more channels than an image has is refused by its chain.
            Some([of_x_t, of_output]) if output.len() == x_t.len() => {
                let mut answer = vec![0.0; x_t.len()];
                linear_combination(of_x_t, x_t, of_output, &output, &mut answer);
                answer
            }
            _ => output,
        }
    }
}

impl Denoiser for Pipeline {
    type Error = PipelineError;

    async fn predict(
        &self,
        x_t: &[f32],
        shape: [usize; 4],
        timestep: usize,
        labels: Option<&[usize]>,
    ) -> Result<Vec<f32>, PipelineError> {
        self.predict_at(x_t, shape, timestep as f32, labels).await
    }

    async fn predict_at(
        &self,
        x_t: &[f32],
        shape: [usize; 4],
        time: f32,
        labels: Option<&[usize]>,
    ) -> Result<Vec<f32>, PipelineError> {
        let asked = self.asked(time);
        self.check_time(asked.time)?;
        let given = scaled(x_t, asked.scale);
        let output = self.evaluate(given, shape, asked.time, labels).await?;
        Ok(asked.answered(x_t, output))
    }

    #[cfg(feature = "gpu")]
    async fn walk(&self, leg: Leg<'_>) -> Result<Option<Reached>, PipelineError> {
        let Some(engine) = &self.engine else {
            return Ok(None);
        };
        let asked = |time| self.asked(time);
        // Where the network has no answer, the step says so; of a walk that is there already this is known.
        let mut times = leg.route.stops.iter().map(|stop| asked(stop.time).time);
        if leg.kept.is_none() && times.any(|time| self.check_time(time).is_err()) {
            return Ok(None);
        }
        let walked = engine.walk(leg, asked).await;
        walked.map_err(|e| PipelineError::Device(e.to_string()))
    }
}
