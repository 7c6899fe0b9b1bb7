//! A model folder on disk, in the layout of diffusers: read into memory, written file by file.
//!
//! [`Pipeline`] takes the contents; it knows no file system. The older flat layout
//! (`config.json`, weights and `scheduler_config.json` at the root) is read too, never written.

pub mod layout;
mod weights;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use thiserror::Error;

use crate::model_index::{self, ModelIndexError};
use crate::pipeline::{Golden, Labels, Pipeline, PipelineError};
use crate::schedule::SchedulerConfig;
use crate::stored::Stored;
use crate::unet::UNet;
use crate::unet::weights::StoredAs;
use crate::weights::WeightsFileError;

#[cfg(feature = "native")]
pub(crate) use weights::{choose_weights, shards_of};

use layout::{
    BEST, EMA_CONFIG, GOLDEN, LABELS, MAX_JSON, MODEL_INDEX, OPTIMUM, SCHEDULER_CONFIG,
    UNET_CONFIG, USUAL_WEIGHTS,
};

/// The byte order mark that editors on Windows write before the text; JSON has no such character.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// `model_index.json` of every folder written here: the parts of diffusers' DDPMPipeline.
pub(crate) const MODEL_INDEX_JSON: &str = r#"{
  "_class_name": "DDPMPipeline",
  "_diffusers_version": "0.42.1",
  "scheduler": [
    "diffusers",
    "DDPMScheduler"
  ],
  "unet": [
    "diffusers",
    "UNet2DModel"
  ]
}
"#;

/// What a model folder holds, as it lies in the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFolder {
    /// `unet/config.json`, diffusers' UNet2DModel.
    pub unet_config: String,
    /// `scheduler/scheduler_config.json`, diffusers' DDPMScheduler.
    pub scheduler_config: String,
    /// `labels.json`: class names and the null label.
    pub labels: Option<String>,
    /// `golden.json`: one input's eps-hat, to check a device with.
    pub golden: Option<String>,
    /// `unet/diffusion_pytorch_model.safetensors`, or other files of weights, converted.
    pub weights: Vec<u8>,
    /// What was chosen where the folder has alternatives, in sentences.
    pub notes: Vec<String>,
}

/// Which weights are read from a folder with both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// Those in `unet_ema/`, averaged over training.
    #[default]
    Averaged,
    /// Those in `unet/`.
    Trained,
}

impl ModelFolder {
    /// The folder of a network on `device`, with the golden output that devices are checked with: that of the weights as
    /// stored, which half precision has rounded.
    ///
    /// # Errors
    /// Weights that are not finite, or do not fit half precision.
    pub async fn of(
        unet: UNet,
        scheduler: SchedulerConfig,
        labels: Labels,
        stored_as: StoredAs,
        device: &Device,
    ) -> Result<Self, PipelineError> {
        let weights = unet.to_safetensors(stored_as)?;
        let unet = unet.load_safetensors(&weights, device)?;
        let pipeline = Pipeline::new(unet, scheduler, labels, device);
        let eps = pipeline.golden_output().await?;
        let golden = Golden {
            input: pipeline.golden_input(),
            eps,
        };
        let (config, labels) = (pipeline.config(), pipeline.labels());
        // Numbers and strings alone always have a JSON.
        let json = |e: serde_json::Error| PipelineError::Labels(e.to_string());
        Ok(Self {
            unet_config: config.to_json(),
            scheduler_config: pipeline.scheduler().to_json(),
            labels: (config.num_class_embeds.is_some())
                .then(|| serde_json::to_string(labels))
                .transpose()
                .map_err(json)?,
            golden: Some(serde_json::to_string(&golden).map_err(json)?),
            weights,
            notes: Vec::new(),
        })
    }

    /// The model that the files describe, on `device`.
    ///
    /// # Errors
    /// See [`Pipeline::from_bytes`].
    pub fn pipeline(&self, device: &Device) -> Result<Pipeline, PipelineError> {
        Pipeline::from_bytes(
            &self.unet_config,
            &self.scheduler_config,
            self.labels.as_deref(),
            &self.weights,
            device,
        )
    }
}

/// Why a model folder cannot be read or written, and what to do.
#[derive(Debug, Error)]
pub enum FolderError {
    /// The folder does not exist or is a file.
    #[error("{}: no such folder. Give a model folder: one that `walkback export` or diffusers' save_pretrained wrote", .path.display())]
    NoFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A part is not there.
    #[error("{}: no {what} (looked for {looked_for}){hint}", .path.display())]
    Missing {
        /// The folder.
        path: PathBuf,
        /// The part that is missing.
        what: &'static str,
        /// The names tried.
        looked_for: String,
        /// What to do.
        hint: &'static str,
    },
    /// The operating system refused to read.
    #[error("{}: cannot be read ({source})", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason given.
        source: io::Error,
    },
    /// A JSON file is far larger than such a file can be.
    #[error("{}: more than 16 MiB, far too large for such a file. Check that this is a model folder", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The weights cannot be used.
    #[error("{}: {reason}", .path.display())]
    Weights {
        /// The first file of them.
        path: PathBuf,
        /// What is wrong with it.
        reason: WeightsFileError,
    },
    /// The list of the files that the weights are split into cannot be used.
    #[error("{}: {reason}. Copy it, and the files that it lists, from the source of the model", .path.display())]
    Index {
        /// The list.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// `model_index.json` names a pipeline whose U-Net does not draw images by itself.
    #[error("{}: {reason}", .path.display())]
    Pipeline {
        /// The file.
        path: PathBuf,
        /// What else the pipeline needs.
        reason: ModelIndexError,
    },
    /// The operating system refused to write.
    #[error("{}: cannot be written ({source}). Check the permissions and the free disk space; the previous file is kept", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The reason given.
        source: io::Error,
    },
}

impl FolderError {
    /// That `path` is no model folder, as it has no configuration of a U-Net.
    pub(crate) fn no_config(path: &Path) -> Self {
        Self::Missing {
            path: path.into(),
            what: "U-Net configuration",
            looked_for: UNET_CONFIG.join(", "),
            hint: ". Give the folder that holds unet/, or run `walkback export` on a run folder first",
        }
    }
}

/// Reads a model folder. `labels` and `golden` are `None` where their files are missing; of averaged and other weights the
/// averaged are taken.
///
/// # Errors
/// See [`FolderError`].
pub fn read(path: &Path) -> Result<ModelFolder, FolderError> {
    read_which(path, Which::default())
}

/// Reads a model folder, with the weights asked for where there are several.
///
/// # Errors
/// See [`FolderError`].
pub fn read_which(path: &Path, which: Which) -> Result<ModelFolder, FolderError> {
    if !path.is_dir() {
        return Err(FolderError::NoFolder { path: path.into() });
    }
    let index = path.join(MODEL_INDEX);
    if index.is_file() {
        model_index::check(&read_json(&index)?).map_err(|reason| FolderError::Pipeline {
            path: index,
            reason,
        })?;
    }
    let mut notes = Vec::new();
    let averaged = first_of(path, &[EMA_CONFIG]);
    let trained = first_of(path, &UNET_CONFIG);
    if let (Some(_), Some(_)) = (&averaged, &trained) {
        notes.push(match which {
            Which::Averaged => "Using the averaged weights in unet_ema/, not those in unet/".into(),
            Which::Trained => {
                "Using the weights in unet/, not the averaged ones in unet_ema/".into()
            }
        });
    }
    let unet_config = match which {
        Which::Averaged => averaged.or(trained),
        Which::Trained => trained.or(averaged),
    };
    let unet_config = unet_config.ok_or_else(|| FolderError::no_config(path))?;
    let scheduler_config =
        first_of(path, &SCHEDULER_CONFIG).ok_or_else(|| FolderError::Missing {
            path: path.into(),
            what: "scheduler configuration",
            looked_for: SCHEDULER_CONFIG.join(", "),
            hint: ". Copy it from the source of the model: without it the noise schedule is unknown",
        })?;
    let files = weights::find(unet_config.parent().unwrap_or(path))?;
    let optional = |name: &str| {
        let file = path.join(name);
        if file.is_file() {
            read_json(&file).map(Some)
        } else {
            Ok(None)
        }
    };
    let contents = files
        .iter()
        .map(|path| {
            fs::read(path).map_err(|source| FolderError::Read {
                path: path.clone(),
                source,
            })
        })
        .collect::<Result<_, _>>()?;
    let read = crate::weights::read(contents).map_err(|reason| FolderError::Weights {
        path: files.into_iter().next().unwrap_or_default(),
        reason,
    })?;
    notes.extend(read.notes);
    let scheduler_config = read_json(&scheduler_config)?;
    notes.extend(SchedulerConfig::notes(&scheduler_config));
    Ok(ModelFolder {
        unet_config: read_json(&unet_config)?,
        scheduler_config,
        labels: optional(LABELS)?,
        golden: optional(GOLDEN)?,
        weights: read.safetensors.into_bytes(),
        notes,
    })
}

/// Writes a model folder, each file whole or not at all; other files there (a model card) stay.
/// A `labels.json` or `golden.json` of an earlier model is removed where this one has none, and so are its `best.json` and
/// `optimum.json`.
pub fn write(path: &Path, folder: &ModelFolder) -> Result<(), FolderError> {
    // The golden value goes first and comes last: it must never stand beside the weights of another model. What was
    // measured of those goes too.
    remove(&path.join(GOLDEN))?;
    remove(&path.join(BEST))?;
    remove(&path.join(OPTIMUM))?;
    write_file(&path.join("unet").join(USUAL_WEIGHTS), &folder.weights)?;
    write_file(&path.join(UNET_CONFIG[0]), folder.unet_config.as_bytes())?;
    write_file(
        &path.join(SCHEDULER_CONFIG[0]),
        folder.scheduler_config.as_bytes(),
    )?;
    match &folder.labels {
        Some(labels) => write_file(&path.join(LABELS), labels.as_bytes())?,
        None => remove(&path.join(LABELS))?,
    }
    write_file(&path.join(MODEL_INDEX), model_index_of(folder).as_bytes())?;
    if let Some(golden) = &folder.golden {
        write_file(&path.join(GOLDEN), golden.as_bytes())?;
    }
    Ok(())
}

/// `model_index.json`, with the class of the scheduler.
fn model_index_of(folder: &ModelFolder) -> String {
    let class = SchedulerConfig::class_of(&folder.scheduler_config);
    MODEL_INDEX_JSON.replace("DDPMScheduler", &class)
}

/// Writes `bytes` to `path` so that after a crash at any moment the old file or the new one is there, never half of one:
/// a temporary file next to it, flushed to the disk, then renamed. Creates the folders above it.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = parent.join(name);
    let written = fs::create_dir_all(parent)
        .and_then(|()| write_and_sync(&temporary, bytes))
        .and_then(|()| fs::rename(&temporary, path));
    if let Err(source) = written {
        // Best effort: the reason above is the one worth telling.
        let _ = fs::remove_file(&temporary);
        return Err(FolderError::Write {
            path: path.into(),
            source,
        });
    }
    sync_folder(parent);
    Ok(())
}

fn write_and_sync(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Flushes the names in a folder, a renamed one for instance, to the disk. Best effort: systems that cannot open folders
/// (Windows) do so themselves, and some file systems refuse.
pub(crate) fn sync_folder(path: &Path) {
    if let Ok(folder) = File::open(path) {
        let _ = folder.sync_all();
    }
}

fn remove(path: &Path) -> Result<(), FolderError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(FolderError::Write {
            path: path.into(),
            source,
        }),
        _ => Ok(()),
    }
}

fn first_of(dir: &Path, names: &[&str]) -> Option<PathBuf> {
    names
        .iter()
        .map(|name| dir.join(name))
        .find(|path| path.is_file())
}

/// The text of a JSON file of at most 16 MiB, without the byte order mark that some editors put in front.
///
/// # Errors
/// It cannot be read, is larger, or is not UTF-8.
pub fn read_json(path: &Path) -> Result<String, FolderError> {
    let read = |source| FolderError::Read {
        path: path.into(),
        source,
    };
    let mut text = String::new();
    let length = File::open(path)
        .map_err(read)?
        .take(MAX_JSON + 1)
        .read_to_string(&mut text)
        .map_err(read)?;
    if length as u64 > MAX_JSON {
        return Err(FolderError::TooLarge { path: path.into() });
    }
    if text.starts_with(BYTE_ORDER_MARK) {
        text.drain(..BYTE_ORDER_MARK.len_utf8());
    }
    Ok(text)
}
