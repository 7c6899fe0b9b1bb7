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

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

/// Weights as one safetensors file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weights {
    /// The file.
    pub safetensors: Vec<u8>,
    /// What was chosen among several things in the files, in sentences.
    pub notes: Vec<String>,
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
pub fn read(mut files: Vec<Vec<u8>>) -> Result<Weights, WeightsFileError> {
    for file in &files {
        refuse_what_is_no_weights(file)?;
    }
    let as_it_is =
        matches!(&files[..], [file] if !torch::is_torch(file) && !named_by_a_wrapper(file));
    if as_it_is {
        return Ok(Weights {
            safetensors: files.pop().unwrap_or_default(),
            notes: Vec::new(),
        });
    }
    let mut tensors = Vec::new();
    let mut notes = Vec::new();
    for file in &files {
        if torch::is_torch(file) {
            let (more, note) = torch::read(file)?;
            tensors.extend(more);
            notes.extend(note);
        } else {
            tensors.extend(of_safetensors(file)?);
        }
    }
    notes.extend(names::tidy(&mut tensors));
    Ok(Weights {
        safetensors: as_safetensors(&tensors)?,
        notes,
    })
}

/// Names what is often found instead of weights.
fn refuse_what_is_no_weights(file: &[u8]) -> Result<(), WeightsFileError> {
    if file.is_empty() {
        return Err(WeightsFileError::Empty);
    }
    if file.starts_with(b"version https://git-lfs") {
        return Err(WeightsFileError::LfsPointer);
    }
    let text = file.trim_ascii_start();
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
fn named_by_a_wrapper(file: &[u8]) -> bool {
    SafeTensors::deserialize(file).is_ok_and(|file| names::are_wrapped(&file.names()))
}

fn of_safetensors(file: &[u8]) -> Result<Vec<Tensor>, WeightsFileError> {
    let file = SafeTensors::deserialize(file)
        .map_err(|error| WeightsFileError::Damaged(error.to_string()))?;
    let tensors = file.iter().map(|(name, view)| Tensor {
        name: name.to_owned(),
        dtype: view.dtype(),
        shape: view.shape().to_vec(),
        data: view.data().to_vec(),
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
