//! Where learning begins: the page's model with a label more, or a small network that knows nothing.

use crate::folder::ModelFolder;
use crate::noise::NoiseStream;
use crate::pipeline::{Labels, Pipeline, PipelineError};
use crate::schedule::{SchedulerConfig, VarianceType};
use crate::train::loss::Loss;
use crate::train::preset::Preset;
use crate::unet::config::ClassEmbedType;
use crate::unet::weights::{StoredAs, to_safetensors};
use crate::unet::{UNet, UNetConfig, UNetConfigError, WeightsError, layers};
use burn::tensor::Device;
use thiserror::Error;

/// What the label of the examples is called.
const YOURS: &str = "yours";
/// What the null label is called where it stands between others: it needs a name, because labels are counted by them.
const ANY: &str = "any";
/// The rows of a table of labels, under PyTorch's name.
const ROWS: &str = "class_embedding.weight";
/// Seed of the noise that the new row begins with.
const ROW_SEED: u64 = 5;

/// Why nothing can begin.
#[derive(Debug, Error)]
pub enum BeginningError {
    /// The model's files.
    #[error(transparent)]
    Model(#[from] PipelineError),
    /// The network's configuration.
    #[error(transparent)]
    Config(#[from] UNetConfigError),
    /// The weights.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A network that has no place for a label more.
    #[error(
        "this model computes its labels instead of looking them up, so it cannot learn another one. Begin from nothing, or open a model with a table of classes, or one without"
    )]
    NoTable,
    /// A network that is asked in another way than those that are trained here.
    #[error(
        "this model is given its noise as sigma (EDM or a score network), and such networks are walked here, not trained. Begin from nothing, or open another model"
    )]
    Sigma,
    /// A learned variance that has no range.
    #[error(
        "this model's variance_type is learned, which cannot be trained; learned_range can. Begin from nothing, or open another model"
    )]
    Variance,
}

/// Everything that is there before the first step.
pub struct Beginning {
    pub(super) unet: UNet,
    pub(super) before: Option<Pipeline>,
    /// Its files.
    pub(super) folder: Option<ModelFolder>,
    pub(super) scheduler: SchedulerConfig,
    pub(super) labels: Labels,
    pub(super) label: Option<usize>,
    pub(super) loss: Loss,
    pub(super) device: Device,
}

impl Beginning {
    /// A model with one label more, `yours`, behind its classes and its null label, which keeps its number. A model without
    /// labels gets none: all that it draws is bent.
    ///
    /// # Errors
    /// The model's files do not fit, or it has no place for another label.
    pub fn from_model(folder: ModelFolder) -> Result<Self, BeginningError> {
        let device = Device::flex().autodiff();
        let plain = device.clone().inner();
        let before = folder.pipeline(&plain)?;
        let (config, scheduler) = (before.config(), before.scheduler().clone());
        if scheduler.exploding.is_some() {
            return Err(BeginningError::Sigma);
        }
        let loss = match scheduler.variance_type {
            VarianceType::Learned => return Err(BeginningError::Variance),
            VarianceType::LearnedRange => Loss::Hybrid,
            _ => Loss::Simple,
        };
        let (unet, labels, label) = match (config.num_class_embeds, config.class_embed_type) {
            (None, None) | (_, Some(ClassEmbedType::Identity)) => {
                let unet = UNet::blank(config, &device)?;
                let weights = before.unet().to_safetensors(StoredAs::F32)?;
                let unet = unet.load_safetensors(&weights, &device)?;
                (unet, before.labels().clone(), None)
            }
            (Some(count), None) => {
                let unet = with_another_row(&before, count, &device)?;
                (unet, with_yours(before.labels(), count), Some(count))
            }
            (_, Some(ClassEmbedType::Timestep)) => return Err(BeginningError::NoTable),
        };
        Ok(Self {
            unet,
            before: Some(before),
            folder: Some(folder),
            scheduler,
            labels,
            label,
            loss,
            device,
        })
    }

    /// A small network for images of `[c, h, w]`, with weights drawn from `seed`.
    ///
    /// # Errors
    /// No network takes such images.
    pub fn from_nothing(shape: [usize; 3], seed: u64) -> Result<Self, BeginningError> {
        let device = Device::flex().autodiff();
        let config = Preset::Tiny.unet(shape, 0);
        layers::seed_init(seed);
        Ok(Self {
            unet: UNet::new(&config, &device)?,
            before: None,
            folder: None,
            scheduler: SchedulerConfig::default(),
            labels: Labels::default(),
            label: None,
            loss: Loss::MinSnr,
            device,
        })
    }
}

/// Names for one label more than `count`. Labels without a name, as the null label often is, get one, so that `yours` is
/// the name of its own.
fn with_yours(labels: &Labels, count: usize) -> Labels {
    let mut names = labels.names.clone();
    for label in names.len()..count {
        let is_null = labels.null == Some(label);
        names.push(if is_null {
            ANY.into()
        } else {
            label.to_string()
        });
    }
    let is_free = |name: &String| !names.contains(name);
    let numbered = (2..).map(|n| format!("{YOURS} {n}"));
    let own = std::iter::once(YOURS.to_owned())
        .chain(numbered)
        .find(is_free);
    names.extend(own);
    Labels {
        names,
        null: labels.null,
    }
}

/// The network with a row more in its table of labels.
fn with_another_row(
    before: &Pipeline,
    count: usize,
    device: &Device,
) -> Result<UNet, BeginningError> {
    let mut tensors = before.unet().state_dict();
    let Some((shape, rows)) = tensors.get_mut(ROWS) else {
        return Err(BeginningError::NoTable);
    };
    let width = rows.len() / count;
    let column = |k: usize| rows.iter().skip(k).step_by(width);
    let mean: Vec<f32> = (0..width)
        .map(|k| column(k).sum::<f32>() / count as f32)
        .collect();
    let squares = rows.iter().enumerate();
    let squares = squares.map(|(i, x)| (x - mean[i % width]).powi(2));
    let spread = (squares.sum::<f32>() / rows.len() as f32).sqrt();
    let near = match before.labels().null {
        Some(null) => &rows[null * width..][..width],
        None => &mean[..],
    };
    // As far from "any" as classes are from each other, in a direction of its own: from the same place it would take
    // hundreds of steps until the network can tell them apart.
    let noise = NoiseStream::new(ROW_SEED).normal(width);
    let row: Vec<f32> = near
        .iter()
        .zip(noise)
        .map(|(x, eps)| x + spread * eps)
        .collect();
    rows.extend(row);
    shape[0] += 1;
    let config = UNetConfig {
        num_class_embeds: Some(count + 1),
        ..before.config().clone()
    };
    let weights = to_safetensors(&tensors, StoredAs::F32)?;
    Ok(UNet::blank(&config, device)?.load_safetensors(&weights, device)?)
}
