//! `cargo xtask deny`: licences, sources, versions and known vulnerabilities of the crates that are built in.
//!
//! Not part of `cargo xtask test`: what becomes known of a crate tomorrow must not fail the tests of a change made today.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::command;
use crate::project::cargo;

/// Check all dependencies with cargo-deny: licences, sources, versions, known vulnerabilities.
#[derive(Args)]
pub(crate) struct Options {}

/// How cargo-deny says that it has no list of vulnerabilities to look at.
const NO_DATABASE: &str = "failed to fetch advisory database";

/// Runs `cargo deny` with `deny.toml`. It is not installed by itself: compiling it takes minutes.
pub(crate) fn run(_: &Options) -> Result<()> {
    if command::find(&["cargo-deny"]).is_none() {
        bail!("cargo-deny is missing: install it with `cargo install cargo-deny --locked`");
    }
    command::run(cargo().args(["deny", "check", "licenses", "bans", "sources"]))
        .context("deny.toml lists what is allowed, and the reason for each exception")?;
    advisories()
}

/// Vulnerabilities come from a database on the network, without which everything else is still worth checking.
fn advisories() -> Result<()> {
    let mut deny = cargo();
    let output = deny
        .args(["deny", "check", "advisories"])
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("could not start `{}`", command::shown(&deny)))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let (known, sentence) = verdict(output.status.success(), &said);
    println!("{sentence}");
    if known {
        Ok(())
    } else {
        bail!("{}", said.trim())
    }
}

/// Whether there is nothing to be done, and what to tell.
fn verdict(success: bool, said: &str) -> (bool, &'static str) {
    if success {
        (true, "advisories ok")
    } else if said.contains(NO_DATABASE) {
        let sentence = "advisories not checked: the database of vulnerabilities could not be reached, \
                        so none was looked for";
        (true, sentence)
    } else {
        (false, "advisories not ok")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_missing_database_is_forgiven() {
        assert!(verdict(true, "").0);
        let unreachable =
            "[ERROR] failed to fetch advisory database https://example.org: failed to clone";
        let (fine, sentence) = verdict(false, unreachable);
        assert!(fine && sentence.contains("not checked"), "{sentence}");
        assert!(!verdict(false, "error[vulnerability]: use after free").0);
    }
}
