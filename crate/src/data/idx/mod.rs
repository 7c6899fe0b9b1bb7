//! IDX files, the format MNIST is published in, and the images in them.
//!
//! Files may be gzipped; their first bytes show it, not their names. A header allocates nothing: memory grows with what
//! the file really holds.

mod error;
mod file;

pub use error::IdxError;
pub(super) use file::gunzip_if_needed;
pub use file::gzip;
use file::{IMAGES_MAGIC, LABELS_MAGIC, read_images, read_labels};

use super::Dataset;
use std::path::{Path, PathBuf};

/// Which half of a data set to read; MNIST's file names differ in their first word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// `train-images…` and `train-labels…`
    Train,
    /// `t10k-images…` and `t10k-labels…`
    Test,
}

impl Split {
    fn stem(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Test => "t10k",
        }
    }
}

impl Dataset {
    /// Reads the images and labels of one split from a folder.
    /// Accepts `train-images-idx3-ubyte` and `train-images.idx3-ubyte`, each with or without `.gz`.
    pub fn from_dir(dir: &Path, split: Split) -> Result<Self, IdxError> {
        if !dir.is_dir() {
            return Err(IdxError::NoFolder { dir: dir.into() });
        }
        let images_path = find(dir, "images", split, 3)?;
        let labels_path = find(dir, "labels", split, 1)?;
        Self::from_files(&images_path, &labels_path)
    }

    /// Reads one file of images and the file of labels that belongs to it.
    fn from_files(images_path: &Path, labels_path: &Path) -> Result<Self, IdxError> {
        let (images, height, width) = read_images(images_path)?;
        let labels = read_labels(labels_path)?;
        let count = images.len() / (height * width);
        if labels.len() != count {
            return Err(IdxError::Mismatch {
                path: labels_path.into(),
                images_path: images_path.into(),
                labels: labels.len(),
                images: count,
            });
        }
        Ok(Self {
            images,
            labels,
            height,
            width,
            channels: 1,
        })
    }

    /// The images as an IDX file.
    pub fn images_to_idx(&self) -> Vec<u8> {
        let mut bytes = IMAGES_MAGIC.to_be_bytes().to_vec();
        for size in [self.len(), self.height, self.width] {
            bytes.extend((size as u32).to_be_bytes());
        }
        bytes.extend(&self.images);
        bytes
    }

    /// The labels as an IDX file.
    pub fn labels_to_idx(&self) -> Vec<u8> {
        let mut bytes = LABELS_MAGIC.to_be_bytes().to_vec();
        bytes.extend((self.len() as u32).to_be_bytes());
        bytes.extend(&self.labels);
        bytes
    }
}

fn find(dir: &Path, what: &'static str, split: Split, rank: u8) -> Result<PathBuf, IdxError> {
    let stem = format!("{}-{what}-idx{rank}-ubyte", split.stem());
    let dotted = stem.replace("-idx", ".idx");
    [
        stem.clone(),
        format!("{stem}.gz"),
        dotted.clone(),
        format!("{dotted}.gz"),
    ]
    .iter()
    .map(|name| dir.join(name))
    .find(|path| path.is_file())
    .ok_or_else(|| IdxError::Missing {
        dir: dir.into(),
        what,
        stem,
    })
}
