//! The training images: a folder of IDX files, or MNIST from the cache.

use std::path::Path;

use walkback::train::download;
use walkback::train::idx::{Dataset, Split};

/// Reads the training split of `dir`, or of MNIST, which is downloaded the first time.
pub fn open(dir: Option<&Path>) -> anyhow::Result<Dataset> {
    Ok(match dir {
        Some(dir) => Dataset::from_dir(dir, Split::Train)?,
        None => Dataset::from_dir(&download::mnist()?, Split::Train)?,
    })
}
