//! Which files of a folder are the weights.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::layout::WEIGHTS;
use super::{FolderError, first_of, read_json};

/// Endings of PyTorch's files.
const PICKLED: [&str; 4] = ["bin", "pt", "pth", "ckpt"];
/// Files that training scripts leave next to the weights.
const NO_WEIGHTS: [&str; 4] = ["optimizer", "scheduler", "training_args", "random_states"];

/// The files of the weights in `dir`: one, or all that they are split into. Safetensors come before PyTorch's files, the
/// usual names before others, which will do where there is one such file only.
pub(super) fn find(dir: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let mut candidates = 0;
    for (pickled, endings) in [(false, &["safetensors"][..]), (true, &PICKLED)] {
        let names: Vec<&str> = WEIGHTS
            .into_iter()
            .filter(|name| name.contains(".bin") == pickled)
            .collect();
        if let Some(path) = first_of(dir, &names) {
            let is_list = path.extension().is_some_and(|ending| ending == "json");
            return if is_list {
                shards(dir, path)
            } else {
                Ok(vec![path])
            };
        }
        let others = with_ending(dir, endings)?;
        if let [_] = others[..] {
            return Ok(others);
        }
        candidates += others.len();
    }
    Err(FolderError::Missing {
        path: dir.into(),
        what: "weights",
        looked_for: WEIGHTS.join(", "),
        hint: if candidates > 1 {
            ". Several files could be the weights: remove the others, or rename the right one to \
             the first of these names"
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

/// The files that an index names, all in its folder.
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
                return Err(refused(format!("{name} is not a name in its folder")));
            }
            if !path.is_file() {
                return Err(refused(format!("it lists {name}, which is missing")));
            }
            Ok(path)
        })
        .collect()
}
