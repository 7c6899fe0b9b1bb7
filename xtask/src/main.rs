//! The project's own commands: `cargo xtask serve | check | test | dist | bench | data | deny | generate`.

mod bench;
mod browser;
mod bundle;
mod check;
mod command;
mod data;
mod deny;
#[cfg(test)]
mod dependencies;
mod dist;
mod generate;
mod head;
#[path = "../../crate/src/folder/layout.rs"]
mod layout;
mod models;
mod node;
mod offline;
mod package;
mod page_tests;
mod project;
#[cfg(test)]
mod promises;
mod serve;
mod server;
mod site;
mod source_lines;
mod steps;
mod test;
mod vendor;
mod vulkan;
mod wasm;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, serves, tests and publishes walkback.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Subcommand)]
enum Subcommands {
    Serve(serve::Options),
    Check(check::Options),
    Test(test::Options),
    Dist(dist::Options),
    Bench(bench::Options),
    Data(data::Options),
    Deny(deny::Options),
    Generate(generate::Options),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Subcommands::Serve(options) => serve::run(&options),
        Subcommands::Check(options) => check::run(&options),
        Subcommands::Test(options) => test::run(&options),
        Subcommands::Dist(options) => dist::run(&options),
        Subcommands::Bench(options) => bench::run(&options),
        Subcommands::Data(options) => data::run(&options),
        Subcommands::Deny(options) => deny::run(&options),
        Subcommands::Generate(options) => generate::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("\nerror: {reason:#}");
            ExitCode::FAILURE
        }
    }
}
