//! Checkpoints in a run folder: written whole beside the old one, then renamed, so that a crash at any moment leaves a complete one.

use crate::folder::{self, FolderError};
use crate::unet::UNet;
use crate::unet::weights::StoredAs;
use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::store::ModuleRecord;
use burn::tensor::{Bytes, Device};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use thiserror::Error;

const WEIGHTS: &str = "weights.bpk";
const OPTIMIZER: &str = "optimizer.bpk";
const EMA: &str = "ema.safetensors";
const STATE: &str = "state.json";
const PREFIX: &str = "step-";
const TEMPORARY: &str = ".tmp";

/// Checkpoints kept in a run folder: the last, and the one before it.
const KEPT: usize = 2;

/// Why a checkpoint cannot be written or read.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// There is none.
    #[error("{}: no checkpoint to resume from. Start without --resume, or give the run's folder", .0.display())]
    None(PathBuf),
    /// A file is missing or broken.
    #[error("{}: cannot be read ({reason}). Delete this checkpoint to resume from the one before it", .path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// What is to be written cannot be put into the form of its file.
    #[error("{}: cannot be put together ({reason}). The checkpoint before it stays as it is", .path.display())]
    Encode {
        /// The file.
        path: PathBuf,
        /// The reason given.
        reason: String,
    },
    /// The operating system refused to write.
    #[error(transparent)]
    Write(#[from] FolderError),
    /// A folder cannot be renamed or removed.
    #[error("{}: {source}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The reason given.
        source: std::io::Error,
    },
}

/// What a checkpoint says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Steps taken.
    pub step: u64,
    /// Time spent, in seconds: training, checkpoints and samples.
    pub elapsed_s: f64,
}

/// The folders of complete checkpoints, oldest first.
fn list(run: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(run.join("checkpoints"))
        .into_iter()
        .flatten()
        .flatten();
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(PREFIX))
        })
        .filter(|path| path.join(STATE).is_file())
        .collect();
    found.sort();
    found
}

/// What killed processes left of the checkpoints that they were writing or removing.
fn unfinished(checkpoints: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(checkpoints).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| {
            path.file_name().is_some_and(|name| {
                let name = name.to_string_lossy();
                name.starts_with(&format!(".{PREFIX}")) && name.ends_with(TEMPORARY)
            })
        })
        .collect()
}

/// The newest complete checkpoint of a run.
///
/// # Errors
/// There is none.
pub fn latest(run: &Path) -> Result<PathBuf, CheckpointError> {
    list(run)
        .pop()
        .ok_or_else(|| CheckpointError::None(run.into()))
}

/// Writes a checkpoint and removes all but the last ones.
///
/// # Errors
/// The disk is full or refuses; the checkpoints before are untouched then.
pub fn save(
    run: &Path,
    state: State,
    unet: &UNet,
    ema: &UNet,
    optimizer: &ModuleOptimizer,
) -> Result<(), CheckpointError> {
    let parent = run.join("checkpoints");
    let name = format!("{PREFIX}{:09}", state.step);
    let temporary = parent.join(format!(".{name}{TEMPORARY}"));
    for unfinished in unfinished(&parent) {
        fs::remove_dir_all(&unfinished).map_err(folder_error(&unfinished))?;
    }
    let encode = |file: &str, reason: String| CheckpointError::Encode {
        path: temporary.join(file),
        reason,
    };
    let weights = unet
        .clone()
        .into_record()
        .into_bytes()
        .map_err(|e| encode(WEIGHTS, e.to_string()))?;
    folder::write_file(&temporary.join(WEIGHTS), &weights)?;
    let moments = optimizer
        .into_bytes()
        .map_err(|e| encode(OPTIMIZER, e.to_string()))?;
    folder::write_file(&temporary.join(OPTIMIZER), &moments)?;
    let average = ema
        .to_safetensors(StoredAs::F32)
        .map_err(|e| encode(EMA, e.to_string()))?;
    folder::write_file(&temporary.join(EMA), &average)?;
    let json = serde_json::to_vec_pretty(&state).map_err(|e| encode(STATE, e.to_string()))?;
    folder::write_file(&temporary.join(STATE), &json)?;
    let path = parent.join(name);
    if path.exists() {
        remove(&path)?;
    }
    fs::rename(&temporary, &path).map_err(folder_error(&path))?;
    let old = list(run);
    for path in &old[..old.len().saturating_sub(KEPT)] {
        remove(path)?;
    }
    Ok(())
}

/// Removes a checkpoint under another name, so that one killed halfway is not taken for a whole one.
fn remove(checkpoint: &Path) -> Result<(), CheckpointError> {
    let name = checkpoint.file_name().unwrap_or_default().to_string_lossy();
    let doomed = checkpoint.with_file_name(format!(".{name}.old{TEMPORARY}"));
    fs::rename(checkpoint, &doomed).map_err(folder_error(checkpoint))?;
    fs::remove_dir_all(&doomed).map_err(folder_error(&doomed))
}

fn folder_error(path: &Path) -> impl FnOnce(std::io::Error) -> CheckpointError {
    let path = path.to_path_buf();
    move |source| CheckpointError::Folder { path, source }
}

fn read(path: PathBuf) -> Result<Vec<u8>, CheckpointError> {
    fs::read(&path).map_err(|e| CheckpointError::Broken {
        path,
        reason: e.to_string(),
    })
}

/// Reads only what a checkpoint says of itself.
///
/// # Errors
/// `state.json` is missing or broken.
pub fn read_state(checkpoint: &Path) -> Result<State, CheckpointError> {
    let path = checkpoint.join(STATE);
    let json = read(path.clone())?;
    serde_json::from_slice(&json).map_err(|e| CheckpointError::Broken {
        path,
        reason: e.to_string(),
    })
}

/// The averaged weights of a checkpoint, loaded into `unet`.
///
/// # Errors
/// The file is missing, broken, or of another architecture.
pub fn load_ema(checkpoint: &Path, unet: UNet, device: &Device) -> Result<UNet, CheckpointError> {
    let path = checkpoint.join(EMA);
    let bytes = read(path.clone())?;
    unet.load_safetensors(&bytes, device)
        .map_err(|e| CheckpointError::Broken {
            path,
            reason: e.to_string(),
        })
}

/// The trained weights and the optimizer's moments of a checkpoint, as they were, to the bit.
///
/// # Errors
/// A file is missing, broken, or of another architecture.
pub fn load(
    checkpoint: &Path,
    unet: UNet,
    optimizer: ModuleOptimizer,
) -> Result<(UNet, ModuleOptimizer), CheckpointError> {
    let path = checkpoint.join(WEIGHTS);
    let bytes = Bytes::from_bytes_vec(read(path.clone())?);
    let unet = ModuleRecord::from_bytes(bytes)
        .and_then(|record| unet.try_load_record(record))
        .map_err(|e| CheckpointError::Broken {
            path,
            reason: e.to_string(),
        })?;
    let path = checkpoint.join(OPTIMIZER);
    let bytes = Bytes::from_bytes_vec(read(path.clone())?);
    let optimizer = optimizer
        .from_bytes(bytes)
        .map_err(|e| CheckpointError::Broken {
            path,
            reason: e.to_string(),
        })?;
    Ok((unet, optimizer))
}
