//! What a run is: `run.json` in its folder.

use super::learning_rate::{End, LrDecay};
use super::loss::Loss;
use super::trainer::TrainError;
use crate::data::Dataset;
use crate::data::images::Preparation;
use crate::json::in_words;
use crate::likelihood::{TermError, Terms};
use crate::pipeline::Labels;
use crate::schedule::{SchedulerConfig, VarianceType};
use crate::unet::UNetConfig;
use burn::optim::{AdamWConfig, ModuleOptimizer};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What a run is: written to `run.json` when it starts, read again when it is resumed or exported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// The network.
    pub unet: UNetConfig,
    /// The schedule and what is predicted, as `scheduler_config.json`.
    #[serde(with = "scheduler_json")]
    pub scheduler: SchedulerConfig,
    /// Class names and null label.
    pub labels: Labels,
    /// What is minimised; hybrid if, and only if, the scheduler's variance is learned_range.
    #[serde(default = "simple")]
    pub loss: Loss,
    /// Images in a step.
    pub batch_size: usize,
    /// Pieces in which they go through the network, one after the other; their gradients are added up.
    #[serde(default = "one")]
    pub accumulate: usize,
    /// AdamW's step size after warm-up.
    pub learning_rate: f64,
    /// Steps over which it rises from 0.
    pub warmup: u64,
    /// How it falls towards the run's end; runs from before this was an option did not let it fall.
    #[serde(default = "constant")]
    pub lr_decay: LrDecay,
    /// Where the run ends, to resume it without saying so again; `None` until it is trained, or if nothing ends it.
    #[serde(default)]
    pub end: Option<End>,
    /// AdamW's weight decay.
    pub weight_decay: f64,
    /// Bound on the norm of all gradients together.
    pub max_grad_norm: f64,
    /// Decay of the average of the weights.
    pub ema_decay: f64,
    /// How often a label is replaced by the null label (Ho & Salimans 2022, Algorithm 1).
    pub label_dropout: f64,
    /// Seed of everything random.
    pub seed: u64,
    /// The folder of the images, to resume without naming it again; `None` for the downloaded MNIST.
    #[serde(default)]
    pub data: Option<PathBuf>,
    /// What is done to its images.
    #[serde(default)]
    pub preparation: Preparation,
}

fn simple() -> Loss {
    Loss::Simple
}

fn one() -> usize {
    1
}

fn constant() -> LrDecay {
    LrDecay::Constant
}

mod scheduler_json {
    use super::SchedulerConfig;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::Error as _};

    pub(super) fn serialize<S: Serializer>(
        config: &SchedulerConfig,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let value: serde_json::Value =
            serde_json::from_str(&config.to_json()).map_err(S::Error::custom)?;
        value.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<SchedulerConfig, D::Error> {
        let value = serde_json::Value::deserialize(from)?;
        SchedulerConfig::from_json(&value.to_string()).map_err(D::Error::custom)
    }
}

impl RunConfig {
    /// Reads `run.json` of a run folder.
    ///
    /// # Errors
    /// It is missing or broken.
    pub fn read(run: &Path) -> Result<Self, TrainError> {
        let path = run.join("run.json");
        let broken = |reason: String| TrainError::Run {
            path: path.clone(),
            reason,
        };
        let json = std::fs::read_to_string(&path).map_err(|e| broken(e.to_string()))?;
        serde_json::from_str(&json).map_err(|e| broken(in_words(&e)))
    }

    /// Whether the network fits the data, and every rate its range.
    pub(super) fn check(&self, data: &Dataset) -> Result<(), TrainError> {
        let options = |text: String| Err(TrainError::Options(text));
        if data.is_empty() {
            return options("the data set has no images".into());
        }
        if [data.height, data.width] != self.unet.sample_size
            || data.channels != self.unet.in_channels
        {
            return options(format!(
                "the images are {}x{}x{}, but the network takes {}x{}x{}; change sample_size and \
                 in_channels with --unet",
                data.channels,
                data.height,
                data.width,
                self.unet.in_channels,
                self.unet.sample_size[0],
                self.unet.sample_size[1]
            ));
        }
        self.labels.check(self.unet.num_class_embeds)?;
        if self.unet.num_class_embeds.is_some() && data.classes() > self.labels.names.len() {
            return options(format!(
                "the data has {} classes, but the model has names for {}, without the null label",
                data.classes(),
                self.labels.names.len()
            ));
        }
        self.check_variance()?;
        if self.batch_size == 0 {
            return options("--batch-size must be at least 1".into());
        }
        if self.accumulate == 0 || !self.batch_size.is_multiple_of(self.accumulate) {
            return options(format!(
                "--accumulate is {}, which does not divide the {} images of a step into equal pieces; \
                 choose a divisor of --batch-size",
                self.accumulate, self.batch_size
            ));
        }
        let rates = [
            ("--lr", self.learning_rate, 0.0..=1.0),
            ("--ema-decay", self.ema_decay, 0.0..=1.0),
            ("--label-dropout", self.label_dropout, 0.0..=1.0),
        ];
        for (name, value, range) in rates {
            if !range.contains(&value) {
                return options(format!(
                    "{name} is {value}; it must lie between {} and {}",
                    range.start(),
                    range.end()
                ));
            }
        }
        Ok(())
    }

    /// Whether loss, variance and the network's channels go together.
    fn check_variance(&self) -> Result<(), TrainError> {
        let (inputs, outputs) = (self.unet.in_channels, self.unet.out_channels);
        let wrong = match (self.scheduler.variance_type, self.loss) {
            (VarianceType::Learned, _) => {
                "variance_type learned cannot be trained; learned_range can".into()
            }
            (VarianceType::LearnedRange, Loss::Simple | Loss::MinSnr) => format!(
                "--loss {} does not train a learned variance; use --loss hybrid, or --variance fixed",
                self.loss
            ),
            (VarianceType::LearnedRange, Loss::Hybrid) if outputs != 2 * inputs => format!(
                "a learned variance needs a network with twice as many out_channels as \
                 in_channels, not {outputs} for {inputs}"
            ),
            (VarianceType::LearnedRange, Loss::Hybrid) => match Terms::new(&self.scheduler) {
                Err(none @ TermError::NoSignal(_)) => format!(
                    "--loss hybrid minimises the bound, and {none}; use --prediction \
                     v_prediction, or betas without a zero terminal SNR"
                ),
                _ => return Ok(()),
            },
            (_, Loss::Hybrid) => {
                "--loss hybrid trains a learned variance, and this model's is fixed; use --variance learned_range, or --loss simple".into()
            }
            _ if outputs != inputs => format!(
                "a network without a learned variance needs as many out_channels as in_channels, \
                 not {outputs} for {inputs}"
            ),
            _ => return Ok(()),
        };
        Err(TrainError::Options(wrong))
    }

    /// AdamW (Loshchilov & Hutter 2019) as this run uses it.
    pub(super) fn optimizer(&self) -> ModuleOptimizer {
        AdamWConfig::new()
            .with_epsilon(1e-8)
            .with_weight_decay(self.weight_decay as f32)
            .init()
    }
}
