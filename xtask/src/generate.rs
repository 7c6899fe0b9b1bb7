//! `cargo xtask generate`: files of the page that repeat what Rust says, written from the Rust.
//!
//! They are committed, so that the page can be read and checked without a build. Tests compare them.

use std::fmt::Display;
use std::fs;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::layout;
use crate::project::root;
use crate::wasm::{self, Module, Recipe};

/// Write the page's files that are generated from Rust: the layout of a model folder, the types of the wasm modules.
#[derive(Args)]
pub(crate) struct Options {}

/// The names in a model folder.
const NAMES: &str = "web/models/names.js";

/// What the wasm modules export, as wasm-bindgen types it: those for WebGPU all that those for the CPU do, and more.
const TYPES: [(&str, Module); 2] = [
    ("web/protocol/walkback.d.ts", Module::Webgpu),
    ("web/protocol/learner.d.ts", Module::LearnWebgpu),
];

/// Writes the files; builds the module whose types are taken.
pub(crate) fn run(_: &Options) -> Result<()> {
    let mut files = vec![(NAMES, names())];
    for (file, module) in TYPES {
        Recipe::for_development(wasm::PROFILE).build(module)?;
        files.push((file, types(module)?));
    }
    for (file, text) in files {
        let path = root().join(file);
        fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))?;
        println!("{file}");
    }
    Ok(())
}

/// Compares the committed types with those of the modules in `web/pkg`, which have been built.
///
/// # Errors
/// They differ.
pub(crate) fn check_types() -> Result<()> {
    for (file, module) in TYPES {
        let committed = fs::read_to_string(root().join(file)).unwrap_or_default();
        if committed != types(module)? {
            bail!(
                "{file} differs from what the modules export. Run `cargo xtask generate`, and commit the file with the change"
            );
        }
    }
    Ok(())
}

/// The types of a module in `web/pkg`.
fn types(module: Module) -> Result<String> {
    let path = root().join(format!("web/pkg/{}/walkback.d.ts", module.name()));
    let types =
        fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    Ok(exports(&types))
}

/// The types without what is between wasm-bindgen and its module, which changes with every build.
fn exports(types: &str) -> String {
    let note = "// What the wasm modules export: `cargo xtask generate` writes it from crate/src/web/. Change it there.\n";
    let mut text = note.to_owned();
    let mut is_private = false;
    for line in types.lines() {
        is_private = line.starts_with("export interface InitOutput") || is_private && line != "}";
        if !(is_private && line.contains("=>")) {
            text += line;
            text.push('\n');
        }
    }
    text
}

/// The constants of [`layout`] as a module of the page.
fn names() -> String {
    let list = |names: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
        format!("/** @type {{const}} */ ([{}])", names.join(", "))
    };
    let text = |name: &str| format!("{name:?}");
    let constants: [(&str, &dyn Display); 11] = [
        ("UNET_CONFIG", &list(&layout::UNET_CONFIG)),
        ("SCHEDULER_CONFIG", &list(&layout::SCHEDULER_CONFIG)),
        ("EMA_CONFIG", &text(layout::EMA_CONFIG)),
        ("WEIGHTS", &list(&layout::WEIGHTS)),
        ("MODEL_INDEX", &text(layout::MODEL_INDEX)),
        ("LABELS", &text(layout::LABELS)),
        ("GOLDEN", &text(layout::GOLDEN)),
        ("BEST", &text(layout::BEST)),
        ("OPTIMUM", &text(layout::OPTIMUM)),
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

    #[test]
    fn types_are_kept_but_for_what_changes_with_every_build() {
        let module = |memory: &str| {
            format!(
                "export function noise(seed: number): Float32Array;\n\n\
                 export interface InitOutput {{\n    readonly memory: WebAssembly.Memory;\n{memory}}}\n\n\
                 export type Back = () => void;\n"
            )
        };
        let built = module("    readonly __wbindgen_closure_17: (a: number) => void;\n");
        let kept = exports(&built);
        assert!(kept.ends_with(&module("")), "{kept}");
        assert!(
            kept.starts_with("// What the wasm modules export"),
            "{kept}"
        );
    }
}
