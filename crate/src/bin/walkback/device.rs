//! Where the network computes: `--device` and `--threads`.

use anyhow::Context;
use clap::ValueEnum;
use walkback::pipeline::Pipeline;
use walkback::unet::gpu::native::Gpu;

/// Value of `--device`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DeviceArg {
    /// All cores, with SIMD
    #[default]
    Cpu,
    /// The GPU, by Vulkan, Metal or DirectX 12
    Gpu,
}

impl DeviceArg {
    /// The GPU, if its results for known inputs are correct; `None` for the CPU.
    pub fn gpu(self) -> anyhow::Result<Option<Gpu>> {
        match self {
            Self::Cpu => Ok(None),
            Self::Gpu => {
                let gpu = Gpu::get()?;
                eprintln!("walkback: computing on {}", gpu.adapter);
                gpu.check()?;
                Ok(Some(gpu))
            }
        }
    }

    /// Lets the GPU evaluate the network of `pipeline`, if that was asked for.
    pub fn take_over(self, pipeline: &mut Pipeline) -> anyhow::Result<()> {
        if let Some(gpu) = self.gpu()? {
            pipeline.take_to(&gpu)?;
        }
        Ok(())
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
