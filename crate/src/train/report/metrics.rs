//! `metrics.csv`: one row per recorded step, for plots and spreadsheets.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::ReportError;
use crate::folder::write_file;

const HEADER: &str = "step,epoch,loss,loss_ema,lr,grad_norm,images_per_s,elapsed_s";

/// One row of `metrics.csv`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metrics {
    /// Optimiser steps so far, counted from 1.
    pub step: u64,
    /// Passes over the training set so far, with a fraction.
    pub epoch: f64,
    /// The loss of this step's batch.
    pub loss: f64,
    /// The loss, averaged exponentially over the steps.
    pub loss_ema: f64,
    /// Learning rate of this step.
    pub lr: f64,
    /// Global norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Speed since the last row.
    pub images_per_s: f64,
    /// Seconds of training, those before a resume included.
    pub elapsed_s: f64,
}

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Losses in full, so that two runs can be compared bit for bit.
        write!(
            f,
            "{},{:.4},{},{},{},{},{:.1},{:.1}",
            self.step,
            self.epoch,
            self.loss,
            self.loss_ema,
            self.lr,
            self.grad_norm,
            self.images_per_s,
            self.elapsed_s
        )
    }
}

impl Metrics {
    fn parse(line: &str) -> Option<Self> {
        let (step, rest) = line.split_once(',')?;
        let values: Vec<f64> = rest
            .split(',')
            .map(|cell| cell.trim().parse().ok())
            .collect::<Option<_>>()?;
        let [
            epoch,
            loss,
            loss_ema,
            lr,
            grad_norm,
            images_per_s,
            elapsed_s,
        ] = <[f64; 7]>::try_from(values).ok()?;
        Some(Self {
            step: step.trim().parse().ok()?,
            epoch,
            loss,
            loss_ema,
            lr,
            grad_norm,
            images_per_s,
            elapsed_s,
        })
    }
}

/// Appends rows to `metrics.csv`, each in one write.
#[derive(Debug)]
pub struct MetricsWriter {
    path: PathBuf,
    file: File,
}

impl MetricsWriter {
    /// Opens the file of a run that continues after `step`; 0 starts a new one.
    /// Rows of later steps, which the resumed run will take again, and a last row cut short are dropped.
    pub fn open(path: &Path, step: u64) -> Result<Self, ReportError> {
        let mut text = format!("{HEADER}\n");
        if step > 0 {
            let mut rows = match read_text(path)? {
                Some(old) => parse(path, &old)?,
                None => Vec::new(),
            };
            rows.retain(|row| row.step <= step);
            text.extend(rows.iter().map(|row| format!("{row}\n")));
        }
        write_file(path, text.as_bytes())?;
        let file = OpenOptions::new()
            .append(true)
            .open(path)
            .map_err(|source| file_error(path, source))?;
        Ok(Self {
            path: path.into(),
            file,
        })
    }

    /// Appends one row.
    pub fn push(&mut self, row: &Metrics) -> Result<(), ReportError> {
        self.file
            .write_all(format!("{row}\n").as_bytes())
            .map_err(|source| file_error(&self.path, source))
    }
}

/// Reads the rows of a `metrics.csv`; a last row cut short is left out.
pub fn read_metrics(path: &Path) -> Result<Vec<Metrics>, ReportError> {
    match read_text(path)? {
        Some(text) => parse(path, &text),
        None => Err(file_error(path, io::ErrorKind::NotFound.into())),
    }
}

fn parse(path: &Path, text: &str) -> Result<Vec<Metrics>, ReportError> {
    // Only what ends in a newline was written whole.
    let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    whole
        .lines()
        .enumerate()
        .skip(1)
        .map(|(index, line)| {
            Metrics::parse(line).ok_or_else(|| ReportError::Row {
                path: path.into(),
                line: index + 1,
            })
        })
        .collect()
}

fn read_text(path: &Path) -> Result<Option<String>, ReportError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(file_error(path, source)),
    }
}

fn file_error(path: &Path, source: io::Error) -> ReportError {
    ReportError::File {
        path: path.into(),
        source,
    }
}
