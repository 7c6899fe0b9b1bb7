//! All of a learner as bytes, to continue after a reload as if there had been none: a safetensors file of its parts.

#[cfg(feature = "gpu")]
use super::OnGpu;
use super::descent::{Descent, OnCpu, State, adamw};
use super::{Beginning, BeginningError, Examples, LearnError, Learner, Rehearsal};
use crate::folder::ModelFolder;
use crate::pipeline::Labels;
use crate::schedule::SchedulerConfig;
use crate::train::loss::Loss;
use crate::unet::weights::StoredAs;
use crate::unet::{UNet, UNetConfig};
use burn::module::Module;
use burn::store::ModuleRecord;
use burn::tensor::{Bytes, Device};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use thiserror::Error;

const ABOUT: &str = "about";
const WEIGHTS: &str = "weights";
const OPTIMIZER: &str = "optimizer";
const AVERAGE: &str = "average";
const BEFORE: &str = "before";
const EXAMPLES: &str = "examples";
const REHEARSAL: &str = "rehearsal";
/// Written into every file, and raised when what is in it changes its meaning.
const VERSION: u32 = 1;

/// Why a learner cannot be kept, or what was kept cannot be used.
#[derive(Debug, Error)]
pub enum KeptError {
    /// Something in it is missing, damaged, or of another version.
    #[error("what was kept of learning cannot be read ({0}); forget it, and begin again")]
    Broken(String),
    /// It cannot be put into the form of its file.
    #[error("what was learned cannot be kept ({0})")]
    Encode(String),
    /// The model that learning began with.
    #[error(transparent)]
    Beginning(#[from] BeginningError),
    /// The learner.
    #[error(transparent)]
    Learn(#[from] LearnError),
}

/// What is kept as text.
#[derive(Serialize, Deserialize)]
struct About {
    version: u32,
    step: u64,
    unet: UNetConfig,
    scheduler: String,
    labels: Labels,
    label: Option<usize>,
    loss: Loss,
    /// The files of the model that learning began with, without its weights.
    before: Option<[Option<String>; 3]>,
    examples: Examples,
    rehearsal_labels: Vec<usize>,
}

fn broken(reason: impl ToString) -> KeptError {
    KeptError::Broken(reason.to_string())
}

fn encode(reason: impl ToString) -> KeptError {
    KeptError::Encode(reason.to_string())
}

fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn values_of(bytes: &[u8]) -> Vec<f32> {
    let values = bytes.as_chunks::<4>().0.iter();
    values.map(|b| f32::from_le_bytes(*b)).collect()
}

impl<D: Descent> Learner<D> {
    /// Everything that the next step depends on. It does not say where it was learned.
    ///
    /// # Errors
    /// Weights that are not finite, or the device failed.
    pub async fn keep(&self) -> Result<Vec<u8>, KeptError> {
        let state = self.descent.state().await.map_err(LearnError::from)?;
        let State {
            unet,
            average,
            optimizer,
        } = &state;
        let mut examples = self.examples.clone();
        let images = examples.take_images();
        let about = About {
            version: VERSION,
            step: self.step,
            unet: unet.config().clone(),
            scheduler: self.scheduler.to_json(),
            labels: self.labels.clone(),
            label: self.label,
            loss: self.objective.loss,
            before: self.folder_before.as_ref().map(|folder| {
                let (unet, scheduler) = (&folder.unet_config, &folder.scheduler_config);
                [
                    Some(unet.clone()),
                    Some(scheduler.clone()),
                    folder.labels.clone(),
                ]
            }),
            examples,
            rehearsal_labels: self.rehearsal.labels.clone(),
        };
        let weights = unet.clone().into_record().into_bytes().map_err(encode)?;
        let optimizer = optimizer.into_bytes().map_err(encode)?;
        let before = self.folder_before.as_ref();
        let parts: [(&str, &[u8]); 7] = [
            (ABOUT, &serde_json::to_vec(&about).map_err(encode)?),
            (WEIGHTS, &weights),
            (OPTIMIZER, &optimizer),
            (
                AVERAGE,
                &average.to_safetensors(StoredAs::F32).map_err(encode)?,
            ),
            (BEFORE, before.map_or(&[], |folder| &folder.weights[..])),
            (EXAMPLES, &bytes_of(&images)),
            (REHEARSAL, &bytes_of(&self.rehearsal.images)),
        ];
        let views = parts.map(|(name, bytes)| {
            let view = TensorView::new(Dtype::U8, vec![bytes.len()], bytes);
            view.map(|view| (name, view))
        });
        let views: Vec<_> = views
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(encode)?;
        safetensors::serialize(views, None).map_err(encode)
    }

    /// A learner as it was when it was kept; there is nothing to undo. `begin` makes it of its beginning.
    fn continued_by(
        bytes: &[u8],
        begin: impl FnOnce(Beginning) -> Result<Self, LearnError>,
    ) -> Result<Self, KeptError> {
        let file = SafeTensors::deserialize(bytes).map_err(broken)?;
        let parts: HashMap<_, _> = file
            .iter()
            .map(|(name, view)| (name, view.data()))
            .collect();
        let part = |name: &str| {
            let part = parts.get(name).copied();
            part.ok_or_else(|| broken(format!("it has no {name}")))
        };
        let about: About = serde_json::from_slice(part(ABOUT)?).map_err(broken)?;
        if about.version != VERSION {
            return Err(broken(format!("it is of version {}", about.version)));
        }
        let device = Device::flex().autodiff();
        let plain = device.clone().inner();
        let (folder_before, before) = match about.before {
            Some([Some(unet_config), Some(scheduler_config), labels]) => {
                let folder = ModelFolder {
                    unet_config,
                    scheduler_config,
                    labels,
                    golden: None,
                    weights: part(BEFORE)?.to_vec(),
                    notes: Vec::new(),
                };
                let pipeline = folder.pipeline(&plain).map_err(broken)?;
                (Some(folder), Some(pipeline))
            }
            _ => (None, None),
        };
        let record = |name: &str| Ok::<_, KeptError>(Bytes::from_bytes_vec(part(name)?.to_vec()));
        let blank = UNet::blank(&about.unet, &device).map_err(broken)?;
        let unet = ModuleRecord::from_bytes(record(WEIGHTS)?)
            .and_then(|record| blank.try_load_record(record))
            .map_err(broken)?;
        let optimizer = adamw().from_bytes(record(OPTIMIZER)?).map_err(broken)?;
        let average = UNet::blank(&about.unet, &plain)
            .map_err(broken)?
            .load_safetensors(part(AVERAGE)?, &plain)
            .map_err(broken)?;
        let beginning = Beginning {
            unet,
            before,
            folder: folder_before,
            scheduler: SchedulerConfig::from_json(&about.scheduler).map_err(broken)?,
            labels: about.labels,
            label: about.label,
            loss: about.loss,
            device,
        };
        let unet = beginning.unet.clone();
        let mut learner = begin(beginning)?;
        learner.examples = about.examples;
        learner.examples.show(values_of(part(EXAMPLES)?));
        learner.rehearsal = Rehearsal {
            images: values_of(part(REHEARSAL)?),
            labels: about.rehearsal_labels,
        };
        let state = State {
            unet,
            average,
            optimizer,
        };
        learner.step = about.step;
        learner.descent.resume(state.clone(), about.step);
        learner.good = vec![(about.step, state)];
        Ok(learner)
    }
}

impl Learner<OnCpu> {
    /// A learner as it was when it was kept, on the CPU; there is nothing to undo.
    ///
    /// # Errors
    /// The bytes are damaged, or of another version.
    pub fn continued(bytes: &[u8]) -> Result<Self, KeptError> {
        Self::continued_by(bytes, |beginning| Self::new(beginning, 0))
    }
}

#[cfg(feature = "gpu")]
impl Learner<OnGpu> {
    /// A learner as it was when it was kept, on the device of `client`; there is nothing to undo.
    ///
    /// # Errors
    /// The bytes are damaged, or of another version, or the network is not learned on a GPU.
    pub fn continued_on_gpu(
        bytes: &[u8],
        client: &'static cubecl::client::Client,
    ) -> Result<Self, KeptError> {
        Self::continued_by(bytes, |beginning| Self::on_gpu(beginning, 0, client))
    }
}
