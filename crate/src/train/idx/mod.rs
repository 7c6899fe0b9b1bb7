//! IDX files, the format MNIST is published in, and the images in them.
//!
//! Files may be gzipped; that is read off their first bytes, not off their names. A header is never believed before the
//! data is there: memory grows with what the file really holds.

mod error;
mod file;

pub use error::IdxError;
pub use file::{IMAGES_MAGIC, LABELS_MAGIC, gunzip_if_needed, gzip, read_images, read_labels};

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

/// Images with one label each, as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// `[len, channels, height, width]`, row-major, 0 (background in MNIST) to 255.
    pub images: Vec<u8>,
    /// `[len]`, the class of each image.
    pub labels: Vec<u8>,
    /// Rows of one image.
    pub height: usize,
    /// Columns of one image.
    pub width: usize,
    /// Colour planes of one image: 1 for IDX files.
    pub channels: usize,
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
    pub fn from_files(images_path: &Path, labels_path: &Path) -> Result<Self, IdxError> {
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

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// True without images; a set that was read has at least one.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Values in one image: channels x height x width.
    pub fn image_len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Number of classes: the largest label plus one.
    pub fn classes(&self) -> usize {
        self.labels
            .iter()
            .max()
            .map_or(0, |&label| usize::from(label) + 1)
    }

    /// The bytes of image `index`, `[channels, height, width]`. Panics if there is no such image.
    pub fn pixels(&self, index: usize) -> &[u8] {
        let n = self.image_len();
        &self.images[index * n..(index + 1) * n]
    }

    /// Image `index` as x_0: `[channels, height, width]` scaled from 0..255 to -1..1. Panics if there is no such image.
    pub fn image(&self, index: usize) -> Vec<f32> {
        self.pixels(index).iter().map(|&byte| scale(byte)).collect()
    }

    /// Writes image `index`, scaled to -1..1, over `out`. Panics unless `out` has `image_len` places and the image exists.
    pub fn image_into(&self, index: usize, out: &mut [f32]) {
        assert_eq!(out.len(), self.image_len(), "room for one image");
        for (value, &byte) in out.iter_mut().zip(self.pixels(index)) {
            *value = scale(byte);
        }
    }

    /// The images at `indices`, in that order. Panics if one does not exist.
    pub fn select(&self, indices: &[usize]) -> Self {
        Self {
            images: indices
                .iter()
                .flat_map(|&i| self.pixels(i))
                .copied()
                .collect(),
            labels: indices.iter().map(|&i| self.labels[i]).collect(),
            ..*self
        }
    }

    /// The first `per_class` images of each class, in the order of the set.
    pub fn first_of_each_class(&self, per_class: usize) -> Vec<usize> {
        let mut taken = [0usize; 256];
        (0..self.len())
            .filter(|&i| {
                let seen = &mut taken[usize::from(self.labels[i])];
                *seen += 1;
                *seen <= per_class
            })
            .collect()
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

/// A byte as a value of x_0: 0 becomes -1, 255 becomes 1.
pub fn scale(byte: u8) -> f32 {
    f32::from(byte) / 127.5 - 1.0
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
