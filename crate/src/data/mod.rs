//! Images to train on and to judge by (native only): IDX files, PNG and JPEG, and MNIST from the net.

mod dataset;
pub mod download;
pub mod idx;
pub mod images;
mod source;

pub use dataset::{Dataset, ImageSet, scale};
pub use source::{SourceError, open};
