//! A model folder on disk, in the layout of diffusers: read into memory, written file by file.
//!
//! [`Pipeline`](crate::pipeline::Pipeline) takes the contents; it knows no file system. The older flat layout
//! (`config.json`, weights and `scheduler_config.json` at the root) is read too, never written.

pub mod layout;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use thiserror::Error;

use crate::model_index::{self, ModelIndexError};
use crate::pipeline::{Pipeline, PipelineError};

use layout::{GOLDEN, LABELS, MAX_JSON, MODEL_INDEX, SCHEDULER_CONFIG, UNET_CONFIG, WEIGHTS};

/// What Windows' editors write before the text; JSON knows no such character.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// `model_index.json` of every folder written here: the parts of diffusers' DDPMPipeline.
const MODEL_INDEX_JSON: &str = r#"{
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
    /// `unet/diffusion_pytorch_model.safetensors`.
    pub weights: Vec<u8>,
}

impl ModelFolder {
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
        /// The folder asked for.
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
    #[error("{}: more than 16 MiB, which no such file needs. Is this a model folder?", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
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
    #[error("{}: cannot be written ({source}). Check the permissions and the space on the disk; what was there before is kept", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The reason given.
        source: io::Error,
    },
}

/// Reads a model folder. `labels` and `golden` are `None` where their files are missing.
pub fn read(path: &Path) -> Result<ModelFolder, FolderError> {
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
    let unet_config = first_of(path, &UNET_CONFIG).ok_or_else(|| FolderError::Missing {
        path: path.into(),
        what: "U-Net configuration",
        looked_for: UNET_CONFIG.join(", "),
        hint: ". Give the folder that holds unet/, or run `walkback export` on a run folder first",
    })?;
    let scheduler_config =
        first_of(path, &SCHEDULER_CONFIG).ok_or_else(|| FolderError::Missing {
            path: path.into(),
            what: "scheduler configuration",
            looked_for: SCHEDULER_CONFIG.join(", "),
            hint: ". Copy it from where the model came from: without it the noise schedule is unknown",
        })?;
    let weights = find_weights(unet_config.parent().unwrap_or(path))?;
    let optional = |name: &str| {
        let file = path.join(name);
        if file.is_file() {
            read_json(&file).map(Some)
        } else {
            Ok(None)
        }
    };
    Ok(ModelFolder {
        unet_config: read_json(&unet_config)?,
        scheduler_config: read_json(&scheduler_config)?,
        labels: optional(LABELS)?,
        golden: optional(GOLDEN)?,
        weights: fs::read(&weights).map_err(|source| FolderError::Read {
            path: weights,
            source,
        })?,
    })
}

/// Writes a model folder, each file whole or not at all; other files there (a model card) stay.
/// A `labels.json` or `golden.json` of an earlier model is removed where this one has none.
pub fn write(path: &Path, folder: &ModelFolder) -> Result<(), FolderError> {
    // The golden value goes first and comes last: it must never stand beside the weights of another model.
    remove(&path.join(GOLDEN))?;
    write_file(&path.join("unet").join(WEIGHTS[0]), &folder.weights)?;
    write_file(&path.join(UNET_CONFIG[0]), folder.unet_config.as_bytes())?;
    write_file(
        &path.join(SCHEDULER_CONFIG[0]),
        folder.scheduler_config.as_bytes(),
    )?;
    match &folder.labels {
        Some(labels) => write_file(&path.join(LABELS), labels.as_bytes())?,
        None => remove(&path.join(LABELS))?,
    }
    write_file(&path.join(MODEL_INDEX), MODEL_INDEX_JSON.as_bytes())?;
    if let Some(golden) = &folder.golden {
        write_file(&path.join(GOLDEN), golden.as_bytes())?;
    }
    Ok(())
}

/// Writes `bytes` to `path` so that a reader, or a crash at any moment, sees the old file or the new one, never half of one:
/// a temporary file beside it, flushed to the disk, then renamed. Makes the folders above it.
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

fn find_weights(dir: &Path) -> Result<PathBuf, FolderError> {
    if let Some(path) = first_of(dir, &WEIGHTS) {
        return Ok(path);
    }
    let hint = if dir.join("diffusion_pytorch_model.bin").is_file() {
        ". There is a diffusion_pytorch_model.bin, which is not read because it can run code: load it in diffusers \
         and save it with safe_serialization=True"
    } else if dir
        .join("diffusion_pytorch_model.safetensors.index.json")
        .is_file()
    {
        ". The weights are split into several files, which is not supported: save them in diffusers with a larger \
         max_shard_size"
    } else {
        ". Copy the weights there as safetensors"
    };
    Err(FolderError::Missing {
        path: dir.into(),
        what: "weights",
        looked_for: WEIGHTS.join(", "),
        hint,
    })
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
