//! The U-Net as a few fused kernels in CubeCL, for WebGPU, Vulkan, Metal and CUDA alike: no burn, no operator by operator.
//!
//! At batch 1 a step's time on a GPU is the number of launches, so that everything around a convolution or a normalisation
//! happens inside it: concatenation, upsampling, bias, time embedding, SiLU, residual connection. About 70 launches are left
//! where burn's operators take some 400. The blocks of the U are walked once and say what is to be launched (`planner`);
//! memory and sizes follow for any number of images (`run`); parameters are uploaded once, in the order that the kernels read.
//!
//! | module | what is in it |
//! |---|---|
//! | `kernels` | convolution, group normalisation, attention, and their gradients |
//! | `layer`, `parameters` | a layer's parameters on the host, arranged for the kernels; where each of the state dict's is |
//! | `planner`, `rows` | the network's operations as launches: on features, on vectors |
//! | `plan` | the launches of one evaluation |
//! | `memory` | tensors that share memory |
//! | `run`, `store`, `launch` | a plan for so many images, on the device |
//! | `pieces`, `format` | parameters that are more than one piece of memory takes; how each is stored |
//! | `product`, `learn_launch` | launches with their sizes: products of matrices in tiles; those of training |
//! | `device` | a network's memory on the device, and a walk's; one evaluation at a time, on one stream |
//! | `engine` | a network on the device, from host to host |
//! | `reverse` | the launches of every launch's gradients |
//! | `learner` | training: flat buffers, and a step as one list of launches |
//! | `check` | whether a GPU computes what it should |
//! | `native` | the GPU of this machine |
//!
//! The reference is the network in burn on the CPU; a test holds that both agree.

#![cfg_attr(
    not(all(feature = "gpu", feature = "learn")),
    allow(
        dead_code,
        reason = "training is not in every module of the page, and neither are some fields of what it shares"
    )
)]

#[cfg(all(feature = "gpu", feature = "learn"))]
pub mod check;
#[cfg(feature = "gpu")]
mod device;
#[cfg(feature = "gpu")]
mod engine;
#[cfg(feature = "gpu")]
mod format;
#[cfg(test)]
mod interpret;
#[cfg(test)]
pub(super) use interpret::in_double_precision;
#[cfg(feature = "gpu")]
mod kernels;
#[cfg(feature = "gpu")]
mod launch;
mod layer;
#[cfg(all(feature = "gpu", feature = "learn"))]
mod learn_launch;
#[cfg(all(feature = "gpu", feature = "learn"))]
pub mod learner;
mod memory;
#[cfg(feature = "native")]
pub mod native;
mod parameters;
#[cfg(feature = "gpu")]
mod pieces;
mod plan;
mod planner;
#[cfg(all(feature = "gpu", feature = "learn"))]
mod product;
mod recent;
#[cfg(all(feature = "gpu", feature = "learn"))]
mod reverse;
mod rows;
#[cfg(feature = "gpu")]
mod run;
#[cfg(feature = "gpu")]
mod store;

#[cfg(feature = "gpu")]
pub use engine::{DeviceError, Engine};
#[cfg(feature = "gpu")]
pub use format::LARGE;
pub(super) use layer::{HostConv, HostNorm, Part};
pub use plan::Unsupported;

/// `[n, c, h, w]` as `[n, h, w, c]`.
fn channels_last(x: &[f32], c: usize, n: usize) -> Vec<f32> {
    let pixels = x.len() / (c * n).max(1);
    let mut y = Vec::with_capacity(x.len());
    for image in x.chunks_exact((c * pixels).max(1)) {
        for pixel in 0..pixels {
            y.extend((0..c).map(|channel| image[channel * pixels + pixel]));
        }
    }
    y
}

/// `[n, h, w, c]` as `[n, c, h, w]`.
fn channels_first<T: Copy>(x: &[T], c: usize, n: usize) -> Vec<T> {
    let pixels = x.len() / (c * n).max(1);
    let mut y = Vec::with_capacity(x.len());
    for image in x.chunks_exact((c * pixels).max(1)) {
        for channel in 0..c {
            y.extend((0..pixels).map(|pixel| image[pixel * c + channel]));
        }
    }
    y
}

#[cfg(test)]
mod tests;
