// The layout of a model folder, written by `cargo xtask generate` from crate/src/folder/layout.rs,
// which says what each of these is. Change it there.

export const UNET_CONFIG = /** @type {const} */ (["unet/config.json", "config.json"]);
export const SCHEDULER_CONFIG = /** @type {const} */ (["scheduler/scheduler_config.json", "scheduler_config.json"]);
export const EMA_CONFIG = "unet_ema/config.json";
export const WEIGHTS = /** @type {const} */ (["diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.safetensors.index.json", "diffusion_pytorch_model.safetensors.index.fp16.json", "diffusion_pytorch_model.fp16.safetensors.index.json", "diffusion_pytorch_model.bin", "diffusion_pytorch_model.fp16.bin", "diffusion_pytorch_model.bin.index.json"]);
export const MODEL_INDEX = "model_index.json";
export const LABELS = "labels.json";
export const GOLDEN = "golden.json";
export const BEST = "best.json";
export const OPTIMUM = "optimum.json";
export const MAX_JSON = 16777216;
export const MAX_WEIGHTS = 1073741824;
