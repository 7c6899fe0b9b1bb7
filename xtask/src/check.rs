//! `cargo xtask check`: what finds most mistakes in a minute or two, while one works.

use anyhow::Result;
use clap::Args;

use crate::steps::{self, Extent, STEPS};

/// Check a change while you work on it: format, lints, types and the fast native tests.
#[derive(Args)]
pub(crate) struct Options {}

/// Runs the fast steps of `cargo xtask test` and stops at the first that fails. It needs no browser and builds no page.
pub(crate) fn run(_: &Options) -> Result<()> {
    steps::run(STEPS.iter().filter(|step| step.is_fast), Extent::Fast)
}
