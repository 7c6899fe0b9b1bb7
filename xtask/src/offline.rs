//! The list of files that the published page's service worker keeps, each with its hash.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

use crate::{command, dist, head, node, package};

/// The service worker, beside the page: it answers for what lies below it.
const SCRIPT: &str = "service-worker.js";

/// Prints the SHA-256 of each file given as an argument, and of all of these together.
const HASHES: &str = "
const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
const all = createHash('sha256');
for (const path of process.argv.slice(1)) {
  const hash = createHash('sha256').update(readFileSync(path)).digest('hex');
  all.update(`${path} ${hash}\\n`);
  console.log(hash);
}
console.log(all.digest('hex').slice(0, 16));";

/// Moves the service worker to the page in `site`, with the files that it keeps. All of them are there already.
pub(crate) fn write(site: &Path) -> Result<()> {
    let bundled = site.join("web").join(SCRIPT);
    let script = fs::read_to_string(&bundled)
        .with_context(|| format!("could not read {}", bundled.display()))?;
    fs::remove_file(&bundled).with_context(|| format!("could not remove {}", bundled.display()))?;
    head::add(
        site,
        &[format!(
            "<meta name=\"service-worker\" content=\"{SCRIPT}\" />"
        )],
    )?;
    let names = kept(site)?;
    let printed = command::capture(
        node::node()
            .current_dir(site)
            .args(["-e", HASHES])
            .args(&names),
    )?;
    let mut hashes: Vec<&str> = printed.lines().collect();
    ensure!(
        hashes.len() == names.len() + 1,
        "the hashes could not be read"
    );
    let version = hashes.pop();
    let files: Map<String, Value> = names
        .into_iter()
        .zip(hashes)
        .map(|(name, hash)| (name, json!(hash)))
        .collect();
    let list = json!({ "version": version, "files": files });
    let path = site.join(SCRIPT);
    fs::write(&path, format!("self.WALKBACK={list};\n{script}"))
        .with_context(|| format!("could not write {}", path.display()))
}

/// The paths below `site` of all that the page may ask for, or another one beside it with the module, with slashes.
fn kept(site: &Path) -> Result<Vec<String>> {
    let mut files: Vec<PathBuf> = Vec::new();
    dist::list(site, &mut files)?;
    let mut names: Vec<String> = files
        .iter()
        .filter_map(|file| file.strip_prefix(site).ok())
        .map(|name| name.to_string_lossy().replace('\\', "/"))
        .filter(|name| is_kept(name))
        .collect();
    names.sort();
    Ok(names)
}

/// The modules that learn, which a visitor who does not teach never downloads.
const LEARN: [&str; 2] = ["web/pkg/learn/", "web/pkg/learn-webgpu/"];

/// Whether a page needs a file: not what is there for readers, or for whoever shows links, nor what few visitors need.
fn is_kept(name: &str) -> bool {
    let is_loaded = name == "index.html"
        || name.starts_with("web/")
        || name.starts_with("pretrained/")
        || package::LOADED.contains(&name);
    let learns = LEARN.iter().any(|folder| name.starts_with(folder));
    is_loaded && !learns && !name.ends_with(".md")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_the_page_asks_for_is_kept_under_its_hash() {
        let folder = tempfile::tempdir().expect("a folder");
        let site = folder.path();
        for (name, text) in [
            ("index.html", "<meta name=\"color-scheme\" />"),
            ("preview.png", "a picture"),
            ("LICENSE-MIT", "a licence"),
            ("walkback.js", "for others"),
            ("walkback.d.ts", "types"),
            ("example.html", "for others"),
            ("web/walkback.js", "for others"),
            ("web/main.js", "abc"),
            ("web/service-worker.js", "listen()"),
            ("web/pkg/webgpu/walkback_bg.wasm", "wasm"),
            ("web/pkg/learn/walkback_bg.wasm", "wasm"),
            ("web/pkg/learn-webgpu/walkback_bg.wasm", "wasm"),
            ("pretrained/mnist/README.md", "words"),
            ("pretrained/mnist/unet/config.json", "{}"),
        ] {
            let path = site.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        write(site).expect("a service worker");
        assert!(!site.join("web/service-worker.js").exists());
        let page = fs::read_to_string(site.join("index.html")).expect("a page");
        assert!(page.contains("<meta name=\"service-worker\" content=\"service-worker.js\" />"));

        let script = fs::read_to_string(site.join(SCRIPT)).expect("a script");
        let (list, code) = script.split_once(";\n").expect("a list and code");
        assert_eq!(code, "listen()");
        let list: Value =
            serde_json::from_str(list.trim_start_matches("self.WALKBACK=")).expect("a list");
        let names: Vec<&String> = list["files"].as_object().expect("files").keys().collect();
        assert_eq!(
            names,
            [
                "example.html",
                "index.html",
                "pretrained/mnist/unet/config.json",
                "walkback.js",
                "web/main.js",
                "web/pkg/webgpu/walkback_bg.wasm",
                "web/walkback.js",
            ]
        );
        // The standard's own example.
        assert_eq!(
            list["files"]["web/main.js"],
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );

        let before = list["version"].clone();
        fs::write(site.join("web/main.js"), "abcd").expect("a file");
        fs::write(site.join("web/service-worker.js"), "listen()").expect("a file");
        write(site).expect("a service worker");
        let script = fs::read_to_string(site.join(SCRIPT)).expect("a script");
        assert!(!script.contains(before.as_str().expect("a version")));
    }
}
