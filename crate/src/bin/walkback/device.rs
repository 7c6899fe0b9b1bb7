//! Where the network computes: `--device` and `--threads`.

use anyhow::Context;
use burn::tensor::Device;
use clap::ValueEnum;

/// Value of `--device`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DeviceArg {
    /// All cores, with SIMD
    #[default]
    Cpu,
    /// A GPU, through wgpu (needs a build with `--features wgpu`)
    Wgpu,
    /// An NVIDIA GPU (needs a build with `--features cuda`)
    Cuda,
}

impl DeviceArg {
    /// The device itself, or an error where this build has none of its kind.
    pub fn open(self) -> anyhow::Result<Device> {
        match self {
            Self::Cpu => Ok(Device::flex()),
            #[cfg(feature = "wgpu")]
            Self::Wgpu => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
            #[cfg(feature = "cuda")]
            Self::Cuda => Ok(Device::cuda(0)),
            #[cfg(not(all(feature = "wgpu", feature = "cuda")))]
            missing => {
                let name = missing
                    .to_possible_value()
                    .map_or_else(String::new, |v| v.get_name().to_owned());
                anyhow::bail!(
                    "this walkback was built without {name}; build it with \
                     `cargo build --release --features {name}`, or use --device cpu"
                )
            }
        }
    }
}

/// Limits the CPU to `threads` threads; `None` leaves it at one per core.
pub fn limit_threads(threads: Option<usize>) -> anyhow::Result<()> {
    if let Some(threads) = threads {
        anyhow::ensure!(
            (1..=1024).contains(&threads),
            "--threads is {threads}; give 1 to 1024"
        );
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build_global()
            .context("the threads cannot be started")?;
    }
    Ok(())
}
