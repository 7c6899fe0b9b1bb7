//! `cargo xtask test`: everything that must hold before a change is kept, step by step.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::project::{PACKAGE, cargo, root};
use crate::wasm::{self, Device, Recipe, cargo_for_wasm};
use crate::{browser, command, dist, models, node, vendor};

/// Check and test everything: format, lints, types, documentation, native and browser tests.
#[derive(Args)]
pub(crate) struct Options {
    /// Leave out a step; can be repeated.
    #[arg(long, value_name = "STEP", value_parser = PossibleValuesParser::new(names()))]
    skip: Vec<String>,
    /// Run only this step; can be repeated.
    #[arg(long, value_name = "STEP", value_parser = PossibleValuesParser::new(names()))]
    only: Vec<String>,
    /// Also what takes long: many more kills and malformed inputs, and the browser tests in tests/browser/long.
    #[arg(long)]
    long: bool,
}

/// Tells native and browser tests that there is time.
const LONG: &str = "WALKBACK_LONG";

/// The one step that may install something as root.
const BROWSER: &str = "browser";

struct Step {
    name: &'static str,
    run: fn(long: bool) -> Result<()>,
}

/// In the order of what fails soonest. Each step sees to what it needs, so that it can also run alone.
const STEPS: &[Step] = &[
    Step {
        name: "format",
        run: |_| format(),
    },
    Step {
        name: "npm",
        run: |_| node::install(),
    },
    Step {
        name: "prettier",
        run: |_| prettier(),
    },
    Step {
        name: "tsc",
        run: |_| tsc(),
    },
    Step {
        name: "clippy",
        run: |_| clippy(),
    },
    Step {
        name: "clippy-wasm",
        run: |_| clippy_wasm(),
    },
    Step {
        name: "docs",
        run: |_| docs(),
    },
    Step {
        name: "native",
        run: native,
    },
    Step {
        name: "wasm",
        run: |_| build_wasm(),
    },
    Step {
        name: BROWSER,
        run: browser_tests,
    },
];

/// The packages of the workspace and the profile that each is checked and tested in: numerics need the optimised
/// one, which `cargo run --release` shares. They are built one at a
/// time and xtask in its own profile, or its dependencies would all be compiled a second time.
const PACKAGES: &[[&str; 4]] = &[
    ["--package", "xtask", "--profile", "xtask"],
    ["--package", PACKAGE, "--profile", "release"],
];

/// Makes warnings errors.
const DENY: [&str; 3] = ["--", "-D", "warnings"];

fn names() -> impl Iterator<Item = &'static str> {
    STEPS.iter().map(|step| step.name)
}

/// Runs the steps that are asked for and stops at the first that fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    if is_wanted(options, BROWSER) {
        // Before the steps that take minutes, so that there is time to stop it.
        browser::announce_installations()?;
    }
    let mut done: Vec<(&str, Duration)> = Vec::new();
    for step in STEPS.iter().filter(|step| is_wanted(options, step.name)) {
        println!("\n==> {}", step.name);
        let began = Instant::now();
        let outcome = (step.run)(options.long);
        let took = began.elapsed();
        if let Err(reason) = outcome {
            summarise(&done);
            println!("failed  {:<12} {:>6.1} s", step.name, took.as_secs_f64());
            println!("`cargo xtask test --only {}` runs it alone.", step.name);
            return Err(reason.context(format!("step `{}` failed", step.name)));
        }
        done.push((step.name, took));
    }
    if done.is_empty() {
        bail!("no step is left to run");
    }
    summarise(&done);
    Ok(())
}

fn is_wanted(options: &Options, name: &str) -> bool {
    let named = |list: &[String]| list.iter().any(|entry| entry == name);
    (options.only.is_empty() || named(&options.only)) && !named(&options.skip)
}

fn summarise(done: &[(&str, Duration)]) {
    println!();
    for (name, took) in done {
        println!("passed  {name:<12} {:>6.1} s", took.as_secs_f64());
    }
}

fn format() -> Result<()> {
    command::run(cargo().args(["fmt", "--all", "--check"]))
        .context("the Rust code is not formatted, which `cargo fmt --all` does")
}

fn prettier() -> Result<()> {
    node::install()?;
    command::run(node::tool("prettier").args(["--check", "."]))
        .context("some files are not formatted, which `npx prettier --write .` does")
}

fn tsc() -> Result<()> {
    vendor::provide()?;
    command::run(node::tool("tsc").args(["--project", "."]))
}

fn clippy() -> Result<()> {
    PACKAGES.iter().try_for_each(|package| {
        let mut clippy = cargo();
        command::run(
            clippy
                .arg("clippy")
                .args(package)
                .arg("--all-targets")
                .args(DENY),
        )
    })
}

fn clippy_wasm() -> Result<()> {
    wasm::ensure_target()?;
    Device::ALL.iter().try_for_each(|device| {
        let mut clippy = cargo_for_wasm();
        command::run(
            clippy
                .arg("clippy")
                .args(device.cargo_args(wasm::PROFILE))
                .args(DENY),
        )
    })
}

fn docs() -> Result<()> {
    PACKAGES.iter().try_for_each(|package| {
        let mut doc = cargo();
        doc.env("RUSTDOCFLAGS", "-D warnings");
        command::run(doc.arg("doc").args(package).arg("--no-deps"))
    })
}

fn native(long: bool) -> Result<()> {
    PACKAGES.iter().try_for_each(|package| {
        let mut test = cargo();
        test.arg("test").args(package);
        if long {
            test.env(LONG, "1");
        }
        command::run(&mut test)
    })?;
    // As the README calls the binary, which cargo has to find by itself.
    command::run(cargo().args(["run", "--release", "--", "info"]))
}

fn build_wasm() -> Result<()> {
    let recipe = Recipe::for_development(wasm::PROFILE);
    Device::ALL
        .iter()
        .try_for_each(|&device| recipe.build(device))
}

fn browser_tests(long: bool) -> Result<()> {
    vendor::provide()?;
    models::provide()?;
    build_wasm()?;
    dist::draft()?;
    let mut tests = node::node();
    // One file at a time: several browsers at once would slow each other down beyond their time limits.
    tests
        .args(["--test", "--test-concurrency=1", "--test-reporter=spec"])
        .args(browser_test_files(long)?);
    for browser in browser::ALL {
        match browser.find()? {
            Some(program) => {
                println!("    {}: {}", browser.name, program.display());
                tests.env(browser.variable, program);
            }
            None => println!(
                "    no {0}: its tests are skipped; set {1} to the path of one",
                browser.name, browser.variable
            ),
        }
    }
    if long {
        tests.env(LONG, "1");
    }
    command::run(&mut tests)
}

/// `tests/browser/*.test.js`, and those in `long/` if there is time; one by one, because Node's versions differ in what they
/// make of a folder.
fn browser_test_files(long: bool) -> Result<Vec<PathBuf>> {
    let folder = root().join("tests/browser");
    let mut files = test_files(&folder)?;
    if files.is_empty() {
        bail!("there is no *.test.js in {}", folder.display());
    }
    if long && folder.join("long").is_dir() {
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

    fn wanted(only: &[&str], skip: &[&str]) -> Vec<&'static str> {
        let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        let options = Options {
            only: owned(only),
            skip: owned(skip),
            long: false,
        };
        names().filter(|name| is_wanted(&options, name)).collect()
    }

    #[test]
    fn all_steps_run_unless_told_otherwise() {
        assert_eq!(wanted(&[], &[]).len(), STEPS.len());
        assert_eq!(wanted(&[], &["browser"]).len(), STEPS.len() - 1);
        assert_eq!(wanted(&["native", "format"], &[]), ["format", "native"]);
        assert!(wanted(&["native"], &["native"]).is_empty());
    }

    #[test]
    fn long_browser_tests_come_only_when_asked_for() {
        let is_long = |path: &PathBuf| path.parent().is_some_and(|folder| folder.ends_with("long"));
        let ordinary = browser_test_files(false).expect("there are browser tests");
        assert!(!ordinary.iter().any(is_long));
        let all = browser_test_files(true).expect("there are browser tests");
        assert_eq!(all[..ordinary.len()], ordinary);
        assert!(all[ordinary.len()..].iter().all(is_long));
    }

    #[test]
    fn step_names_are_distinct() {
        let mut sorted: Vec<_> = names().collect();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), STEPS.len());
    }
}
