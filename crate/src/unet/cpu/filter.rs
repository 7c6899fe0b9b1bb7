//! The fixed filters that change the resolution, by what they are along one axis.

use super::memory::buffer;
use super::parallel::for_each_chunk;
use crate::unet::resample::{Filter, Taps};

/// `x` `[planes, h, w]` filtered along both axes: `[planes, h', w']`.
pub(in crate::unet) fn forward(x: &[f32], [planes, h, w]: [usize; 3], filter: Filter) -> Vec<f32> {
    let taps = filter.taps();
    let [h_out, w_out] = [h, w].map(|side| taps.length(side));
    let mut y = buffer(planes * h_out * w_out);
    for_each_chunk(&mut y, h_out * w_out, |plane, y, between: &mut Vec<f32>| {
        let x = &x[plane * h * w..][..h * w];
        between.clear();
        between.resize(h * w_out, 0.0);
        for (to, row) in between.chunks_exact_mut(w_out).zip(x.chunks_exact(w)) {
            for (o, to) in to.iter_mut().enumerate() {
                *to = sources(taps, o, w).map(|(weight, i)| weight * row[i]).sum();
            }
        }
        for (o, row) in y.chunks_exact_mut(w_out).enumerate() {
            row.fill(0.0);
            for (weight, i) in sources(taps, o, h) {
                for (y, x) in row.iter_mut().zip(&between[i * w_out..]) {
                    *y += weight * x;
                }
            }
        }
    });
    y
}

/// What value `o` of a filtered line of `side` values is the sum of: weights, and where the values lie.
fn sources(taps: Taps, o: usize, side: usize) -> impl Iterator<Item = (f32, usize)> {
    (0..taps.count).filter_map(move |tap| {
        let spread = (o * taps.down + tap).checked_sub(taps.padding)?;
        let is_there = spread.is_multiple_of(taps.up) && spread < side * taps.up;
        is_there.then(|| (taps.weight(tap), spread / taps.up))
    })
}
