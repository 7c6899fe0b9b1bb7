//! The page's scripts and styles as they are published: few files instead of many, without comments and long names.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::project::root;
use crate::{command, dist, node};

/// What is loaded by its name, from web/. Of the page, each figure stays a file of its own, for the moment that it is
/// needed; a worker is one file, because it needs all of it at once.
const PAGE: &str = "main.js";
const WORKERS: &[&str] = &["worker.js", "models/zip-worker.js"];

/// Browsers that have WebGPU or WebAssembly's SIMD have this and more.
const TARGET: &str = "--target=es2022";

/// Writes the scripts and styles of the page to `site`, what is published, which holds all else already.
pub(crate) fn write(site: &Path) -> Result<()> {
    let out = &site.join("web");
    let mut page = esbuild(out);
    page.args(["--bundle", "--splitting", "--format=esm"])
        // Beside main.js, from where places.js counts.
        .arg("--chunk-names=[name]-[hash]")
        .arg(format!("web/{PAGE}"));
    command::run(&mut page)?;

    let mut workers = esbuild(out);
    workers.args(["--bundle", "--format=esm"]);
    workers.args(WORKERS.iter().map(|name| format!("web/{name}")));
    command::run(&mut workers)?;

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
    announce(site)
}

/// Names in the page what main.js begins with, so that a browser asks for all of it at once.
fn announce(site: &Path) -> Result<()> {
    let read = |path: &Path| {
        fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))
    };
    let main = read(&site.join("web").join(PAGE))?;
    let script = format!(r#"<script type="module" src="web/{PAGE}"></script>"#);
    let links: String = static_imports(&main)
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

/// The modules beside it that a minified module imports before it runs.
fn static_imports(module: &str) -> impl Iterator<Item = &str> {
    module
        .split(r#"from"./"#)
        .skip(1)
        .filter_map(|rest| rest.split_once('"').map(|(name, _)| name))
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

    #[test]
    fn imports_that_wait_are_told_from_those_that_do_not() {
        let module = r#"import{a as b}from"./chunk-1.js";import{c}from"./chunk-2.js";import("./figure-3.js")"#;
        let names: Vec<_> = static_imports(module).collect();
        assert_eq!(names, ["chunk-1.js", "chunk-2.js"]);
    }

    #[test]
    fn the_page_names_what_its_script_begins_with() {
        let folder = tempfile::tempdir().expect("a folder");
        let site = folder.path();
        fs::create_dir(site.join("web")).expect("a folder");
        fs::write(site.join("web/main.js"), r#"import{a}from"./chunk-1.js";"#).expect("a file");
        let page = site.join("index.html");
        fs::write(
            &page,
            r#"<script type="module" src="web/main.js"></script>"#,
        )
        .expect("a file");
        announce(site).expect("a page");
        let text = fs::read_to_string(&page).expect("a file");
        assert_eq!(
            text,
            "<link rel=\"modulepreload\" href=\"web/chunk-1.js\" />\n    \
             <script type=\"module\" src=\"web/main.js\"></script>"
        );

        fs::write(&page, "<p>another page</p>").expect("a file");
        assert!(announce(site).is_err());
    }
}
