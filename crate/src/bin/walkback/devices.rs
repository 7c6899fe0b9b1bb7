//! `walkback devices`: the devices that can compute.

use walkback::unet::gpu::native::Gpu;

/// List the devices that can compute, and check the GPU against known answers
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Prints the CPU and every GPU, and which of them `--device gpu` uses.
pub fn run(_: &Args) -> anyhow::Result<()> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    println!("cpu    {threads} threads");
    let gpu = match Gpu::get() {
        Ok(gpu) => gpu,
        Err(none) => {
            println!("gpu    none: {none}");
            return Ok(());
        }
    };
    for adapter in &gpu.adapters {
        let taken = match *adapter == gpu.adapter {
            true => match gpu.check() {
                Ok(()) => "; --device gpu uses it, and its results are correct",
                Err(_) => "; it computes wrong numbers and is not used",
            },
            false => "",
        };
        println!("gpu    {adapter}{taken}");
    }
    Ok(())
}
