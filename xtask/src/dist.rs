//! `cargo xtask dist`: the page as a folder of static files, as small as it gets.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::project::root;
use crate::wasm::{self, Module, Recipe};
use crate::{bundle, command, head, models, node, offline, package, vendor};

/// Build the page for publishing: a folder that any static host can serve, from any path.
#[derive(Args)]
pub(crate) struct Options {
    /// The folder to write; its previous contents are removed.
    #[arg(long, default_value = OUT)]
    out: PathBuf,
    /// The cargo profile that the wasm modules are built with.
    #[arg(long, default_value = PROFILE)]
    profile: String,
    /// Use the modules of `serve`, which are larger and faster to build: for testing, not for publishing.
    #[arg(long, conflicts_with = "profile")]
    draft: bool,
    /// The address that the page is published at, for sites that show a preview of a link with a picture.
    #[arg(long)]
    url: Option<String>,
}

/// The folder that is published, unless another is named.
pub(crate) const OUT: &str = "dist";

/// The cargo profile of the modules that are published.
const PROFILE: &str = "dist";

/// Where the browser tests find a draft.
pub(crate) const DRAFT: &str = "target/dist-draft";

/// Writes the draft that the browser tests serve from a sub-path.
pub(crate) fn draft() -> Result<()> {
    write(
        &root().join(DRAFT),
        &Recipe::for_development(wasm::PROFILE),
        None,
    )
}

/// What is published, beside the wasm modules.
const PUBLISHED: &[&str] = &[
    "index.html",
    "web",
    "pretrained",
    "LICENSE-MIT",
    "LICENSE-APACHE",
];

/// Tells GitHub Pages to serve the files as they are; also how an earlier output is told from any other folder.
const MARK: &str = ".nojekyll";

/// Prints the bytes of each file given as an argument, as they are and after brotli at its best.
const SIZES: &str = "
const { readFileSync } = require('node:fs');
const { brotliCompressSync } = require('node:zlib');
for (const path of process.argv.slice(1)) {
  const bytes = readFileSync(path);
  console.log(bytes.length, brotliCompressSync(bytes).length);
}";

/// Writes the folder and prints how much a visitor downloads.
pub(crate) fn run(options: &Options) -> Result<()> {
    vendor::provide()?;
    let out = root().join(&options.out);
    let recipe = if options.draft {
        Recipe::for_development(wasm::PROFILE)
    } else {
        recipe(&options.profile)
    };
    write(&out, &recipe, options.url.as_deref())?;
    print_sizes(&out)?;
    println!("\n==> {}", out.display());
    Ok(())
}

/// Writes what is published to its usual place.
pub(crate) fn publish() -> Result<()> {
    vendor::provide()?;
    write(&root().join(OUT), &recipe(PROFILE), None)
}

/// How published modules are built: beside the target directories, where a second run finds them again.
fn recipe(profile: &str) -> Recipe<'_> {
    Recipe {
        profile,
        wasm_opt: Some("-Oz"),
        out: root().join("target/dist-pkg"),
    }
}

/// Builds the modules by `recipe` and lays them out in `out` with all else that is published, at `url` if that is known.
fn write(out: &Path, recipe: &Recipe<'_>, url: Option<&str>) -> Result<()> {
    Module::ALL
        .iter()
        .try_for_each(|&module| recipe.build(module))?;
    models::provide()?;
    prepare(out)?;
    for name in PUBLISHED {
        let from = root().join(name);
        if !from.exists() {
            bail!("there is no {name} to publish");
        }
        copy_all(&from, &out.join(name), &is_copied)?;
    }
    for module in Module::ALL {
        let folder = format!("web/pkg/{}", module.name());
        copy_all(&recipe.out.join(module.name()), &out.join(folder), &|_| {
            true
        })?;
    }
    bundle::write(out)?;
    package::write(out)?;
    if let Some(url) = url {
        head::name_address(out, url)?;
    }
    // Last, because it has the hash of all else.
    offline::write(out)
}

/// Empties `out`, but never a folder that something else has filled.
fn prepare(out: &Path) -> Result<()> {
    let is_ours = out.join(MARK).is_file();
    let is_empty = match fs::read_dir(out) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => !out.exists(),
    };
    if !is_ours && !is_empty {
        bail!(
            "{} has files that `dist` did not write: choose another folder",
            out.display()
        );
    }
    if out.exists() {
        fs::remove_dir_all(out).with_context(|| format!("could not empty {}", out.display()))?;
    }
    fs::create_dir_all(out).with_context(|| format!("could not create {}", out.display()))?;
    fs::write(out.join(MARK), "").with_context(|| format!("could not write to {}", out.display()))
}

/// Copies a file, or a folder with all in it that has a name to be copied and is not hidden.
fn copy_all(from: &Path, to: &Path, is_copied: &dyn Fn(&str) -> bool) -> Result<()> {
    if from.is_file() {
        fs::copy(from, to).with_context(|| format!("could not copy {}", from.display()))?;
        return Ok(());
    }
    fs::create_dir_all(to).with_context(|| format!("could not create {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("could not read {}", from.display()))? {
        let name = entry?.file_name();
        let text = name.to_string_lossy();
        if !text.starts_with('.') && !text.ends_with(".d.ts") && is_copied(&text) {
            copy_all(&from.join(&name), &to.join(&name), is_copied)?;
        }
    }
    Ok(())
}

/// Whether a file or folder of the page goes along as it is: not the scripts and styles, which are bundled, not `web/pkg`,
/// which holds the modules of `serve`, and not `web/module`, which `package` lays out.
fn is_copied(name: &str) -> bool {
    !["pkg", "module"].contains(&name) && !name.ends_with(".js") && !name.ends_with(".css")
}

fn print_sizes(out: &Path) -> Result<()> {
    let mut files = Vec::new();
    list(out, &mut files)?;
    files.sort();
    let sizes = command::capture(node::node().args(["-e", SIZES]).args(&files))?;
    println!("\n{:>11} {:>11}  file", "bytes", "brotli");
    let mut total = (0, 0);
    for (file, line) in files.iter().zip(sizes.lines()) {
        let (bytes, brotli) = line
            .split_once(' ')
            .context("the sizes could not be read")?;
        let (bytes, brotli): (u64, u64) = (bytes.parse()?, brotli.parse()?);
        let name = file.strip_prefix(out).unwrap_or(file);
        println!("{bytes:>11} {brotli:>11}  {}", name.display());
        total = (total.0 + bytes, total.1 + brotli);
    }
    println!("{:>11} {:>11}  in all", total.0, total.1);
    Ok(())
}

/// All files below `folder` but the hidden ones.
pub(crate) fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            list(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_copied_without_what_is_bundled_or_hidden() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("web"), folder.path().join("out"));
        fs::create_dir_all(from.join("pkg/cpu")).expect("a folder");
        fs::create_dir_all(from.join("digits")).expect("a folder");
        for file in [
            "app.js",
            "app.css",
            "icon.svg",
            "digits/mean.bin",
            "types.d.ts",
            ".hidden",
            "pkg/cpu/walkback.js",
        ] {
            fs::write(from.join(file), file).expect("a file");
        }
        copy_all(&from, &to, &is_copied).expect("a copy");
        let mut files = Vec::new();
        list(&to, &mut files).expect("a list");
        files.sort();
        assert_eq!(files, [to.join("digits/mean.bin"), to.join("icon.svg")]);
        assert!(!to.join(".hidden").exists());
    }

    #[test]
    fn only_its_own_output_is_emptied() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("dist");
        prepare(&out).expect("a new folder");
        fs::write(out.join("old.js"), "old").expect("a file");
        prepare(&out).expect("its own folder");
        assert!(!out.join("old.js").exists());

        let other = folder.path().join("thesis");
        fs::create_dir(&other).expect("a folder");
        fs::write(other.join("chapter-1"), "words").expect("a file");
        assert!(prepare(&other).is_err());
        assert!(other.join("chapter-1").exists());
    }
}
