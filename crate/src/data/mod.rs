//! Images for training and evaluation (native only): IDX files, image files, and MNIST, which is downloaded.

mod dataset;
pub mod download;
pub mod idx;
pub mod images;
mod source;

pub use dataset::{Dataset, ImageSet, scale};
pub use source::{SourceError, open};
