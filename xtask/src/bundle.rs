//! The page's scripts and styles as they are published: few files instead of many, without comments and long names.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::project::root;
use crate::{command, dist, node};

/// What is loaded by its name, from web/. Of the page, each figure stays a file of its own, for the moment that it is
/// needed; a worker is one file, because it needs all of it at once, and so is the module for other pages.
const PAGE: &str = "main.js";
const WHOLE: &[&str] = &[
    "worker.js",
    "learner.js",
    "models/zip-worker.js",
    "figures/plane/worker.js",
    "service-worker.js",
    "walkback.js",
];

/// Where esbuild says what it made of the page's scripts.
const METAFILE: &str = "target/page-meta.json";

/// Browsers that have WebGPU or WebAssembly's SIMD have this and more.
const TARGET: &str = "--target=es2022";

/// Writes the scripts and styles of the page to `site`, what is published, which holds all else already.
pub(crate) fn write(site: &Path) -> Result<()> {
    let out = &site.join("web");
    let mut page = esbuild(out);
    page.args(["--bundle", "--splitting", "--format=esm"])
        .arg(format!("--metafile={}", root().join(METAFILE).display()))
        // Beside main.js, from where own-file.js counts.
        .arg("--chunk-names=[name]-[hash]")
        .arg(format!("web/{PAGE}"));
    command::run(&mut page)?;

    let mut whole = esbuild(out);
    whole.args(["--bundle", "--format=esm"]);
    whole.args(WHOLE.iter().map(|name| format!("web/{name}")));
    command::run(&mut whole)?;

    let mut styles = esbuild(out);
    styles.args(files(&root().join("web"), "css")?);
    command::run(&mut styles)?;

    for glue in files(&out.join("pkg"), "js")? {
        let mut minify = esbuild(out);
        minify
            .arg("--allow-overwrite")
            .arg(format!("--outbase={}", out.display()))
            .arg(glue);
        command::run(&mut minify)?;
    }
    let meta = read(&root().join(METAFILE))?;
    announce(
        site,
        &serde_json::from_str(&meta).context("esbuild's report is not JSON")?,
    )
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))
}

/// Names in the page what main.js begins with, so that a browser asks for all of it at once.
fn announce(site: &Path, meta: &Value) -> Result<()> {
    let script = format!(r#"<script type="module" src="web/{PAGE}"></script>"#);
    let links: String = static_imports(meta)?
        .iter()
        .map(|name| format!("<link rel=\"modulepreload\" href=\"web/{name}\" />\n    "))
        .collect();
    let path = site.join("index.html");
    let page = read(&path)?;
    let (before, after) = page
        .split_once(&script)
        .with_context(|| format!("{} has no {script}", path.display()))?;
    fs::write(&path, format!("{before}{links}{script}{after}"))
        .with_context(|| format!("could not write {}", path.display()))
}

/// The modules beside the page's script that are imported before it runs, by name, as esbuild's metafile lists them.
fn static_imports(meta: &Value) -> Result<Vec<&str>> {
    let outputs = meta["outputs"].as_object();
    let is_page = |output: &Value| output["entryPoint"] == format!("web/{PAGE}");
    let page = outputs.and_then(|outputs| outputs.values().find(|output| is_page(output)));
    let imports = page.and_then(|page| page["imports"].as_array());
    let imports = imports.with_context(|| format!("esbuild's report lists no {PAGE}"))?;
    Ok(imports
        .iter()
        .filter(|import| import["kind"] == "import-statement")
        .filter_map(|import| import["path"].as_str()?.rsplit('/').next())
        .collect())
}

fn esbuild(out: &Path) -> std::process::Command {
    let mut esbuild = node::tool("esbuild");
    esbuild
        .args(["--minify", "--charset=utf8", "--log-level=warning", TARGET])
        // The licences lie beside, in web/vendor/.
        .arg("--legal-comments=none")
        .arg("--outbase=web")
        .arg(format!("--outdir={}", out.display()));
    esbuild
}

/// The files below `folder` whose names end so.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    dist::list(folder, &mut files)?;
    files.retain(|file| file.extension().is_some_and(|its| its == extension));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What esbuild reports of a page that imports one module at once and another when it is needed.
    fn meta() -> Value {
        let import = |path: &str, kind: &str| json!({ "path": path, "kind": kind });
        json!({ "outputs": {
            "dist/web/wall-3.js": { "entryPoint": "web/figures/wall.js", "imports": [
                import("dist/web/chunk-2.js", "import-statement"),
            ] },
            "dist/web/main.js": { "entryPoint": "web/main.js", "imports": [
                import("dist/web/chunk-1.js", "import-statement"),
                import("dist/web/wall-3.js", "dynamic-import"),
            ] },
        } })
    }

    #[test]
    fn the_page_names_what_its_script_begins_with() {
        let folder = tempfile::tempdir().expect("a folder");
        let site = folder.path();
        let page = site.join("index.html");
        let script = r#"<script type="module" src="web/main.js"></script>"#;
        fs::write(&page, script).expect("a file");
        announce(site, &meta()).expect("a page");
        let text = fs::read_to_string(&page).expect("a file");
        assert_eq!(
            text,
            format!("<link rel=\"modulepreload\" href=\"web/chunk-1.js\" />\n    {script}")
        );
        assert!(announce(site, &json!({ "outputs": {} })).is_err());

        fs::write(&page, "<p>another page</p>").expect("a file");
        assert!(announce(site, &meta()).is_err());
    }
}
