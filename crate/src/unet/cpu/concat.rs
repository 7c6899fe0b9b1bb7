//! Channels after channels, and back.

use super::memory::buffer;
use super::parallel::for_each_chunk;

/// Both runs of channels of each of `n` images, one after the other.
pub(super) fn forward([x, skip]: [&[f32]; 2], n: usize) -> Vec<f32> {
    let [x_image, skip_image] = [x.len() / n, skip.len() / n];
    let mut y = buffer(x.len() + skip.len());
    for_each_chunk(&mut y, x_image + skip_image, |i, y, _: &mut ()| {
        let (y_x, y_skip) = y.split_at_mut(x_image);
        y_x.copy_from_slice(&x[i * x_image..][..x_image]);
        y_skip.copy_from_slice(&skip[i * skip_image..][..skip_image]);
    });
    y
}

/// The part of the gradient that belongs to the channels which take `image` values from `first` on in each of `n` images.
#[cfg(feature = "learn")]
pub(super) fn backward(dy: &[f32], n: usize, first: usize, image: usize) -> Vec<f32> {
    let total = dy.len() / n;
    let mut dx = buffer(n * image);
    for_each_chunk(&mut dx, image, |i, dx, _: &mut ()| {
        dx.copy_from_slice(&dy[i * total + first..][..image]);
    });
    dx
}
