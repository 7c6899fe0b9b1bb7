//! `cargo xtask generate`: files of the page that repeat what Rust says, written from the Rust.
//!
//! They are committed, so that the page can be read and checked without a build. Tests compare them.

use std::fmt::Display;
use std::fs;

use anyhow::{Context, Result};
use clap::Args;

use crate::layout;
use crate::project::root;

/// Write the files of the page that repeat what Rust says: the layout of a model folder.
#[derive(Args)]
pub(crate) struct Options {}

/// The names in a model folder.
const NAMES: &str = "web/models/names.js";

/// Writes the files.
pub(crate) fn run(_: &Options) -> Result<()> {
    let path = root().join(NAMES);
    fs::write(&path, names()).with_context(|| format!("could not write {}", path.display()))?;
    println!("{NAMES}");
    Ok(())
}

/// The constants of [`layout`] as a module of the page.
fn names() -> String {
    let list = |names: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
        format!("/** @type {{const}} */ ([{}])", names.join(", "))
    };
    let text = |name: &str| format!("{name:?}");
    let constants: [(&str, &dyn Display); 8] = [
        ("UNET_CONFIG", &list(&layout::UNET_CONFIG)),
        ("SCHEDULER_CONFIG", &list(&layout::SCHEDULER_CONFIG)),
        ("WEIGHTS", &list(&layout::WEIGHTS)),
        ("MODEL_INDEX", &text(layout::MODEL_INDEX)),
        ("LABELS", &text(layout::LABELS)),
        ("GOLDEN", &text(layout::GOLDEN)),
        ("MAX_JSON", &layout::MAX_JSON),
        ("MAX_WEIGHTS", &layout::MAX_WEIGHTS),
    ];
    let constants: String = constants
        .iter()
        .map(|(name, value)| format!("export const {name} = {value};\n"))
        .collect();
    format!(
        "// The layout of a model folder, written by `cargo xtask generate` from crate/src/folder/layout.rs,\n\
         // which says what each of these is. Change it there.\n\n{constants}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_layout_of_the_crate() {
        let committed = fs::read_to_string(root().join(NAMES)).expect("the page's layout");
        assert_eq!(committed, names(), "`cargo xtask generate` writes {NAMES}");
    }
}
