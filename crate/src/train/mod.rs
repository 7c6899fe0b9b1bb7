//! Training: the loop of Algorithm 1, averages of the weights, checkpoints, reports.
//!
//! The arithmetic of a step (`batches`, `loss`, `bound`, `gradients`, `ema`) is also what [`learn`](crate::learn) does in the
//! page; the loop around it, with files and threads, is native only.

pub mod batches;
pub mod bound;
#[cfg(feature = "native")]
pub mod checkpoint;
pub(crate) mod ema;
#[cfg(feature = "native")]
pub mod export;
pub(crate) mod gradients;
#[cfg(feature = "native")]
pub mod learning_rate;
pub mod loss;
#[cfg(feature = "gpu")]
mod moments;
#[cfg(feature = "gpu")]
pub(crate) mod numbers;
#[cfg(feature = "native")]
mod on_gpu;
#[cfg(feature = "native")]
mod pace;
pub mod preset;
#[cfg(feature = "native")]
pub mod report;
#[cfg(feature = "native")]
pub mod run_config;
#[cfg(feature = "native")]
mod steps;
#[cfg(feature = "native")]
pub mod trainer;
#[cfg(feature = "native")]
mod update;
