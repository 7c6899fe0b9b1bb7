//! The kernels that a U-Net is made of. Features are `[n, h, w, c]`: neighbouring threads hold neighbouring channels.

mod activation;
pub(super) mod attend;
#[cfg(feature = "learn")]
pub(super) mod attend_slope;
#[cfg(feature = "learn")]
mod bound;
pub(super) mod conv;
#[cfg(feature = "learn")]
pub(super) mod dropout;
#[cfg(feature = "learn")]
pub(super) mod elements;
pub(super) mod filter;
#[cfg(feature = "learn")]
pub(super) mod learn;
pub(super) mod norm;
#[cfg(feature = "learn")]
pub(super) mod norm_slope;
#[cfg(feature = "learn")]
pub(super) mod sums;
#[cfg(feature = "learn")]
pub(super) mod tile;
#[cfg(feature = "learn")]
pub(super) mod tile_kind;
pub(super) mod walk;
#[cfg(feature = "learn")]
pub(super) mod weigh;

use activation::activate;
