//! Training (native only): the loop of Algorithm 1, averages of the weights, checkpoints, reports.

pub mod batches;
pub mod bound;
pub mod checkpoint;
mod ema;
pub mod export;
mod gradients;
pub mod learning_rate;
pub mod loss;
mod moments;
mod on_gpu;
pub mod preset;
pub mod report;
pub mod run_config;
mod steps;
pub mod trainer;
