//! The cache of judges: each is trained once for a data set and a configuration, and kept in the user's cache folder.
//!
//! A judge's folder is named by a hash of the data and the configuration. The checksum of the weights is written after
//! them; if anything does not match, the judge is discarded and trained again.

use super::classifier::{Classifier, ClassifierConfig, ClassifierError, Network, check};
use crate::data::Dataset;
use crate::folder::{FolderError, write_file};
use burn::module::Module;
use burn::store::ModuleRecord;
use burn::tensor::{Bytes, Device};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;
use thiserror::Error;

const WEIGHTS: &str = "weights.bpk";
const MANIFEST: &str = "classifier.json";

/// Why there is no judge.
#[derive(Debug, Error)]
pub enum JudgeError {
    /// The images.
    #[error(transparent)]
    Classifier(#[from] ClassifierError),
    /// The cache cannot be written.
    #[error("{0}. Set WALKBACK_CACHE to another folder")]
    Cache(#[from] FolderError),
    /// The weights cannot be turned into bytes.
    #[error("the classifier cannot be stored: {0}")]
    Store(String),
}

/// The description of a cached judge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Manifest {
    config: ClassifierConfig,
    data: String,
    weights: String,
    seconds: f64,
}

/// A judge, and where it came from.
#[derive(Debug)]
pub struct Judge {
    /// The network.
    pub classifier: Classifier,
    /// Its folder in the cache.
    pub folder: PathBuf,
    /// Whether it came from the cache.
    pub cached: bool,
    /// How long its training took, in seconds.
    pub seconds: f64,
}

/// The judge for `data` from the folder `cache`. If it is missing or damaged, it is trained and stored there; `progress`
/// gets the steps done and their number.
///
/// # Errors
/// Images that cannot be judged, or a cache that cannot be written, which is detected before the training.
pub fn obtain(
    cache: &Path,
    data: &Dataset,
    config: &ClassifierConfig,
    progress: impl FnMut(usize, usize),
) -> Result<Judge, JudgeError> {
    check(data)?;
    let identity = identity(data);
    let name = hex(&[identity.as_bytes(), json(config)?.as_slice()]);
    let folder = cache.join(format!("classifier-{}", &name[..16]));
    if let Some((classifier, seconds)) = load(&folder, data, config, &identity) {
        return Ok(Judge {
            classifier,
            folder,
            cached: true,
            seconds,
        });
    }
    fs::create_dir_all(&folder).map_err(|source| FolderError::Write {
        path: folder.clone(),
        source,
    })?;
    let started = Instant::now();
    let classifier = Classifier::train(data, config, progress)?;
    let seconds = started.elapsed().as_secs_f64();
    let record = classifier.network.clone().into_record();
    let weights = record
        .into_bytes()
        .map_err(|e| JudgeError::Store(e.to_string()))?;
    write_file(&folder.join(WEIGHTS), &weights)?;
    let manifest = Manifest {
        config: config.clone(),
        data: identity,
        weights: hex(&[&weights]),
        seconds,
    };
    write_file(&folder.join(MANIFEST), &json(&manifest)?)?;
    Ok(Judge {
        classifier,
        folder,
        cached: false,
        seconds,
    })
}

/// The judge in `folder`, if it is complete and was made from this data with this configuration.
fn load(
    folder: &Path,
    data: &Dataset,
    config: &ClassifierConfig,
    identity: &str,
) -> Option<(Classifier, f64)> {
    let manifest = fs::read(folder.join(MANIFEST)).ok()?;
    let manifest: Manifest = serde_json::from_slice(&manifest).ok()?;
    let weights = fs::read(folder.join(WEIGHTS)).ok()?;
    let of_this = manifest.config == *config && manifest.data == identity;
    if !of_this || manifest.weights != hex(&[&weights]) {
        return None;
    }
    let (device, classes) = (Device::flex(), data.classes());
    let shape = [data.channels, data.height, data.width];
    let record = ModuleRecord::from_bytes(Bytes::from_bytes_vec(weights)).ok()?;
    let network = Network::new(shape, classes, &device)
        .try_load_record(record)
        .ok()?;
    let classifier = Classifier {
        network,
        device,
        classes,
    };
    Some((classifier, manifest.seconds))
}

/// A hash of the images and labels; the names of their files do not count.
fn identity(data: &Dataset) -> String {
    let shape = [data.len(), data.channels, data.height, data.width];
    let shape = shape.map(|size| size as u64).map(u64::to_le_bytes);
    hex(&[shape.as_flattened(), &data.images, &data.labels])
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, JudgeError> {
    serde_json::to_vec_pretty(value).map_err(|e| JudgeError::Store(e.to_string()))
}

/// SHA-256 of all parts together, in hexadecimal.
fn hex(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    let digest = hasher.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
