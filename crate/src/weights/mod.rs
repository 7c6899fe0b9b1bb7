//! Files of weights, whatever wrote them, as one safetensors file under the names of a `UNet2DModel`.
//!
//! A whole safetensors file is used as it is. Shards are joined, PyTorch's own format (`.bin`, `.pt`) is read by a
//! machine that knows what a state dict is made of and executes nothing, and what training wrappers put before the names
//! is taken off. For a file that holds no weights the error says what it is.

mod error;
mod names;
mod pickle;
mod torch;

pub use error::WeightsFileError;

use crate::stored::{Listed, Stored};
use safetensors::tensor::{Dtype, TensorView};
use std::borrow::Cow;
use std::ops::Range;

/// As much of a file as says what it is.
const HEAD: usize = 1024;

/// Weights as one safetensors file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weights<F> {
    /// The file.
    pub safetensors: OneFile<F>,
    /// What was chosen among several things in the files, in sentences.
    pub notes: Vec<String>,
}

/// A safetensors file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OneFile<F> {
    /// One of those that were given.
    Given(F),
    /// Written from what was given.
    Written(Vec<u8>),
}

impl<F: Stored> Stored for OneFile<F> {
    fn size(&self) -> usize {
        match self {
            Self::Given(file) => file.size(),
            Self::Written(file) => file.size(),
        }
    }

    fn part(&self, range: Range<usize>) -> Cow<'_, [u8]> {
        match self {
            Self::Given(file) => file.part(range),
            Self::Written(file) => file.part(range),
        }
    }

    fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Given(file) => file.into_bytes(),
            Self::Written(file) => file,
        }
    }
}

/// A tensor out of a file, its values in row-major order.
#[derive(Debug, Clone)]
struct Tensor {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    data: Vec<u8>,
}

/// The weights in a file, or in the shards of one.
///
/// # Errors
/// A file that holds no weights or is damaged, and anything in a pickle that a state dict does not need.
pub fn read<F: Stored>(mut files: Vec<F>) -> Result<Weights<F>, WeightsFileError> {
    for file in &files {
        refuse_what_is_no_weights(&file.head(HEAD))?;
    }
    if let [file] = &files[..]
        && !torch::is_torch(&file.head(HEAD))
        && !named_by_a_wrapper(file)
        && let Some(file) = files.pop()
    {
        return Ok(Weights {
            safetensors: OneFile::Given(file),
            notes: Vec::new(),
        });
    }
    let mut tensors = Vec::new();
    let mut notes = Vec::new();
    for file in files {
        if torch::is_torch(&file.head(HEAD)) {
            let (more, note) = torch::read(&file.part(0..file.size()))?;
            tensors.extend(more);
            notes.extend(note);
        } else {
            tensors.extend(of_safetensors(&file)?);
        }
    }
    notes.extend(names::tidy(&mut tensors));
    Ok(Weights {
        safetensors: OneFile::Written(as_safetensors(&tensors)?),
        notes,
    })
}

/// Names what is often found instead of weights, by its first bytes.
fn refuse_what_is_no_weights(head: &[u8]) -> Result<(), WeightsFileError> {
    if head.is_empty() {
        return Err(WeightsFileError::Empty);
    }
    if head.starts_with(b"version https://git-lfs") {
        return Err(WeightsFileError::LfsPointer);
    }
    let text = head.trim_ascii_start();
    if text.starts_with(b"<") && text.is_ascii_start() {
        return Err(WeightsFileError::WebPage);
    }
    Ok(())
}

/// Whether bytes begin like a text.
trait AsciiStart {
    fn is_ascii_start(&self) -> bool;
}

impl AsciiStart for [u8] {
    fn is_ascii_start(&self) -> bool {
        self.iter()
            .take(16)
            .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
    }
}

/// Whether a safetensors file has to be rewritten; one that cannot be read is reported when it is loaded.
fn named_by_a_wrapper(file: &dyn Stored) -> bool {
    let Ok(list) = Listed::of(file) else {
        return false;
    };
    let names: Vec<String> = list.tensors().map(|(name, _)| name).collect();
    names::are_wrapped(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

fn of_safetensors(file: &dyn Stored) -> Result<Vec<Tensor>, WeightsFileError> {
    let list = Listed::of(file).map_err(|error| WeightsFileError::Damaged(error.to_string()))?;
    let tensors = list.tensors().map(|(name, tensor)| Tensor {
        name,
        dtype: tensor.dtype,
        shape: tensor.shape.clone(),
        data: list.values(file, tensor).into_owned(),
    });
    Ok(tensors.collect())
}

fn as_safetensors(tensors: &[Tensor]) -> Result<Vec<u8>, WeightsFileError> {
    let mut names: Vec<&str> = tensors.iter().map(|tensor| &tensor.name[..]).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(WeightsFileError::Twice(twice[0].to_owned()));
    }
    let damaged =
        |error: safetensors::SafeTensorError| WeightsFileError::Damaged(error.to_string());
    let views = tensors
        .iter()
        .map(|tensor| {
            let view = TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.data)?;
            Ok((&tensor.name, view))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(damaged)?;
    safetensors::serialize(views, None).map_err(damaged)
}
