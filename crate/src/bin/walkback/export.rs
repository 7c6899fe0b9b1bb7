//! `walkback export`: from a run folder to a model folder.

use std::path::PathBuf;

use clap::ValueEnum;
use walkback::train::export::export;
use walkback::unet::weights::StoredAs;

/// Export a run as a model folder in the format of diffusers
///
/// Writes the averaged weights of the run's last checkpoint, the two configurations, the labels, and a golden value with
/// which the page checks its device. Other files in the folder, such as a model card, stay.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run folder that `walkback train` wrote
    #[arg(long, value_name = "DIR", default_value = "runs/mnist")]
    run: PathBuf,

    /// The model folder to write
    #[arg(long, value_name = "DIR", default_value = "pretrained/mnist")]
    out: PathBuf,

    /// Precision of the weights
    #[arg(long, value_enum, default_value_t)]
    dtype: DtypeArg,
}

/// Value of `--dtype`.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum DtypeArg {
    /// Half precision, two bytes per parameter
    #[default]
    F16,
    /// Single precision, four bytes per parameter
    F32,
}

/// Exports, and prints the result.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let stored_as = match args.dtype {
        DtypeArg::F16 => StoredAs::F16,
        DtypeArg::F32 => StoredAs::F32,
    };
    let step = export(&args.run, &args.out, stored_as)?;
    println!(
        "{}: the averaged weights of step {step} of {}",
        args.out.display(),
        args.run.display()
    );
    Ok(())
}
