//! Checkpoints in a run folder: written whole beside the old one, then renamed, so that a crash at any moment leaves a
//! complete one. `state.json` holds the SHA-256 of the other files: what a disk has damaged is not trained on.

use crate::folder::{self, FolderError};
use crate::unet::UNet;
use crate::unet::weights::StoredAs;
use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::store::ModuleRecord;
use burn::tensor::{Bytes, Device};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use thiserror::Error;

const WEIGHTS: &str = "weights.bpk";
pub(super) const OPTIMIZER: &str = "optimizer.bpk";
const EMA: &str = "ema.safetensors";
const MANIFEST: &str = "state.json";
const PREFIX: &str = "step-";
const TEMPORARY: &str = ".tmp";
/// Ends the name of a checkpoint whose place one of the same step is about to take.
const REPLACED: &str = ".replaced";

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
    #[error("{}: cannot be encoded ({reason}). The checkpoint before it is unchanged", .path.display())]
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
    #[error("{}: cannot be renamed or removed ({source}). Check the permissions; the checkpoints there are kept", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The reason given.
        source: std::io::Error,
    },
}

/// How far a training is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps taken.
    pub step: u64,
    /// Time spent, in seconds: training, checkpoints and samples.
    pub elapsed_s: f64,
}

/// `state.json`: how far the training was, and what the other files hold.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    #[serde(flatten)]
    progress: Progress,
    /// SHA-256 by file name.
    sha256: BTreeMap<String, String>,
}

fn sum(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// The folder of a step's checkpoint.
fn name(step: u64) -> String {
    format!("{PREFIX}{step:09}")
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
        .filter(|path| path.join(MANIFEST).is_file())
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
pub(crate) fn latest(run: &Path) -> Result<PathBuf, CheckpointError> {
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
    progress: Progress,
    unet: &UNet,
    ema: &UNet,
    optimizer: &ModuleOptimizer,
) -> Result<(), CheckpointError> {
    let parent = run.join("checkpoints");
    let name = name(progress.step);
    let temporary = parent.join(format!(".{name}{TEMPORARY}"));
    for unfinished in unfinished(&parent) {
        fs::remove_dir_all(&unfinished).map_err(folder_error(&unfinished))?;
    }
    let path = parent.join(name);
    let written =
        write(&temporary, progress, unet, ema, optimizer).and_then(|()| replace(&temporary, &path));
    if let Err(error) = written {
        // Best effort, and the reason above is the one worth telling: half a checkpoint would go on filling the disk.
        let _ = fs::remove_dir_all(&temporary);
        return Err(error);
    }
    // The new name has to be on the disk before an old checkpoint goes.
    folder::sync_folder(&parent);
    folder::sync_folder(run);
    let old = list(run);
    for path in &old[..old.len().saturating_sub(KEPT)] {
        remove(path)?;
    }
    Ok(())
}

/// Writes all files of a checkpoint, each of them flushed to the disk; `state.json`, which makes it complete, comes last.
fn write(
    folder: &Path,
    progress: Progress,
    unet: &UNet,
    ema: &UNet,
    optimizer: &ModuleOptimizer,
) -> Result<(), CheckpointError> {
    let encode = |file: &str, reason: String| CheckpointError::Encode {
        path: folder.join(file),
        reason,
    };
    let weights = unet.clone().into_record().into_bytes();
    let weights = weights.map_err(|e| encode(WEIGHTS, e.to_string()))?;
    let moments = optimizer.into_bytes();
    let moments = moments.map_err(|e| encode(OPTIMIZER, e.to_string()))?;
    let average = ema.to_safetensors(StoredAs::F32);
    let average = average.map_err(|e| encode(EMA, e.to_string()))?;
    let mut sha256 = BTreeMap::new();
    for (file, bytes) in [
        (WEIGHTS, &weights[..]),
        (OPTIMIZER, &moments),
        (EMA, &average),
    ] {
        folder::write_file(&folder.join(file), bytes)?;
        sha256.insert(file.to_owned(), sum(bytes));
    }
    let manifest = Manifest { progress, sha256 };
    let json = serde_json::to_vec_pretty(&manifest).map_err(|e| encode(MANIFEST, e.to_string()))?;
    folder::write_file(&folder.join(MANIFEST), &json)?;
    Ok(())
}

/// Renames the whole checkpoint `new` to `path`. One that is there steps aside until the new one has its name.
fn replace(new: &Path, path: &Path) -> Result<(), CheckpointError> {
    if !path.exists() {
        return fs::rename(new, path).map_err(folder_error(path));
    }
    let old = replaced(path);
    fs::rename(path, &old).map_err(folder_error(path))?;
    if let Err(source) = fs::rename(new, path) {
        // Best effort: what fails here, `put_back` does when the run is resumed.
        let _ = fs::rename(&old, path);
        return Err(folder_error(path)(source));
    }
    remove(&old)
}

/// Where the checkpoint at `path` is while it is replaced.
fn replaced(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}{REPLACED}"))
}

/// Gives checkpoints their names back that a process was replacing when it was killed. Only who holds the run's lock may.
///
/// # Errors
/// The operating system refuses.
pub(crate) fn put_back(run: &Path) -> Result<(), CheckpointError> {
    let checkpoints = run.join("checkpoints");
    let entries = fs::read_dir(&checkpoints).into_iter().flatten().flatten();
    for old in entries.map(|entry| entry.path()) {
        let name = old.file_name().unwrap_or_default().to_string_lossy();
        let Some(name) = (name.strip_prefix('.')).and_then(|name| name.strip_suffix(REPLACED))
        else {
            continue;
        };
        let path = checkpoints.join(name);
        if path.exists() {
            remove(&old)?;
        } else {
            fs::rename(&old, &path).map_err(folder_error(&path))?;
        }
    }
    Ok(())
}

/// Removes a checkpoint under another name, so that one killed halfway is not taken for a whole one.
fn remove(checkpoint: &Path) -> Result<(), CheckpointError> {
    let name = checkpoint.file_name().unwrap_or_default().to_string_lossy();
    let name = name.trim_start_matches('.');
    let doomed = checkpoint.with_file_name(format!(".{name}.old{TEMPORARY}"));
    fs::rename(checkpoint, &doomed).map_err(folder_error(checkpoint))?;
    fs::remove_dir_all(&doomed).map_err(folder_error(&doomed))
}

fn folder_error(path: &Path) -> impl FnOnce(std::io::Error) -> CheckpointError {
    let path = path.to_path_buf();
    move |source| CheckpointError::Folder { path, source }
}

fn broken(path: &Path, reason: impl ToString) -> CheckpointError {
    CheckpointError::Broken {
        path: path.into(),
        reason: reason.to_string(),
    }
}

/// Reads only how far the training was at a checkpoint.
///
/// # Errors
/// `state.json` is missing or broken.
pub(crate) fn read_progress(checkpoint: &Path) -> Result<Progress, CheckpointError> {
    Ok(manifest(checkpoint)?.progress)
}

fn manifest(checkpoint: &Path) -> Result<Manifest, CheckpointError> {
    let path = checkpoint.join(MANIFEST);
    let json = fs::read(&path).map_err(|e| broken(&path, e))?;
    let manifest: Manifest = serde_json::from_slice(&json).map_err(|e| broken(&path, e))?;
    let step = manifest.progress.step;
    if checkpoint.file_name() != Some(name(step).as_ref()) {
        return Err(broken(&path, format!("it is for step {step}")));
    }
    Ok(manifest)
}

/// The bytes of one file, which must be those that were written.
fn read(checkpoint: &Path, file: &str) -> Result<Vec<u8>, CheckpointError> {
    let path = checkpoint.join(file);
    let bytes = fs::read(&path).map_err(|e| broken(&path, e))?;
    match manifest(checkpoint)?.sha256.get(file) {
        Some(written) if *written == sum(&bytes) => Ok(bytes),
        Some(_) => Err(broken(
            &path,
            "its SHA-256 differs from the one in state.json: it was altered or damaged",
        )),
        None => Err(broken(
            &path,
            "state.json has no SHA-256 of it, so that nothing says whether it is whole",
        )),
    }
}

/// The averaged weights of a checkpoint, loaded into `unet`.
///
/// # Errors
/// The file is missing, broken, or of another architecture.
pub(crate) fn load_ema(
    checkpoint: &Path,
    unet: UNet,
    device: &Device,
) -> Result<UNet, CheckpointError> {
    let bytes = read(checkpoint, EMA)?;
    unet.load_safetensors(&bytes, device)
        .map_err(|e| broken(&checkpoint.join(EMA), e))
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
    let bytes = Bytes::from_bytes_vec(read(checkpoint, WEIGHTS)?);
    let unet = ModuleRecord::from_bytes(bytes)
        .and_then(|record| unet.try_load_record(record))
        .map_err(|e| broken(&checkpoint.join(WEIGHTS), e))?;
    let bytes = Bytes::from_bytes_vec(read(checkpoint, OPTIMIZER)?);
    let optimizer = optimizer
        .from_bytes(bytes)
        .map_err(|e| broken(&checkpoint.join(OPTIMIZER), e))?;
    Ok((unet, optimizer))
}
