//! The command line of walkback: train, export, sample, eval, optimum, info, devices, bench.

mod bar;
mod bench;
mod device;
mod devices;
mod eval;
mod export;
mod images;
mod info;
mod model;
mod optimum;
mod raw;
mod sample;
mod train;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A step of the network allocates and frees hundreds of large blocks, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Train a denoising diffusion model and walk it back from noise.
///
/// `train` trains a model in a run folder, `export` writes it as a model folder in the format of diffusers, `sample` draws
/// images from it, `eval` evaluates it and `optimum` compares it with the best possible answers. The web page in this repository runs the same model folders in the browser.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Train(train::Args),
    Export(export::Args),
    Sample(sample::Args),
    Eval(eval::Args),
    Optimum(optimum::Args),
    Info(info::Args),
    Devices(devices::Args),
    Bench(bench::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Train(args) => train::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Sample(args) => sample::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Optimum(args) => optimum::run(&args),
        Command::Info(args) => info::run(&args),
        Command::Devices(args) => devices::run(&args),
        Command::Bench(args) => bench::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("walkback: {}", sentence(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error and its causes in one line; a cause that an error already names is not repeated.
fn sentence(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_argument_is_declared_consistently() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_cause_is_printed_once() {
        let cause = std::io::Error::other("disk full");
        let error = anyhow::Error::new(cause).context("run.json: disk full");
        assert_eq!(sentence(&error), "run.json: disk full");
        assert_eq!(
            sentence(&error.context("training stopped")),
            "training stopped: run.json: disk full"
        );
    }
}
