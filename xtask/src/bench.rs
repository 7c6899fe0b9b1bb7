//! `cargo xtask bench`: how fast and how small walkback is, as ratios beside its peers.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::browser::CHROMIUM;
use crate::project::{PACKAGE, cargo, root};
use crate::{command, dist, node};

/// What bench/run.js measures.
const PARTS: [&str; 9] = [
    "sizes", "cpu", "webgpu", "large", "start", "wall", "memory", "teach", "native",
];

/// The parts that need a browser.
const IN_THE_BROWSER: [&str; 8] = [
    "sizes", "cpu", "webgpu", "large", "start", "wall", "memory", "teach",
];

/// The parts that need the binary.
const NATIVE: [&str; 2] = ["teach", "native"];

/// Compare walkback with ONNX Runtime Web, PyTorch and diffusers, and print the ratios.
///
/// Builds the published page (`dist`) and the binary, and runs each in turn with its peer. This machine should be idle
/// otherwise. PyTorch and diffusers are measured if the Python in PYTHON, or python3, has them.
#[derive(Args)]
pub(crate) struct Options {
    /// Measure only this part; can be repeated.
    #[arg(long, value_name = "PART", value_parser = PossibleValuesParser::new(PARTS))]
    only: Vec<String>,
    /// Folder of MNIST, for the classifier that judges what the page learned; without it MNIST is downloaded.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Fewer steps, for a quick try.
    #[arg(long)]
    quick: bool,
    /// Use the wasm modules of `serve`, which are larger and slower: for a quick try.
    #[arg(long)]
    draft: bool,
    /// Where to write the results as JSON.
    #[arg(long, default_value = "target/bench.json")]
    out: PathBuf,
}

/// Builds, then measures.
pub(crate) fn run(options: &Options) -> Result<()> {
    let wanted = |part: &str| options.only.is_empty() || options.only.iter().any(|one| one == part);
    node::install()?;
    let mut bench = node::node();
    bench.arg("bench/run.js").arg("--out").arg(&options.out);
    if IN_THE_BROWSER.into_iter().any(wanted) {
        node::install_in(&root().join("bench"))?;
        if let Some(program) = CHROMIUM.find()? {
            bench.env(CHROMIUM.variable, program);
        }
        bench.arg("--modules").arg(published(options.draft)?);
    }
    if NATIVE.into_iter().any(wanted) {
        command::run(cargo().args(["build", "--release", "--package", PACKAGE]))?;
        let binary =
            Path::new("target/release").join(format!("walkback{}", env::consts::EXE_SUFFIX));
        bench.arg("--binary").arg(binary);
    }
    if let Some(data) = &options.data {
        bench.arg("--data").arg(data);
    }
    for part in &options.only {
        bench.args(["--only", part]);
    }
    if options.quick {
        bench.arg("--quick");
    }
    command::run(&mut bench).context("the measurement did not finish")
}

/// Builds what is to be measured in the browser, and says where it lies.
fn published(draft: bool) -> Result<&'static str> {
    if draft {
        dist::draft()?;
        return Ok(dist::DRAFT);
    }
    dist::publish()?;
    Ok(dist::OUT)
}
