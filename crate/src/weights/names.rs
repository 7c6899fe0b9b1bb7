//! What training wrappers put before the names of parameters.

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

/// Under these a wrapper keeps the averaged model beside the one that is trained.
const AVERAGED: [&str; 2] = ["ema_model.", "ema."];

/// Whether all names share a prefix, or some are of an averaged model.
pub(super) fn are_wrapped(names: &[&str]) -> bool {
    let all = |prefix: &&str| names.iter().all(|name| name.starts_with(*prefix));
    let some = |prefix: &&str| names.iter().any(|name| name.starts_with(*prefix));
    !names.is_empty() && (PREFIXES.iter().any(|p| all(p)) || AVERAGED.iter().any(|p| some(p)))
}

/// Keeps the averaged model, where there is one beside another, and takes off every prefix that all names share.
pub(super) fn tidy<T>(
    tensors: &mut Vec<T>,
    name: impl Fn(&mut T) -> &mut String,
) -> Option<String> {
    let mut note = None;
    for prefix in AVERAGED {
        let averaged = |tensor: &mut T| name(tensor).starts_with(prefix);
        let count = tensors
            .iter_mut()
            .filter_map(|t| averaged(t).then_some(()))
            .count();
        if count > 0 && count < tensors.len() {
            tensors.retain_mut(|tensor| name(tensor).starts_with(prefix));
            note = Some(format!(
                "The weights hold several models; the averaged one is taken ({prefix})"
            ));
        }
    }
    while let Some(prefix) = PREFIXES.iter().find(|prefix| {
        !tensors.is_empty() && tensors.iter_mut().all(|t| name(t).starts_with(**prefix))
    }) {
        for tensor in tensors.iter_mut() {
            name(tensor).drain(..prefix.len());
        }
    }
    note
}
