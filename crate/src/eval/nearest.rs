//! The distance to the nearest training image. If samples are nearer to training images than new images from the same
//! source are, the model has memorised them.

use crate::data::Dataset;
use burn::tensor::{Device, Tensor, TensorData};
use serde::Serialize;

/// Images compared at once: a tile of distances stays within a few megabytes.
const TILE: usize = 1000;

/// One image's nearest neighbour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Its index in the training set.
    pub index: usize,
    /// The root of the mean squared difference of pixels in [-1, 1]: 0 is a copy, 2 is black against white.
    pub distance: f64,
}

/// The nearest of `among` for each of `images`, which must have the same shape; `among` must not be empty.
pub fn nearest(
    images: &Dataset,
    among: &Dataset,
    device: &Device,
    mut progress: impl FnMut(usize, usize),
) -> Vec<Neighbour> {
    let size = images.image_len();
    assert_eq!(size, among.image_len(), "images of one shape");
    let mut best = vec![(f32::INFINITY, 0_usize); images.len()];
    for begin in (0..among.len()).step_by(TILE) {
        progress(begin, among.len());
        let others = rows(among, begin, device); // [m, size]
        let squares = (others.clone() * others.clone()).sum_dim(1).transpose(); // [1, m]
        for first in (0..images.len()).step_by(TILE) {
            let queries = rows(images, first, device); // [n, size]
            // |a - b|^2 without |a|^2, which is the same for all b.
            let tile = squares.clone() - queries.matmul(others.clone().transpose()) * 2.0; // [n, m]
            let m = tile.dims()[1];
            for (i, value) in tile.into_data().iter::<f32>().enumerate() {
                let best = &mut best[first + i / m];
                if value < best.0 {
                    *best = (value, begin + i % m);
                }
            }
        }
    }
    let found = best.iter().enumerate();
    // What rounding did to the choice does not matter, but the distance itself is exact.
    found
        .map(|(i, &(_, index))| Neighbour {
            index,
            distance: distance(images.pixels(i), among.pixels(index)),
        })
        .collect()
}

/// Up to [`TILE`] images from `begin` on as rows `[m, size]`.
fn rows(data: &Dataset, begin: usize, device: &Device) -> Tensor<2> {
    let end = (begin + TILE).min(data.len());
    let values: Vec<f32> = (begin..end).flat_map(|i| data.image(i)).collect();
    Tensor::from_data(
        TensorData::new(values, [end - begin, data.image_len()]),
        device,
    )
}

/// The root of the mean squared difference of two images of bytes, as values in [-1, 1].
pub fn distance(a: &[u8], b: &[u8]) -> f64 {
    let squares = a
        .iter()
        .zip(b)
        .map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2));
    (squares.sum::<u64>() as f64 / a.len().max(1) as f64).sqrt() / 127.5
}

/// The distances of a set of images to their neighbours, summarised.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// The median of the distances.
    pub median: f64,
    /// Their 5% quantile.
    pub five_percent: f64,
    /// The smallest of them.
    pub least: f64,
}

impl Summary {
    /// The summary of some neighbours; `None` if there are none.
    pub fn of(neighbours: &[Neighbour]) -> Option<Self> {
        let mut distances: Vec<f64> = neighbours.iter().map(|n| n.distance).collect();
        distances.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let last = distances.len().checked_sub(1)?;
            distances
                .get((share * last as f64).round() as usize)
                .copied()
        };
        Some(Self {
            median: at(0.5)?,
            five_percent: at(0.05)?,
            least: at(0.0)?,
        })
    }
}
