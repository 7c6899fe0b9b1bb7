//! The module for pages that others write, as it is published: beside the page, and as an npm package.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use crate::project::root;

/// Where in the repository each file comes from.
const COPIED: &[(&str, &str)] = &[
    ("web/module/walkback.d.ts", "walkback.d.ts"),
    ("web/module/example.html", "example.html"),
    ("web/module/example.js", "example.js"),
    ("docs/module.md", "README.md"),
];

/// The module as it is imported. What it needs lies in `web/`, where the page has it too.
const MODULE: (&str, &str) = (
    "walkback.js",
    "export { load } from \"./web/walkback.js\";\n",
);

/// What other pages load, beside what this page has too.
pub(crate) const LOADED: &[&str] = &[
    "walkback.js",
    "example.html",
    "example.js",
    "web/walkback.js",
];

/// Writes the module, its types, its example and its package.json to `site`.
pub(crate) fn write(site: &Path) -> Result<()> {
    for (from, to) in COPIED {
        fs::copy(root().join(from), site.join(to))
            .with_context(|| format!("could not copy {from}"))?;
    }
    let manifest = json!({
        "name": "walkback",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "A trained diffusion model that walks from noise back to an image, one step at a time, in a browser",
        "license": "MIT OR Apache-2.0",
        "type": "module",
        "exports": { ".": { "types": "./walkback.d.ts", "default": "./walkback.js" } },
        "files": [
            "walkback.js",
            "walkback.d.ts",
            "example.html",
            "example.js",
            "web/walkback.js",
            "web/worker.js",
            "web/pkg/cpu",
            "web/pkg/webgpu",
            "pretrained/mnist",
            "LICENSE-*",
        ],
    });
    let (name, text) = MODULE;
    for (name, text) in [
        (name, text.to_owned()),
        ("package.json", format!("{manifest:#}\n")),
    ] {
        let path = site.join(name);
        fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_module_is_written_or_bundled() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path()).expect("a package");
        let read = ["walkback.d.ts", "README.md", "package.json"];
        for name in LOADED.iter().chain(&read) {
            let is_bundled = *name == "web/walkback.js";
            assert_eq!(folder.path().join(name).is_file(), !is_bundled, "{name}");
        }
        let text = fs::read_to_string(folder.path().join("package.json")).expect("a manifest");
        let manifest: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(manifest["exports"]["."]["default"], "./walkback.js");
    }
}
