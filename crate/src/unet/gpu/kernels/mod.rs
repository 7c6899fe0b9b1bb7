//! The kernels that a U-Net is made of. Features are `[n, h, w, c]`: neighbouring threads hold neighbouring channels.

mod activation;
pub(super) mod attend;
pub(super) mod conv;
pub(super) mod filter;
pub(super) mod norm;

use activation::activate;
