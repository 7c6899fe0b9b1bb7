//! The tests of what the crate offers, in one program: each program links the whole crate, which takes longer than most tests.
//! Those that take many seconds are in `slow.rs`; `memory.rs` and `fuzz/` count what is allocated, and are alone in theirs.

mod common;

mod attention;
mod chain;
mod command_line;
mod data;
mod ddpm_cifar10;
mod download;
mod eval_numbers;
mod eval_optimum;
mod evaluation_progress;
mod flow;
mod forward_process;
mod gaussian_data;
mod gpu_threads;
mod gpu_training;
mod hub;
mod inpainting;
mod kernels;
mod learning;
mod learning_on_gpu;
mod likelihood;
mod look;
mod losses;
mod malformed;
mod model_folder;
mod noise_stream;
mod own_images;
mod parity;
mod pictures;
mod posterior_walk;
mod properties;
mod reference_outputs;
mod reports;
mod scheduler_config;
mod scheduler_conformance;
mod scheduler_values;
mod stated_levels;
mod steady_chain;
mod trajectories;
mod weights_files;
