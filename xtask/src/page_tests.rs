//! The step `browser` of `cargo xtask test`: the tests in `tests/browser`, in the browsers that are installed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, bail};

use crate::project::root;
use crate::steps::{self, Extent, LONG};
use crate::{browser, command, dist, models, node, vendor};

/// The browser tests that nothing else may run beside, because they measure by the clock or what the machine's memory holds,
/// or keep all cores busy with a GPU imitated in software. All others run two at a time.
const ALONE: [&str; 12] = [
    "device-choice",
    "embeds",
    "gpu-check",
    "hands",
    "page-access",
    "page-webgpu",
    "parity",
    "steady",
    "steady-small-gpu",
    "steady-webgpu",
    "teach-webgpu",
    "webkit",
];

/// The line after which Node's reporter says again what failed, and why.
const FAILED: &str = "failing tests:";

/// Builds what the page's tests need, finds the browsers, and runs the tests.
///
/// # Errors
/// What could not be built, or the tests that failed, each with its reason.
pub(crate) fn run(extent: Extent) -> Result<()> {
    vendor::provide()?;
    models::provide()?;
    steps::build_wasm()?;
    dist::draft()?;
    let mut found = Vec::new();
    for browser in browser::ALL {
        match browser.find()? {
            Some(program) => {
                println!("    {}: {}", browser.name, program.display());
                found.push((browser.variable, program));
            }
            None => println!(
                "    no {0}: its tests are skipped; set {1} to the path of one",
                browser.name, browser.variable
            ),
        }
    }
    let (alone, others): (Vec<_>, Vec<_>) = files(extent)?.into_iter().partition(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        is_long(path) || ALONE.iter().any(|alone| name == format!("{alone}.test.js"))
    });
    let run = |files: Vec<PathBuf>, at_once: &str| {
        let mut tests = node::node();
        tests
            .args(["--test", "--test-reporter=spec"])
            .arg(format!("--test-concurrency={at_once}"))
            .args(files)
            .envs(found.iter().map(|(variable, program)| (variable, program)));
        if extent == Extent::Long {
            tests.env(LONG, "1");
        }
        command::run_and_repeat(&mut tests, FAILED)
    };
    // The second half runs whatever the first says, so that one run names all that fails, at its end.
    let failures: Vec<Error> = [run(others, "2"), run(alone, "1")]
        .into_iter()
        .filter_map(Result::err)
        .collect();
    if failures.is_empty() {
        return Ok(());
    }
    let said: Vec<String> = failures.iter().map(Error::to_string).collect();
    bail!("{}", said.join("\n\n"))
}

/// Whether a browser test is one of those for which there has to be time.
fn is_long(path: &Path) -> bool {
    path.parent().is_some_and(|folder| folder.ends_with("long"))
}

/// `tests/browser/*.test.js`, and those in `long/` if there is time; one by one, because Node's versions differ in what they
/// make of a folder.
fn files(extent: Extent) -> Result<Vec<PathBuf>> {
    let folder = root().join("tests/browser");
    let mut files = test_files(&folder)?;
    if files.is_empty() {
        bail!("there is no *.test.js in {}", folder.display());
    }
    if extent == Extent::Long && folder.join("long").is_dir() {
        files.extend(test_files(&folder.join("long"))?);
    }
    Ok(files)
}

/// The `*.test.js` in one folder, sorted, as paths from the root.
fn test_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)
        .with_context(|| format!("could not read the folder {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".test.js") {
            files.push(path.strip_prefix(root()).unwrap_or(&path).to_owned());
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_browser_tests_come_only_when_asked_for() {
        let ordinary = files(Extent::Usual).expect("there are browser tests");
        assert!(!ordinary.iter().any(|path| is_long(path)));
        let all = files(Extent::Long).expect("there are browser tests");
        assert_eq!(all[..ordinary.len()], ordinary);
        assert!(all[ordinary.len()..].iter().all(|path| is_long(path)));
    }

    #[test]
    fn what_runs_alone_is_there() {
        let files = files(Extent::Usual).expect("there are browser tests");
        for name in ALONE {
            let path = Path::new("tests/browser").join(format!("{name}.test.js"));
            assert!(files.contains(&path), "{name} is gone");
        }
    }
}
