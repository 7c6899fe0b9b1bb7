//! Opens a data set, whatever its form: a folder of IDX files, or of images.

use std::path::Path;

use thiserror::Error;

use super::idx::{IdxError, Split};
use super::images::{self, ImagesError, Wanted};
use super::{Dataset, ImageSet};

/// Why there are no images to train on or to judge by.
#[derive(Debug, Error)]
pub enum SourceError {
    /// A folder of IDX files.
    #[error(transparent)]
    Idx(#[from] IdxError),
    /// A folder of images.
    #[error(transparent)]
    Images(#[from] ImagesError),
}

/// Reads one half of the images in `dir`: IDX files as they are named, or images, or a zip of images; the kind is detected.
///
/// # Errors
/// See [`SourceError`].
pub fn open(dir: &Path, split: Split, wanted: &Wanted) -> Result<ImageSet, SourceError> {
    if images::is_archive(dir) {
        let unpacked = images::unpack(dir)?;
        return Ok(images::read(&unpacked.dir, split, wanted)?);
    }
    if !dir.is_dir() {
        return Err(IdxError::NoFolder { dir: dir.into() }.into());
    }
    if images::is_folder_of_images(dir)? {
        return Ok(images::read(dir, split, wanted)?);
    }
    let data = Dataset::from_dir(dir, split)?;
    let names = (0..data.classes()).map(|class| class.to_string()).collect();
    let (data, notes) = images::fitted(data, wanted);
    Ok(ImageSet { data, names, notes })
}
