//! `pretrained/models.json`: the models that the page offers, by the names of their folders.
//!
//! No model is entered by hand: the list is made from the folders. It is written whenever the page is built; `serve`
//! answers with the list of that moment, so that a model that was exported a moment ago is in it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::layout::UNET_CONFIG;
use crate::project::root;

/// Below the root; git ignores it.
pub(crate) const MANIFEST: &str = "pretrained/models.json";

/// The model that the page opens with, where it is there; else the first by name.
const FIRST: &str = "mnist";

/// Writes the list for the repository, unless it is the same already.
pub(crate) fn provide() -> Result<()> {
    let list = list(root())?;
    let path = root().join(MANIFEST);
    if fs::read_to_string(&path).is_ok_and(|old| old == list) {
        return Ok(());
    }
    fs::write(&path, list).with_context(|| format!("could not write {}", path.display()))
}

/// The list of the folders in `pretrained/` below `root`, as JSON.
pub(crate) fn list(root: &Path) -> Result<String> {
    Ok(manifest(&names(&root.join("pretrained"))?))
}

/// The model folders in `folder` that the page's `?model=` can name, the page's own first, then by name.
fn names(folder: &Path) -> Result<Vec<String>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        let is_model = || {
            UNET_CONFIG
                .iter()
                .any(|config| entry.path().join(config).is_file())
        };
        if let Ok(name) = entry.file_name().into_string()
            && is_name(&name)
            && is_model()
        {
            names.push(name);
        }
    }
    names.sort_by_key(|name| (name != FIRST, name.clone()));
    Ok(names)
}

/// Letters, digits, `_`, `-` and `.`, as web/models/own.js reads names; nothing that JSON would have to escape.
fn is_name(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.len() <= 64
        && name.starts_with(is_word)
        && name.chars().all(|c| is_word(c) || matches!(c, '.' | '-'))
}

fn manifest(names: &[String]) -> String {
    let list: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    format!("{{ \"models\": [{}] }}\n", list.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_folder_is_listed_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let pretrained = folder.path().join("pretrained");
        for file in [
            "zebras/unet/config.json",
            "mnist/unet/config.json",
            "cats-2.1/config.json",
            "notes/README.md",
            ".hidden/config.json",
            "with space/config.json",
            "README.md",
        ] {
            let path = pretrained.join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, "{}").expect("a file");
        }
        let read = || list(folder.path()).expect("a list");
        assert_eq!(
            read(),
            "{ \"models\": [\"mnist\", \"cats-2.1\", \"zebras\"] }\n"
        );
        fs::remove_dir_all(pretrained.join("mnist")).expect("it is gone");
        assert_eq!(read(), "{ \"models\": [\"cats-2.1\", \"zebras\"] }\n");
    }

    #[test]
    fn names_need_no_escape() {
        for name in ["mnist", "my_model-2.1", "7"] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "",
            "..",
            ".x",
            "-x",
            "a b",
            "a\"b",
            "a\\b",
            "ä",
            &"x".repeat(65),
        ] {
            assert!(!is_name(name), "{name}");
        }
    }
}
