//! Node, and the packages of `package.json`. The tests and `dist` need them; the page itself does not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command;
use crate::project::root;

/// The oldest Node whose test runner knows the options in use.
const OLDEST: (u32, u32) = (20, 10);

/// `node` in the root of the repository.
pub(crate) fn node() -> Command {
    let mut command = Command::new("node");
    command.current_dir(root());
    command
}

/// A program that one of the installed packages brings.
pub(crate) fn tool(name: &str) -> Command {
    let suffix = if cfg!(windows) { ".cmd" } else { "" };
    let mut command = Command::new(root().join(format!("node_modules/.bin/{name}{suffix}")));
    command.current_dir(root());
    command
}

/// Installs the packages of the page's tests.
pub(crate) fn install() -> Result<()> {
    install_in(root())
}

/// Installs the packages of a folder with `npm ci`, unless that was done since its `package-lock.json` last changed.
pub(crate) fn install_in(folder: &Path) -> Result<()> {
    check_version()?;
    if is_installed(folder) {
        return Ok(());
    }
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let mut ci = Command::new(npm);
    ci.args(["ci", "--no-audit", "--no-fund"])
        .current_dir(folder);
    command::run(&mut ci).with_context(|| {
        let lock = folder.join("package-lock.json");
        format!("the packages in {} could not be installed", lock.display())
    })
}

fn check_version() -> Result<()> {
    let (major, minor) = OLDEST;
    let Ok(version) = command::capture(node().arg("--version")) else {
        bail!(
            "Node was not found: install Node {major}.{minor} or newer (it brings npm), then try again"
        );
    };
    match parse(&version) {
        Some(found) if found < OLDEST => {
            bail!("Node {version} is too old: install {major}.{minor} or newer, then try again")
        }
        _ => Ok(()),
    }
}

/// `v20.11.1` -> (20, 11).
fn parse(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version
        .strip_prefix('v')?
        .split('.')
        .map(|n| n.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

fn is_installed(folder: &Path) -> bool {
    // npm writes this file last, so a broken installation does not have it.
    let changed = |path: PathBuf| fs::metadata(path).and_then(|m| m.modified());
    let lock = changed(folder.join("package-lock.json"));
    let installed = changed(folder.join("node_modules/.package-lock.json"));
    matches!((lock, installed), (Ok(lock), Ok(installed)) if installed >= lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert_eq!(parse("v20.20.2"), Some((20, 20)));
        assert!(parse("v9.11.0") < Some(OLDEST));
        assert!(parse("v20.9.0") < Some(OLDEST));
        assert!(parse("v22.0.0") > Some(OLDEST));
        assert_eq!(parse("nightly"), None);
    }
}
