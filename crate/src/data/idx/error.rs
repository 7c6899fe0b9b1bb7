//! What can be wrong with IDX files.

use super::file::{IMAGES_MAGIC, LABELS_MAGIC};
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// What is wrong with a data folder or a file in it, and what to do about it.
#[derive(Debug, Error)]
pub enum IdxError {
    /// The folder does not exist or is a file.
    #[error("{}: not a folder. Give --data a folder of images or of IDX files, or leave it out to download MNIST", .dir.display())]
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
    /// The first four bytes are not those of the kind of file that its name says.
    #[error("{}: begins with 0x{found:08x}, but IDX {what} begin with 0x{expected:08x}{}. Replace it with the right file", .path.display(), magic_hint(*.found))]
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
    /// The file is longer than its header says.
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

fn magic_hint(found: u32) -> &'static str {
    match found {
        IMAGES_MAGIC => " (this is a file of images)",
        LABELS_MAGIC => " (this is a file of labels)",
        _ => "",
    }
}
