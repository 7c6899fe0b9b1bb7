//! The page's scripts and styles as they are published: few files instead of many, without comments and long names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::project::root;
use crate::{command, dist, node};

/// What is loaded by its name, from web/. Of the page, each figure stays a file of its own, for the moment that it is
/// needed; a worker is one file, because it needs all of it at once, and so is the module for other pages.
const PAGE: &str = "main.js";
/// The figure that a visitor sees first.
const FIRST: &str = "figures/walk-back.js";
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

/// The page's scripts with what they share left apart, which is only read to see what that is.
const APART: &str = "target/page-apart";

/// What the page and its first figure share with other figures, as imports.
const SHARED: &str = "target/first-step.js";

/// Browsers that have WebGPU or WebAssembly's SIMD have this and more.
const TARGET: &str = "--target=es2022";

/// Writes the scripts and styles of the page to `site`, what is published, which holds all else already.
pub(crate) fn write(site: &Path) -> Result<()> {
    let out = &site.join("web");
    let apart = write_page(&root().join(APART), None)?;
    let shared = root().join(SHARED);
    fs::write(&shared, shared_by_first(&apart)?)
        .with_context(|| format!("could not write {}", shared.display()))?;
    let meta = write_page(out, Some(&shared))?;

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
    announce(site, &meta)
}

/// Writes the page's script and what it imports, and returns esbuild's report. What several of the files share are files
/// too, one for each set of those that share it; what `shared` imports is only one file, because all of them import it.
fn write_page(out: &Path, shared: Option<&Path>) -> Result<Value> {
    let meta = root().join(METAFILE);
    let mut page = esbuild(out);
    page.args(["--bundle", "--splitting", "--format=esm"])
        .arg(format!("--metafile={}", meta.display()))
        // Beside main.js, from where own-file.js counts.
        .arg("--chunk-names=[name]-[hash]")
        .args(shared.map(|shared| format!("--inject:{}", shared.display())))
        .arg(format!("web/{PAGE}"));
    command::run(&mut page)?;
    serde_json::from_str(&read(&meta)?).context("esbuild's report is not JSON")
}

/// A script that imports all modules that the page and its first figure share with other figures: many small files would
/// take longer to fetch than one, and are larger when they are compressed.
fn shared_by_first(meta: &Value) -> Result<String> {
    let outputs = meta["outputs"]
        .as_object()
        .context("esbuild's report lists no files")?;
    let mut needed = vec![
        output_of(meta, PAGE)?.0.to_owned(),
        output_of(meta, FIRST)?.0.to_owned(),
    ];
    let mut modules = BTreeSet::new();
    let mut next = 0;
    while let Some(name) = needed.get(next).cloned() {
        next += 1;
        let Some(output) = outputs.get(&name) else {
            continue;
        };
        for import in imports(output, "import-statement") {
            if !needed.iter().any(|other| other == import) {
                needed.push(import.to_owned());
            }
        }
        if output["entryPoint"].is_null() {
            let inputs = output["inputs"].as_object();
            modules.extend(inputs.into_iter().flat_map(|inputs| inputs.keys()));
        }
    }
    Ok(modules
        .iter()
        .map(|module| format!("import {:?};\n", root().join(module)))
        .collect())
}

/// The file that esbuild has made of a module in web/, with its name.
fn output_of<'a>(meta: &'a Value, module: &str) -> Result<(&'a String, &'a Value)> {
    let outputs = meta["outputs"].as_object();
    outputs
        .and_then(|outputs| {
            outputs
                .iter()
                .find(|(_, output)| output["entryPoint"] == format!("web/{module}"))
        })
        .with_context(|| format!("esbuild's report lists no {module}"))
}

/// The files that one imports in a way.
fn imports<'a>(output: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a str> {
    let imports = output["imports"].as_array();
    imports
        .into_iter()
        .flatten()
        .filter(move |import| import["kind"] == kind)
        .filter_map(|import| import["path"].as_str())
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
    let (_, page) = output_of(meta, PAGE)?;
    Ok(imports(page, "import-statement")
        .filter_map(|path| path.rsplit('/').next())
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
    fn what_the_first_step_shares_is_one_list() {
        let import = |path: &str, kind: &str| json!({ "path": path, "kind": kind, "original": "" });
        let inputs = |names: &[&str]| -> Value {
            names
                .iter()
                .map(|name| ((*name).to_owned(), json!({})))
                .collect()
        };
        let meta = json!({ "outputs": {
            "web/main.js": { "entryPoint": "web/main.js", "inputs": inputs(&["web/main.js"]), "imports": [
                import("web/chunk-1.js", "import-statement"),
                import("web/walk-back-2.js", "dynamic-import"),
            ] },
            "web/walk-back-2.js": { "entryPoint": "web/figures/walk-back.js", "inputs": inputs(&["web/figures/walk-back.js"]), "imports": [
                import("web/chunk-1.js", "import-statement"),
                import("web/chunk-3.js", "import-statement"),
            ] },
            "web/chunk-1.js": { "inputs": inputs(&["web/parts/button.js", "web/screen/dom.js"]), "imports": [] },
            "web/chunk-3.js": { "inputs": inputs(&["web/parts/term.js"]), "imports": [
                import("web/chunk-1.js", "import-statement"),
            ] },
            "web/chunk-4.js": { "inputs": inputs(&["web/parts/photo.js"]), "imports": [] },
        } });
        let list = shared_by_first(&meta).expect("a list");
        let names: Vec<&str> = list
            .lines()
            .filter_map(|line| line.rsplit("/web/").next())
            .collect();
        assert_eq!(
            names,
            ["parts/button.js\";", "parts/term.js\";", "screen/dom.js\";"]
        );
        assert!(shared_by_first(&json!({ "outputs": {} })).is_err());
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
