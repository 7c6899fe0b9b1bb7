//! The three kernels that a U-Net is made of. Features are `[n, h, w, c]`: neighbouring threads hold neighbouring channels.

pub(super) mod attend;
pub(super) mod conv;
pub(super) mod norm;

use cubecl::prelude::*;

/// x sigma(x), by a form in which nothing overflows.
#[cube]
fn silu<N: Size>(x: Vector<f32, N>) -> Vector<f32, N> {
    let one = Vector::<f32, N>::new(1.0);
    let most = Vector::<f32, N>::new(80.0);
    x / (one + min(-x, most).exp())
}
