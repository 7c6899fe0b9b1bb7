//! The layout of a model folder: the names of its files, and how large they may be.
//!
//! This is the only place that says so. xtask compiles this very file, and `cargo xtask generate` writes the page's copy,
//! `web/models/names.js`, from it.

/// Where the U-Net's configuration lies, in diffusers' layout and in the flat one.
pub const UNET_CONFIG: [&str; 2] = ["unet/config.json", "config.json"];
/// Where the scheduler's configuration lies, likewise.
pub const SCHEDULER_CONFIG: [&str; 2] =
    ["scheduler/scheduler_config.json", "scheduler_config.json"];
/// The folder of the averaged weights, next to `unet/`.
pub const EMA_CONFIG: &str = "unet_ema/config.json";
/// What diffusers calls the weights, and what is written here.
pub const USUAL_WEIGHTS: &str = "diffusion_pytorch_model.safetensors";
/// Names of the weights next to the U-Net's configuration, in order of preference. A list
/// (`.index.json`) names the files that they are split into.
pub const WEIGHTS: [&str; 8] = [
    USUAL_WEIGHTS,
    "diffusion_pytorch_model.fp16.safetensors",
    "diffusion_pytorch_model.safetensors.index.json",
    "diffusion_pytorch_model.safetensors.index.fp16.json",
    "diffusion_pytorch_model.fp16.safetensors.index.json",
    "diffusion_pytorch_model.bin",
    "diffusion_pytorch_model.fp16.bin",
    "diffusion_pytorch_model.bin.index.json",
];
/// Which parts a pipeline of diffusers has.
pub const MODEL_INDEX: &str = "model_index.json";
/// Class names and the null label.
pub const LABELS: &str = "labels.json";
/// One input's eps-hat, to check a device with.
pub const GOLDEN: &str = "golden.json";
/// Where the model is at its best: the guidance and the number of steps that `walkback eval --best` measured.
pub const BEST: &str = "best.json";
/// The best possible answers for the training images, and the network's: what `walkback optimum` computed.
pub const OPTIMUM: &str = "optimum.json";

/// The most bytes of a JSON file; real ones have a few thousand.
pub const MAX_JSON: u64 = 16 << 20;
/// The most bytes of weights that the page opens: with their copy in the memory of wasm, which ends at 4 GB, more do not
/// fit.
pub const MAX_WEIGHTS: u64 = 1 << 30;
