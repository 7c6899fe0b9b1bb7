//! `cargo xtask test`: everything that must hold before a change is kept.

use anyhow::Result;
use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::steps::{self, BROWSER, Extent, NATIVE, STEPS};
use crate::{browser, vulkan};

/// Check and test everything: format, lints, types, documentation, native and browser tests.
#[derive(Args)]
pub(crate) struct Options {
    /// Skip this step; can be repeated.
    #[arg(long, value_name = "STEP", value_parser = PossibleValuesParser::new(names()))]
    skip: Vec<String>,
    /// Run only this step; can be repeated.
    #[arg(long, value_name = "STEP", value_parser = PossibleValuesParser::new(names()))]
    only: Vec<String>,
    /// Also run the slow tests: many more kills and malformed inputs, and the browser tests in tests/browser/long.
    #[arg(long)]
    long: bool,
}

fn names() -> impl Iterator<Item = &'static str> {
    STEPS.iter().map(|step| step.name)
}

/// Runs the steps that are asked for and stops at the first that fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    if is_wanted(options, BROWSER) {
        // Before the steps that take minutes, so that there is time to stop it.
        browser::announce_installations()?;
    }
    if is_wanted(options, NATIVE) {
        vulkan::announce_installation()?;
    }
    let extent = if options.long {
        Extent::Long
    } else {
        Extent::Usual
    };
    let wanted = STEPS.iter().filter(|step| is_wanted(options, step.name));
    steps::run(wanted, extent)
}

fn is_wanted(options: &Options, name: &str) -> bool {
    let named = |list: &[String]| list.iter().any(|entry| entry == name);
    (options.only.is_empty() || named(&options.only)) && !named(&options.skip)
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
}
