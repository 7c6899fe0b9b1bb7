//! Why a file holds no weights that can be read.

use thiserror::Error;

/// What is wrong with a file of weights, and what to do.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum WeightsFileError {
    /// Nothing in it.
    #[error("the weights file is empty; copy or download it again")]
    Empty,
    /// What git leaves where Git LFS is not installed.
    #[error(
        "this is a Git LFS pointer, not the weights; run `git lfs pull` in the clone, or download the file"
    )]
    LfsPointer,
    /// What servers send in place of a file.
    #[error(
        "this is a web page, not a weights file: a server sent it instead. Download the file \
         again, from an address with /resolve/ instead of /blob/"
    )]
    WebPage,
    /// Not a whole file.
    #[error("the weights cannot be read: {0}. They must be a whole safetensors or PyTorch file")]
    Damaged(String),
    /// A tensor that two shards hold.
    #[error("{0} is in the weights twice; check that all files belong to one model")]
    Twice(String),
    /// A pickle that imports something else than the parts of tensors.
    #[error(
        "the weights use {0}, which no state dict needs, so they are rejected. In Python a file \
         like this can run any program. Load it there only if you trust it, and save \
         model.state_dict() as safetensors"
    )]
    Refused(String),
    /// A tensor that reaches beyond its storage.
    #[error("{0} extends beyond its values in the file; the weights are damaged")]
    BeyondStorage(String),
    /// Tensors that repeat the same values far more often than there are any.
    #[error("the tensors of the weights are far larger than the file; it is damaged or malicious")]
    TooLarge,
    /// No state dict in it.
    #[error(
        "the weights have no state dict: {0}. Save model.state_dict() or, better, use the \
         model's save_pretrained"
    )]
    NoStateDict(String),
}

/// A file that is not whole.
pub(super) fn damaged(what: impl std::fmt::Display) -> WeightsFileError {
    WeightsFileError::Damaged(what.to_string())
}
