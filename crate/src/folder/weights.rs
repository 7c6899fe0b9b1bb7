//! Which files of a folder are the weights.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{FolderError, first_of, read_json};

/// What diffusers calls the weights, and what is written here.
pub(super) const USUAL: &str = "diffusion_pytorch_model.safetensors";
const SAFETENSORS: [&str; 2] = [USUAL, "diffusion_pytorch_model.fp16.safetensors"];
const PICKLES: [&str; 2] = [
    "diffusion_pytorch_model.bin",
    "diffusion_pytorch_model.fp16.bin",
];
/// The lists of the files that weights are split into.
const INDEXES: [&str; 4] = [
    "diffusion_pytorch_model.safetensors.index.json",
    "diffusion_pytorch_model.safetensors.index.fp16.json",
    "diffusion_pytorch_model.fp16.safetensors.index.json",
    "diffusion_pytorch_model.bin.index.json",
];
/// Endings of PyTorch's files.
const PICKLED: [&str; 4] = ["bin", "pt", "pth", "ckpt"];
/// What training scripts leave beside the weights.
const NO_WEIGHTS: [&str; 4] = ["optimizer", "scheduler", "training_args", "random_states"];

/// The files of the weights in `dir`: one, or all that they are split into. The usual names come first, safetensors before
/// PyTorch's files, and any other name will do where there is one file only.
pub(super) fn find(dir: &Path) -> Result<Vec<PathBuf>, FolderError> {
    if let Some(path) = first_of(dir, &SAFETENSORS) {
        return Ok(vec![path]);
    }
    if let Some(index) = first_of(dir, &INDEXES) {
        return shards(dir, index);
    }
    let others = with_ending(dir, &["safetensors"])?;
    if let [_] = others[..] {
        return Ok(others);
    }
    if let Some(path) = first_of(dir, &PICKLES) {
        return Ok(vec![path]);
    }
    let pickles = with_ending(dir, &PICKLED)?;
    if let ([], [_]) = (&others[..], &pickles[..]) {
        return Ok(pickles);
    }
    Err(FolderError::Missing {
        path: dir.into(),
        what: "weights",
        looked_for: [&SAFETENSORS[..], &INDEXES[..1], &PICKLES[..1]]
            .concat()
            .join(", "),
        hint: if others.len() + pickles.len() > 1 {
            ". There are several files that could be them: remove the others, or give the right one the first of these names"
        } else {
            ". Copy the weights there as safetensors"
        },
    })
}

fn with_ending(dir: &Path, endings: &[&str]) -> Result<Vec<PathBuf>, FolderError> {
    let failed = |source| FolderError::Read {
        path: dir.into(),
        source,
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let ending = path.extension().unwrap_or_default();
        let other = name.starts_with('.') || NO_WEIGHTS.iter().any(|no| name.starts_with(no));
        if !other && endings.iter().any(|known| ending == *known) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The files that an index names, all of them beside it.
fn shards(dir: &Path, index: PathBuf) -> Result<Vec<PathBuf>, FolderError> {
    let text = read_json(&index)?;
    let refused = |reason: String| FolderError::Index {
        path: index.clone(),
        reason,
    };
    let json: Value =
        serde_json::from_str(&text).map_err(|error| refused(crate::json::in_words(&error)))?;
    let map = json.get("weight_map").and_then(Value::as_object);
    let names: Option<BTreeSet<&str>> =
        map.and_then(|map| map.values().map(Value::as_str).collect());
    let Some(names) = names.filter(|names| !names.is_empty()) else {
        return Err(refused("it has no weight_map from tensors to files".into()));
    };
    names
        .into_iter()
        .map(|name| {
            let path = dir.join(name);
            if name.contains(['/', '\\']) || name.starts_with('.') {
                return Err(refused(format!("{name} does not lie beside it")));
            }
            if !path.is_file() {
                return Err(refused(format!("{name}, which it lists, is not there")));
            }
            Ok(path)
        })
        .collect()
}
