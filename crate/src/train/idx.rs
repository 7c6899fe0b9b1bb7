//! IDX files, the format MNIST is published in: a magic number, big-endian sizes, then one byte per pixel or label.
//!
//! Files may be gzipped; that is read off their first bytes, not off their names. A header is never believed before the
//! data is there: memory grows with what the file really holds.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use flate2::{Compression, GzBuilder};
use thiserror::Error;

/// First four bytes of a file of images: unsigned bytes in three dimensions.
pub const IMAGES_MAGIC: u32 = 0x0000_0803;
/// First four bytes of a file of labels: unsigned bytes in one dimension.
pub const LABELS_MAGIC: u32 = 0x0000_0801;

/// The most bytes one file may unfold to (2 GiB; EMNIST, the largest set of its kind, has 0.6).
const MAX_BYTES: u64 = 2 << 30;
/// The longest side an image may have.
const MAX_SIDE: u32 = 4096;

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

/// What is wrong with a data folder or a file in it, and what to do about it.
#[derive(Debug, Error)]
pub enum IdxError {
    /// The folder does not exist or is a file.
    #[error("{}: not a folder. Give --data the folder that holds the IDX files, or leave it out to download MNIST", .dir.display())]
    NoFolder {
        /// The folder asked for.
        dir: PathBuf,
    },
    /// None of the accepted names is there.
    #[error("{}: no file of {what} here; expected {stem} or {} (either may end in .gz). Copy it there, or leave --data out to download MNIST", .dir.display(), .stem.replace("-idx", ".idx"))]
    Missing {
        /// The folder searched.
        dir: PathBuf,
        /// "images" or "labels".
        what: &'static str,
        /// The name looked for, in MNIST's usual spelling.
        stem: String,
    },
    /// The operating system or the gzip stream refused.
    #[error("{}: cannot be read ({source}). Check its permissions, or fetch the file again", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason given.
        source: io::Error,
    },
    /// The first four bytes are not those of the kind of file its name promises.
    #[error("{}: begins with 0x{found:08x}, but IDX {what} begin with 0x{expected:08x}{}. Put the right file under this name", .path.display(), magic_hint(*.found))]
    Magic {
        /// The file.
        path: PathBuf,
        /// "images" or "labels".
        what: &'static str,
        /// The magic number there.
        found: u32,
        /// The magic number that belongs there.
        expected: u32,
    },
    /// The header's sizes are zero or beyond reason.
    #[error("{}: its header asks for {count} items of {height} x {width} bytes; there must be at least one, sides of 1 to 4096 and 2 GiB in all. The header is damaged: fetch the file again", .path.display())]
    Sizes {
        /// The file.
        path: PathBuf,
        /// Number of images, or of labels, with sides of 1.
        count: u32,
        /// Rows.
        height: u32,
        /// Columns.
        width: u32,
    },
    /// The file ends before the data that its header promises.
    #[error("{}: truncated: {found} of {expected} bytes after the header. Fetch the file again", .path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Bytes found after the header.
        found: u64,
        /// Bytes promised by the header.
        expected: u64,
    },
    /// The file goes on behind the data that its header promises.
    #[error("{}: longer than its header says ({expected} bytes after the header, and more). Fetch the file again", .path.display())]
    Trailing {
        /// The file.
        path: PathBuf,
        /// Bytes promised by the header.
        expected: u64,
    },
    /// Images and labels do not belong together.
    #[error("{}: {labels} labels for the {images} images in {}. The two files must come from the same set", .path.display(), .images_path.display())]
    Mismatch {
        /// The file of labels.
        path: PathBuf,
        /// The file of images.
        images_path: PathBuf,
        /// Number of labels.
        labels: usize,
        /// Number of images.
        images: usize,
    },
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

/// Gzips `bytes` without a time stamp or a name, so that the same input always gives the same file.
pub fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// A reader of `inner` that unpacks gzip where the first two bytes are gzip's.
pub fn gunzip_if_needed<'a>(mut inner: impl BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
    if inner.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        Ok(Box::new(MultiGzDecoder::new(inner)))
    } else {
        Ok(Box::new(inner))
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

/// Reads a file of images: the bytes, the height and the width.
pub fn read_images(path: &Path) -> Result<(Vec<u8>, usize, usize), IdxError> {
    let mut reader = open(path, "images", IMAGES_MAGIC)?;
    let [count, height, width] = header(&mut reader, path)?;
    let bytes = body(&mut reader, path, count, height, width)?;
    Ok((bytes, height as usize, width as usize))
}

/// Reads a file of labels.
pub fn read_labels(path: &Path) -> Result<Vec<u8>, IdxError> {
    let mut reader = open(path, "labels", LABELS_MAGIC)?;
    let [count] = header(&mut reader, path)?;
    body(&mut reader, path, count, 1, 1)
}

fn open(path: &Path, what: &'static str, expected: u32) -> Result<Box<dyn Read>, IdxError> {
    let read = |source| IdxError::Read {
        path: path.into(),
        source,
    };
    let file = File::open(path).map_err(read)?;
    let mut reader = gunzip_if_needed(BufReader::new(file)).map_err(read)?;
    let [found] = header(&mut reader, path)?;
    if found != expected {
        return Err(IdxError::Magic {
            path: path.into(),
            what,
            found,
            expected,
        });
    }
    Ok(reader)
}

/// Reads `N` big-endian numbers of the header.
fn header<const N: usize>(reader: &mut dyn Read, path: &Path) -> Result<[u32; N], IdxError> {
    let mut numbers = [0; N];
    for number in &mut numbers {
        let bytes = read_up_to(reader, 4, path)?;
        *number = match <[u8; 4]>::try_from(bytes.as_slice()) {
            Ok(bytes) => u32::from_be_bytes(bytes),
            Err(_) => {
                return Err(IdxError::Read {
                    path: path.into(),
                    source: io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "it ends within its header",
                    ),
                });
            }
        };
    }
    Ok(numbers)
}

fn body(
    reader: &mut dyn Read,
    path: &Path,
    count: u32,
    height: u32,
    width: u32,
) -> Result<Vec<u8>, IdxError> {
    let sides = 1..=MAX_SIDE;
    // Sides are at most 2^12, so the product stays below 2^56.
    let plausible = count > 0 && sides.contains(&height) && sides.contains(&width);
    let expected = if plausible {
        u64::from(count) * u64::from(height) * u64::from(width)
    } else {
        u64::MAX
    };
    if expected > MAX_BYTES {
        return Err(IdxError::Sizes {
            path: path.into(),
            count,
            height,
            width,
        });
    }
    // One byte more than promised shows what trails, and makes gzip check its sum.
    let bytes = read_up_to(reader, expected + 1, path)?;
    let found = bytes.len() as u64;
    if found < expected {
        return Err(IdxError::Truncated {
            path: path.into(),
            found,
            expected,
        });
    }
    if found > expected {
        return Err(IdxError::Trailing {
            path: path.into(),
            expected,
        });
    }
    Ok(bytes)
}

/// Reads `limit` bytes, or fewer where the file or its gzip stream ends early.
fn read_up_to(reader: &mut dyn Read, limit: u64, path: &Path) -> Result<Vec<u8>, IdxError> {
    let mut bytes = Vec::new();
    match reader.take(limit).read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        // A gzip stream cut short: the caller sees what is missing and names it.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(bytes),
        Err(source) => Err(IdxError::Read {
            path: path.into(),
            source,
        }),
    }
}

fn magic_hint(found: u32) -> &'static str {
    match found {
        IMAGES_MAGIC => " (this is a file of images)",
        LABELS_MAGIC => " (this is a file of labels)",
        _ => "",
    }
}
