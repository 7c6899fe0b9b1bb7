//! The layout of a model folder: the names of its files, and how large they may be.
//!
//! This is the only place that says so. xtask compiles this very file, and `cargo xtask generate` writes the page's copy,
//! `web/models/names.js`, from it.

/// Where the U-Net's configuration lies, in diffusers' layout and in the flat one.
pub const UNET_CONFIG: [&str; 2] = ["unet/config.json", "config.json"];
/// Where the scheduler's configuration lies, likewise.
pub const SCHEDULER_CONFIG: [&str; 2] =
    ["scheduler/scheduler_config.json", "scheduler_config.json"];
/// Names that the weights may have beside the U-Net's configuration.
pub const WEIGHTS: [&str; 2] = [
    "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.fp16.safetensors",
];
/// Which parts a pipeline of diffusers has.
pub const MODEL_INDEX: &str = "model_index.json";
/// Class names and the null label.
pub const LABELS: &str = "labels.json";
/// One input's eps-hat, to check a device with.
pub const GOLDEN: &str = "golden.json";

/// The most bytes of a JSON file; real ones have a few thousand.
pub const MAX_JSON: u64 = 16 << 20;
/// The most bytes of weights that the page opens: with their copy in the memory of wasm, which ends at 4 GB, more do not
/// fit.
pub const MAX_WEIGHTS: u64 = 1 << 30;
