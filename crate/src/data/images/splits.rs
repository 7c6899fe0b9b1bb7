//! Detects folders that split a data set, such as `train` and `test`; they are not classes.

use std::path::{Path, PathBuf};

use super::ImagesError;
use super::files::{Entries, name};
use crate::data::idx::Split;

/// Names of the folders of test images, in order of preference.
const KEPT: [&str; 4] = ["test", "validation", "valid", "val"];
const TRAIN: &str = "train";

/// The folder of one half, and what is to be said about it.
#[derive(Debug)]
pub(super) struct Half {
    pub(super) dir: PathBuf,
    pub(super) note: Option<String>,
}

pub(super) fn is_split(name: &str) -> bool {
    name == TRAIN || KEPT.contains(&name)
}

/// The folder of one half of the images in `dir`. Where all its folders are splits by their names, in any case, `train`
/// is trained on and `test`, or else `validation`, `valid` or `val`, is kept for evaluation. Otherwise all are for training.
pub(super) fn half(dir: &Path, split: Split) -> Result<Half, ImagesError> {
    let whole = |split| match split {
        Split::Train => Ok(Half {
            dir: dir.into(),
            note: None,
        }),
        Split::Test => Err(ImagesError::NoTest { dir: dir.into() }),
    };
    let found = Entries::of(dir)?;
    let folders: Vec<(String, &PathBuf)> = found
        .folders
        .iter()
        .map(|path| (name(path).to_lowercase(), path))
        .collect();
    let splits = folders.iter().filter(|(name, _)| is_split(name)).count();
    // One such name among others is a class: of vehicles, a train.
    if splits == 0 || (splits == 1 && folders.len() > 1) || !found.images.is_empty() {
        return whole(split);
    }
    if let Some((_, other)) = folders.iter().find(|(name, _)| !is_split(name)) {
        return Err(ImagesError::BesideSplits {
            dir: other.to_path_buf(),
        });
    }
    let called = |wanted: &str| {
        let found = folders.iter().find(|(name, _)| name == wanted);
        found.map(|(_, path)| path.to_path_buf())
    };
    let chosen = match split {
        Split::Train => called(TRAIN),
        Split::Test => KEPT.iter().find_map(|name| called(name)),
    };
    let Some(chosen) = chosen else {
        return match split {
            Split::Train => Err(ImagesError::NoTrain { dir: dir.into() }),
            Split::Test => Err(ImagesError::NoTest { dir: dir.into() }),
        };
    };
    let left: Vec<String> = found
        .folders
        .iter()
        .filter(|path| **path != chosen)
        .map(|path| name(path))
        .collect();
    let note = (!left.is_empty() && split == Split::Train)
        .then(|| format!("{} not trained on", kept(&left)));
    Ok(Half { dir: chosen, note })
}

fn kept(names: &[String]) -> String {
    match names {
        [one] => format!("the images in {one} are kept for evaluation,"),
        several => format!(
            "the images in {} are kept for evaluation,",
            several.join(" and ")
        ),
    }
}
