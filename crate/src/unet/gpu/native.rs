//! The GPU of this machine, by Vulkan, Metal or DirectX 12.
//!
//! Kernels go there as WGSL, which wgpu checks and translates for every driver. CubeCL 0.11.3 could write SPIR-V itself, but
//! where a driver lacks `VK_KHR_workgroup_memory_explicit_layout` it declares workgroup memory as a pointer in place of an
//! array. That is invalid (`OpInBoundsAccessChain` into a single number, as Vulkan's validation layer says), and nothing
//! checks it: llvmpipe crashes, and SwiftShader gives what is no number.

use super::check;
#[cfg(windows)]
use burn_wgpu::graphics::Dx12;
use burn_wgpu::graphics::GraphicsApi;
#[cfg(target_os = "macos")]
use burn_wgpu::graphics::Metal;
#[cfg(not(target_os = "macos"))]
use burn_wgpu::graphics::Vulkan;
use burn_wgpu::{
    MemoryConfiguration, RuntimeOptions, WgpuDevice, WgpuInitError, WgpuSetup, try_init_setup, wgpu,
};
use cubecl::Device;
use cubecl::client::Client;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use thiserror::Error;

mod counts;

pub use counts::Counts;

/// Launches that go to the GPU at once: more than a step of training has, so that all of them are one submission.
const TASKS_MAX: usize = 1024;

/// There is no GPU that can be used.
#[derive(Debug, Error, Clone)]
pub enum NoGpu {
    /// None was found.
    #[error(
        "no GPU with Vulkan, Metal or DirectX 12 was found; install its driver, or use --device cpu"
    )]
    None,
    /// One that cannot be started.
    #[error("the GPU cannot be started ({0}); update its driver, or use --device cpu")]
    Start(String),
    /// One that computes something else than the CPU.
    #[error(
        "the GPU {adapter} computes wrong numbers: {what}. Update its driver, or use --device cpu"
    )]
    Wrong {
        /// Its name.
        adapter: String,
        /// What is wrong.
        what: String,
    },
    /// One that lacks something.
    #[error("the GPU {adapter} cannot be used: {lacks}. Use --device cpu")]
    Lacks {
        /// Its name.
        adapter: String,
        /// What it lacks.
        lacks: String,
    },
}

/// What a GPU calls itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapter {
    /// Its name.
    pub name: String,
    /// discrete, integrated, virtual, software or other.
    pub kind: &'static str,
    /// Vulkan, Metal, DirectX 12 or OpenGL.
    pub api: String,
    /// The driver and its version.
    pub driver: String,
}

impl Adapter {
    fn of(adapter: &wgpu::Adapter) -> Self {
        let info = adapter.get_info();
        Self {
            name: info.name,
            kind: match info.device_type {
                wgpu::DeviceType::DiscreteGpu => "discrete",
                wgpu::DeviceType::IntegratedGpu => "integrated",
                wgpu::DeviceType::VirtualGpu => "virtual",
                wgpu::DeviceType::Cpu => "software",
                wgpu::DeviceType::Other => "other",
            },
            api: info.backend.to_string(),
            driver: format!("{} {}", info.driver, info.driver_info)
                .trim()
                .into(),
        }
    }
}

impl fmt::Display for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            kind,
            api,
            driver,
        } = self;
        write!(f, "{name} ({kind}, {api}, {driver})")
    }
}

/// The GPU, as CubeCL reaches it.
#[derive(Clone)]
pub struct Gpu {
    /// What computes on it: until the process ends, so that what is read may be waited for anywhere.
    pub client: &'static Client,
    /// Which it is.
    pub adapter: Adapter,
    /// All that there are.
    pub adapters: Vec<Adapter>,
    instance: wgpu::Instance,
    queue: wgpu::Queue,
}

impl fmt::Debug for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gpu").field(&self.adapter).finish()
    }
}

impl Gpu {
    /// The GPU of this machine, the fastest if there are several; once, however often it is asked for.
    ///
    /// # Errors
    /// There is none, or it lacks what the kernels need.
    pub fn get() -> Result<Self, NoGpu> {
        static GPU: Mutex<Option<Result<Gpu, NoGpu>>> = Mutex::new(None);
        let mut gpu = GPU.lock().unwrap_or_else(PoisonError::into_inner);
        gpu.get_or_insert_with(Self::open).clone()
    }

    /// Compares this GPU with the CPU.
    ///
    /// # Errors
    /// It computes something else, or fails.
    pub fn check(&self) -> Result<(), NoGpu> {
        let compared = cubecl::future::block_on(check::compare(self.client));
        compared.map_err(|what| NoGpu::Wrong {
            adapter: self.adapter.to_string(),
            what,
        })
    }

    /// Whether this GPU, which has float16, computes right with parameters that are stored so.
    pub fn is_right_in_half(&self) -> bool {
        cubecl::future::block_on(check::compare_half(self.client)).is_ok()
    }

    fn open() -> Result<Self, NoGpu> {
        let device = WgpuDevice::default();
        // OpenGL would be found, too: its drivers are the slowest and the least tested.
        #[cfg(target_os = "macos")]
        let setup = start::<Metal>(&device);
        #[cfg(not(target_os = "macos"))]
        let setup = start::<Vulkan>(&device);
        #[cfg(windows)]
        let setup = setup.or_else(|_| start::<Dx12>(&device));
        let setup = setup?;
        let adapter = Adapter::of(&setup.adapter);
        let limits = setup.device.limits();
        let lacks = |lacks: &str| NoGpu::Lacks {
            adapter: adapter.to_string(),
            lacks: lacks.into(),
        };
        if limits.max_storage_buffers_per_shader_stage < 10 {
            return Err(lacks("its kernels take too few buffers"));
        }
        if limits.max_compute_workgroup_storage_size < 16 << 10 {
            return Err(lacks("its workgroups have too little memory"));
        }
        let all = setup.instance.enumerate_adapters(setup.backend.into());
        let adapters = cubecl::future::block_on(all);
        Ok(Self {
            client: Box::leak(Box::new(Device::Wgpu(device).client())),
            adapters: adapters.iter().map(Adapter::of).collect(),
            adapter,
            instance: setup.instance,
            queue: setup.queue,
        })
    }
}

/// Starts the GPU that `Api` has for `device`.
fn start<Api: GraphicsApi>(device: &WgpuDevice) -> Result<WgpuSetup, NoGpu> {
    let options = RuntimeOptions {
        tasks_max: TASKS_MAX,
        memory_config: MemoryConfiguration::default(),
    };
    try_init_setup::<Api>(device, options).map_err(|error| match error {
        WgpuInitError::AdapterUnavailable { .. } => NoGpu::None,
        other => NoGpu::Start(other.to_string()),
    })
}
