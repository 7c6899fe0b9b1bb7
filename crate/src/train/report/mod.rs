//! What a run leaves for people to look at: `metrics.csv` and the loss curve.

mod curve;
mod metrics;

pub use curve::loss_curve_png;
pub use metrics::{Metrics, MetricsWriter, read_metrics};

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::folder::FolderError;

/// Why a report cannot be made.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The operating system refused.
    #[error("{}: {source}. Check the permissions and the free disk space", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason given.
        source: io::Error,
    },
    /// A row of `metrics.csv` is not one.
    #[error("{}: line {line} is not a row of metrics. Fix it or delete the file", .path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// A file cannot be replaced.
    #[error(transparent)]
    Write(#[from] FolderError),
    /// There are no losses to draw.
    #[error("no step has been recorded yet, so there is no loss curve to draw")]
    Empty,
    /// The plot could not be drawn.
    #[error("the loss curve cannot be drawn: {0}")]
    Plot(String),
}
