//! Prefixes that training wrappers add to the names of parameters.

use super::Tensor;

/// Prefixes of `torch.compile`, `DataParallel`, whole pipelines and averaged models.
const PREFIXES: [&str; 7] = [
    "_orig_mod.",
    "module.",
    "unet.",
    "ema_model.",
    "ema.",
    "model.",
    "state_dict.",
];

/// Prefixes of the averaged model in a file that also holds the trained one.
const AVERAGED: [&str; 2] = ["ema_model.", "ema."];

/// Whether all names share a prefix, or some are of an averaged model.
pub(super) fn are_wrapped(names: &[&str]) -> bool {
    let all = |prefix: &&str| names.iter().all(|name| name.starts_with(*prefix));
    let some = |prefix: &&str| names.iter().any(|name| name.starts_with(*prefix));
    !names.is_empty() && (PREFIXES.iter().any(all) || AVERAGED.iter().any(some))
}

/// Keeps the averaged model, where a file has two, and removes every prefix that all names share; says what
/// was kept.
pub(super) fn tidy(tensors: &mut Vec<Tensor>) -> Option<String> {
    let mut note = None;
    for prefix in AVERAGED {
        let is_averaged = |tensor: &Tensor| tensor.name.starts_with(prefix);
        let averaged = tensors.iter().filter(|tensor| is_averaged(tensor)).count();
        if averaged > 0 && averaged < tensors.len() {
            tensors.retain(is_averaged);
            note = Some(format!(
                "The weights have several models; using the averaged one ({prefix})"
            ));
        }
    }
    let shared = |tensors: &[Tensor]| {
        let all = |prefix: &&&str| {
            tensors
                .iter()
                .all(|tensor| tensor.name.starts_with(**prefix))
        };
        PREFIXES.iter().find(all).filter(|_| !tensors.is_empty())
    };
    while let Some(prefix) = shared(tensors) {
        for tensor in tensors.iter_mut() {
            tensor.name.drain(..prefix.len());
        }
    }
    note
}
