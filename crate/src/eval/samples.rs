//! Samples for the evaluation, drawn as `walkback sample` draws them and rounded to bytes as in its files.

use crate::chain::{Chain, ChainError, ChainOptions};
use crate::data::Dataset;
use crate::denoiser::{Denoiser, ModelSpec};
use crate::picture::to_byte;
use crate::sampler::SamplerKind;
use crate::schedule::SchedulerConfig;
use std::fmt;
use std::str::FromStr;

/// Steps between two reports of how far it is: a GPU takes them without an answer in between.
const AT_ONCE: usize = 10;

/// How to draw: `SAMPLER[:STEPS[:GUIDANCE[:ETA]]]`, such as `ddpm:250:1` or `ddim:50:2`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// The algorithm.
    pub sampler: SamplerKind,
    /// N, between 1 and T; `None` for the sampler's usual number.
    pub num_inference_steps: Option<usize>,
    /// w of classifier-free guidance.
    pub guidance_scale: f64,
    /// DDIM's eta, in [0, 1].
    pub eta: f64,
}

impl Setting {
    /// The setting with a number of steps: the sampler's usual one for T timesteps if it has none.
    #[must_use]
    pub fn with_steps(self, num_train_timesteps: usize) -> Self {
        Self {
            num_inference_steps: Some(self.steps(num_train_timesteps)),
            ..self
        }
    }

    fn steps(&self, num_train_timesteps: usize) -> usize {
        self.num_inference_steps
            .unwrap_or_else(|| self.sampler.usual_steps(num_train_timesteps))
    }
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':');
        let sampler = parts.next().unwrap_or_default().parse()?;
        if sampler == SamplerKind::DdimInverse {
            return Err("ddim_inverse starts from images; use ddpm, ddim or dpm++".into());
        }
        let steps = part(parts.next(), "the number of steps")?;
        let guidance = part(parts.next(), "the guidance")?;
        let eta = part(parts.next(), "eta")?;
        if parts.next().is_some() {
            return Err("write at most SAMPLER:STEPS:GUIDANCE:ETA, such as ddim:50:2:0".into());
        }
        Ok(Self {
            sampler,
            num_inference_steps: steps,
            guidance_scale: guidance.unwrap_or(1.0),
            eta: eta.unwrap_or(0.0),
        })
    }
}

fn part<T: FromStr>(text: Option<&str>, what: &str) -> Result<Option<T>, String> {
    // `ddim::2` leaves the number of steps out.
    text.filter(|text| !text.is_empty())
        .map(|text| text.parse().map_err(|_| format!("`{text}` is not {what}")))
        .transpose()
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.sampler)?;
        if let Some(steps) = self.num_inference_steps {
            write!(f, "{steps}")?;
        }
        write!(f, ":{}", self.guidance_scale)?;
        if self.eta == 0.0 {
            Ok(())
        } else {
            write!(f, ":{}", self.eta)
        }
    }
}

/// Draws `count` images, in classes 0 to `classes` - 1 in turn (0 for an unconditional model), as bytes with their labels.
///
/// They are the images of `walkback sample --label all` with the same options and seed. The network sees all of them at
/// once: where memory is short, pass a [`Denoiser`] that splits them. `progress` gets each step and their number.
///
/// # Errors
/// A setting that the model or the sampler rejects, or a failure of the network.
pub fn draw<D: Denoiser>(
    model: &D,
    scheduler: &SchedulerConfig,
    spec: &ModelSpec,
    setting: &Setting,
    (count, classes): (usize, usize),
    seed: u64,
    mut progress: impl FnMut(usize, usize),
) -> Result<Dataset, ChainError<D::Error>> {
    let mut chain = chain(scheduler, spec, setting, (count, classes), seed).map_err(refused)?;
    let steps = chain.timesteps().len();
    while !chain.is_done() {
        progress(chain.index(), steps);
        pollster::block_on(chain.advance(model, AT_ONCE))?;
    }
    Ok(Dataset {
        images: chain.x_t().iter().map(|&x| to_byte(x)).collect(),
        labels: (0..classes.max(1))
            .cycle()
            .take(count)
            .map(|label| label as u8)
            .collect(),
        height: spec.height,
        width: spec.width,
        channels: spec.channels,
    })
}

/// Whether [`draw`] can draw from the model with this setting.
///
/// # Errors
/// A setting that the model or the sampler rejects.
pub fn check(
    scheduler: &SchedulerConfig,
    spec: &ModelSpec,
    setting: &Setting,
    classes: usize,
) -> Result<(), ChainError> {
    chain(scheduler, spec, setting, (classes.max(1), classes), 0).map(drop)
}

fn chain(
    scheduler: &SchedulerConfig,
    spec: &ModelSpec,
    setting: &Setting,
    (count, classes): (usize, usize),
    seed: u64,
) -> Result<Chain, ChainError> {
    let options = ChainOptions {
        seed,
        count,
        labels: (classes > 0).then(|| (0..classes).cycle().take(count).collect()),
        guidance_scale: setting.guidance_scale,
        sampler: setting.sampler,
        num_inference_steps: setting.steps(scheduler.num_train_timesteps),
        eta: setting.eta,
        ..ChainOptions::default()
    };
    Chain::new(scheduler, spec, options)
}

/// The same error as one of a chain whose network may fail.
fn refused<E: std::error::Error>(error: ChainError) -> ChainError<E> {
    match error {
        ChainError::Sampler(error) => ChainError::Sampler(error),
        ChainError::Option { option, reason } => ChainError::Option { option, reason },
        // A chain that has not made a step has no other error.
        other => ChainError::Option {
            option: "setting",
            reason: other.to_string(),
        },
    }
}
