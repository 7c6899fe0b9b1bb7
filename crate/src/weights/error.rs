//! Why a file holds no weights that can be read.

use thiserror::Error;

/// What is wrong with a file of weights, and what to do.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum WeightsFileError {
    /// Nothing in it.
    #[error("the file of the weights is empty; copy or download it again")]
    Empty,
    /// What git leaves where Git LFS is not installed.
    #[error(
        "this is a pointer of Git LFS, a text of three lines, not the weights themselves; run `git lfs pull` where it was cloned, or download the file"
    )]
    LfsPointer,
    /// What servers send in place of a file.
    #[error(
        "this is a web page, not a file of weights: a server sent it in place of the file. Download it again, from an address with /resolve/ in place of /blob/"
    )]
    WebPage,
    /// Not a whole file.
    #[error("the weights cannot be read: {0}. They must be a whole safetensors or PyTorch file")]
    Damaged(String),
    /// A tensor that two shards hold.
    #[error("{0} is in the weights twice; are all files of one model?")]
    Twice(String),
    /// A pickle that imports something else than the parts of tensors.
    #[error(
        "the weights ask for {0}, which no state dict needs, so nothing of them is read. In Python a file like this can run any program. Load it there only if you trust it, and save model.state_dict() as safetensors"
    )]
    Refused(String),
    /// A tensor that reaches beyond its storage.
    #[error("{0} reaches beyond the values that the file has for it; the weights are damaged")]
    BeyondStorage(String),
    /// Tensors that repeat the same values far more often than there are any.
    #[error(
        "the tensors of the weights are far larger than the file; it is damaged, or made to fill the memory"
    )]
    TooLarge,
    /// No state dict in it.
    #[error(
        "the weights hold no state dict: {0}. Save model.state_dict(), or better, save_pretrained of the model"
    )]
    NoStateDict(String),
}

/// A file that is not whole.
pub(super) fn damaged(what: impl std::fmt::Display) -> WeightsFileError {
    WeightsFileError::Damaged(what.to_string())
}
