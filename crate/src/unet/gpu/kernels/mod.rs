//! The kernels that a U-Net is made of. Features are `[n, h, w, c]`: neighbouring threads hold neighbouring channels.

mod activation;
pub(super) mod attend;
#[cfg(feature = "native")]
pub(super) mod attend_slope;
#[cfg(feature = "native")]
mod bound;
pub(super) mod conv;
#[cfg(feature = "native")]
pub(super) mod dropout;
#[cfg(feature = "native")]
pub(super) mod elements;
pub(super) mod filter;
#[cfg(feature = "native")]
pub(super) mod learn;
pub(super) mod norm;
#[cfg(feature = "native")]
pub(super) mod norm_slope;
#[cfg(feature = "native")]
pub(super) mod sums;
#[cfg(feature = "native")]
pub(super) mod tile;
#[cfg(feature = "native")]
pub(super) mod tile_kind;
#[cfg(feature = "native")]
pub(super) mod weigh;

use activation::activate;
