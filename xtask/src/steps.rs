//! What `cargo xtask check` and `cargo xtask test` run, step by step.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::project::{PACKAGE, cargo, root};
use crate::wasm::{self, Module, Recipe};
use crate::{command, generate, node, page_tests, vendor, vulkan};

/// Tells native and browser tests that there is time.
pub(crate) const LONG: &str = "WALKBACK_LONG";

/// The two steps that may install something as root: browsers, a driver for the GPU's tests.
pub(crate) const BROWSER: &str = "browser";
pub(crate) const NATIVE: &str = "native";

/// How much of a step's tests is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What takes seconds.
    Fast,
    /// Everything but what is long.
    Usual,
    /// Also many more kills and malformed inputs, and the browser tests in tests/browser/long.
    Long,
}

/// A part of `cargo xtask test`.
pub(crate) struct Step {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// Whether `cargo xtask check` runs it too.
    pub(crate) is_fast: bool,
    run: fn(Extent) -> Result<()>,
}

/// In the order of what fails soonest. Each step sees to what it needs, so that it can also run alone.
pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "format",
        is_fast: true,
        run: |_| format(),
    },
    Step {
        name: "npm",
        is_fast: true,
        run: |_| node::install(),
    },
    Step {
        name: "prettier",
        is_fast: true,
        run: |_| prettier(),
    },
    Step {
        name: "tsc",
        is_fast: true,
        run: |_| tsc(),
    },
    Step {
        name: "layers",
        is_fast: true,
        run: |_| layers(),
    },
    Step {
        name: "clippy",
        is_fast: true,
        run: |_| clippy(),
    },
    Step {
        name: "clippy-wasm",
        is_fast: false,
        run: |_| clippy_wasm(),
    },
    Step {
        name: "docs",
        is_fast: false,
        run: |_| docs(),
    },
    Step {
        name: NATIVE,
        is_fast: true,
        run: native,
    },
    Step {
        name: "wasm",
        is_fast: false,
        run: |_| build_wasm(),
    },
    Step {
        name: BROWSER,
        is_fast: false,
        run: page_tests::run,
    },
];

/// The packages of the workspace and the profile that each is checked and tested in: numerics need the optimised
/// one, which `cargo run --release` shares. They are built one at a
/// time and xtask in its own profile, or its dependencies would all be compiled a second time.
const PACKAGES: &[[&str; 4]] = &[
    ["--package", "xtask", "--profile", "xtask"],
    ["--package", PACKAGE, "--profile", "release"],
];

/// The programs of tests in `crate/tests`: those that `cargo xtask check` runs, and the one of tests that take many seconds.
const QUICK: [&str; 3] = ["quick", "memory", "fuzz"];
#[cfg(test)]
const SLOW: &str = "slow";

/// Makes warnings errors.
const DENY: [&str; 3] = ["--", "-D", "warnings"];

/// Runs steps in order and stops at the first that fails.
///
/// # Errors
/// The failure of a step, or that there is none to run.
pub(crate) fn run<'a>(steps: impl Iterator<Item = &'a Step>, extent: Extent) -> Result<()> {
    let mut done: Vec<(&str, Duration)> = Vec::new();
    for step in steps {
        println!("\n==> {}", step.name);
        let began = Instant::now();
        let outcome = (step.run)(extent);
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
        bail!("no steps to run");
    }
    summarise(&done);
    Ok(())
}

fn summarise(done: &[(&str, Duration)]) {
    println!();
    for (name, took) in done {
        println!("passed  {name:<12} {:>6.1} s", took.as_secs_f64());
    }
}

fn format() -> Result<()> {
    command::run(cargo().args(["fmt", "--all", "--check"]))
        .context("the Rust code is not formatted: run `cargo fmt --all`")
}

fn prettier() -> Result<()> {
    node::install()?;
    command::run(node::tool("prettier").args(["--check", "."]))
        .context("some files are not formatted: run `npx prettier --write .`")
}

fn tsc() -> Result<()> {
    vendor::provide()?;
    // The scripts there are checked against the types of their packages.
    node::install_in(&root().join("datasets"))?;
    command::run(node::tool("tsc").args(["--project", "."]))
}

/// Which folder of web/ may import which; the browser tests hold it too, but not in `cargo xtask check`.
fn layers() -> Result<()> {
    command::run(node::node().args([
        "--test",
        "--test-reporter=spec",
        "tests/browser/layers.test.js",
    ]))
    .context("a module in web/ imports from a folder that it may not use")
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
    Module::ALL
        .iter()
        .try_for_each(|module| module.lint(wasm::PROFILE))
}

fn docs() -> Result<()> {
    PACKAGES.iter().try_for_each(|package| {
        let mut doc = cargo();
        doc.env("RUSTDOCFLAGS", "-D warnings");
        command::run(doc.arg("doc").args(package).arg("--no-deps"))
    })
}

fn native(extent: Extent) -> Result<()> {
    vulkan::ensure()?;
    PACKAGES.iter().try_for_each(|package| {
        let mut test = cargo();
        test.arg("test").args(package);
        match extent {
            Extent::Fast if package.contains(&PACKAGE) => {
                test.args(["--lib", "--bins"]);
                for name in QUICK {
                    test.args(["--test", name]);
                }
            }
            Extent::Fast | Extent::Usual => {}
            Extent::Long => {
                test.env(LONG, "1");
            }
        }
        command::run(&mut test)
    })?;
    if extent == Extent::Fast {
        return Ok(());
    }
    // As the README calls the binary, which cargo has to find by itself.
    command::run(cargo().args(["run", "--release", "--", "info"]))
}

pub(crate) fn build_wasm() -> Result<()> {
    let recipe = Recipe::for_development(wasm::PROFILE);
    Module::ALL
        .iter()
        .try_for_each(|&module| recipe.build(module))?;
    generate::check_types()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::PathBuf;

    #[test]
    fn every_file_of_tests_is_part_of_a_program() {
        let folder = root().join("crate/tests");
        let programs: Vec<&str> = QUICK.into_iter().chain([SLOW]).collect();
        let read = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
        let listed: String = programs
            .iter()
            .map(|name| read(folder.join(name).with_extension("rs")))
            .collect();
        let mut parts = 0;
        for entry in fs::read_dir(&folder).expect("the folder of tests") {
            let path = entry.expect("an entry").path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let is_part = path.extension().is_some_and(|extension| extension == "rs")
                || path.join("mod.rs").is_file();
            if is_part && !programs.iter().any(|program| *program == name) {
                parts += 1;
                assert!(
                    listed.lines().any(|line| line == format!("mod {name};")),
                    "{name} is never run"
                );
            }
        }
        assert!(parts > 30, "{parts}");
    }

    #[test]
    fn step_names_are_distinct() {
        let mut sorted: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), STEPS.len());
    }
}
