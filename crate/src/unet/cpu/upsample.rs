//! Nearest-neighbour upsampling by two, forward and backward.

use super::memory::buffer;
use super::parallel::for_each_chunk;

/// Each value becomes four: `[planes, h, w]` to `[planes, 2 h, 2 w]`.
pub(super) fn forward(x: &[f32], [planes, h, w]: [usize; 3]) -> Vec<f32> {
    let mut y = buffer(planes * 4 * h * w);
    for_each_chunk(&mut y, 4 * h * w, |plane, y, _: &mut ()| {
        let x = &x[plane * h * w..][..h * w];
        for (y, x) in y.chunks_exact_mut(4 * w).zip(x.chunks_exact(w)) {
            let (upper, lower) = y.split_at_mut(2 * w);
            for (y, &x) in upper.chunks_exact_mut(2).zip(x) {
                y.fill(x);
            }
            lower.copy_from_slice(upper);
        }
    });
    y
}

/// Each value's gradient is the sum of the four it became: `[planes, 2 h, 2 w]` to `[planes, h, w]`.
#[cfg(feature = "learn")]
pub(super) fn backward(dy: &[f32], [planes, h, w]: [usize; 3]) -> Vec<f32> {
    let mut dx = buffer(planes * h * w);
    for_each_chunk(&mut dx, h * w, |plane, dx, _: &mut ()| {
        let dy = &dy[plane * 4 * h * w..][..4 * h * w];
        for (dx, dy) in dx.chunks_exact_mut(w).zip(dy.chunks_exact(4 * w)) {
            let (upper, lower) = dy.split_at(2 * w);
            for ((dx, upper), lower) in dx
                .iter_mut()
                .zip(upper.chunks_exact(2))
                .zip(lower.chunks_exact(2))
            {
                *dx = upper[0] + upper[1] + lower[0] + lower[1];
            }
        }
    });
    dx
}
