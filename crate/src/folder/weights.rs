//! Which files of a folder are the weights.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::layout::WEIGHTS;
use super::{FolderError, read_json};

/// Endings of PyTorch's files.
const PICKLED: [&str; 4] = ["bin", "pt", "pth", "ckpt"];
/// Files that training scripts leave next to the weights.
const NO_WEIGHTS: [&str; 4] = ["optimizer", "scheduler", "training_args", "random_states"];

/// The files of the weights in `dir`: one, or all that they are split into.
pub(super) fn find(dir: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let chosen = dir.join(choose_weights(dir, &names_in(dir)?)?);
    let is_list = chosen.extension().is_some_and(|ending| ending == "json");
    if !is_list {
        return Ok(vec![chosen]);
    }
    let names = shards_of(&chosen, &read_json(&chosen)?)?;
    let path = |name: String| {
        let path = dir.join(&name);
        if path.is_file() {
            return Ok(path);
        }
        Err(FolderError::Index {
            path: chosen.clone(),
            reason: format!("it lists {name}, which is missing"),
        })
    };
    names.into_iter().map(path).collect()
}

/// Which of the files in `dir` has the weights, or lists those that they are split into. Safetensors come before PyTorch's
/// files, the usual names before others, which will do where there is one such file only.
///
/// # Errors
/// There is none, or several could be it.
pub(crate) fn choose_weights<'a>(dir: &Path, names: &'a [String]) -> Result<&'a str, FolderError> {
    let mut candidates = 0;
    for (pickled, endings) in [(false, &["safetensors"][..]), (true, &PICKLED)] {
        let usual = WEIGHTS
            .into_iter()
            .filter(|name| name.contains(".bin") == pickled)
            .find_map(|usual| names.iter().find(|name| *name == usual));
        if let Some(name) = usual {
            return Ok(name);
        }
        let others: Vec<&String> = names
            .iter()
            .filter(|name| has_ending(name, endings))
            .collect();
        if let [name] = others[..] {
            return Ok(name);
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

fn names_in(dir: &Path) -> Result<Vec<String>, FolderError> {
    let failed = |source| FolderError::Read {
        path: dir.into(),
        source,
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        // The weights have a name in UTF-8 wherever they were written.
        if let (true, Some(name)) = (path.is_file(), path.file_name().and_then(OsStr::to_str)) {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn has_ending(name: &str, endings: &[&str]) -> bool {
    let other = name.starts_with('.') || NO_WEIGHTS.iter().any(|no| name.starts_with(no));
    let ending = Path::new(name).extension().unwrap_or_default();
    !other && endings.iter().any(|known| ending == *known)
}

/// The names of the files that the index at `path`, with this text, lists; all of them lie beside it.
///
/// # Errors
/// It is no such list, or names a file elsewhere.
pub(crate) fn shards_of(path: &Path, text: &str) -> Result<Vec<String>, FolderError> {
    let refused = |reason: String| FolderError::Index {
        path: path.into(),
        reason,
    };
    let json: Value =
        serde_json::from_str(text).map_err(|error| refused(crate::json::in_words(&error)))?;
    let map = json.get("weight_map").and_then(Value::as_object);
    let names: Option<BTreeSet<&str>> =
        map.and_then(|map| map.values().map(Value::as_str).collect());
    let Some(names) = names.filter(|names| !names.is_empty()) else {
        return Err(refused("it has no weight_map from tensors to files".into()));
    };
    names
        .into_iter()
        .map(|name| {
            if name.contains(['/', '\\']) || name.starts_with('.') {
                return Err(refused(format!("{name} is not a name in its folder")));
            }
            Ok(name.to_owned())
        })
        .collect()
}
