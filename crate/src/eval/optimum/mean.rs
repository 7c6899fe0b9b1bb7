//! The mean of x_0 given x_t where x_0 is one of finitely many images, in closed form.

use crate::data::Dataset;
use rayon::prelude::*;

/// Images whose distances are computed at once: they stay in a core's cache.
const BLOCK: usize = 64;
/// Values whose squares are added up side by side.
const LANES: usize = 16;

/// x_0-hat*, the mean of x_0 given x_t: for each of `x_t` `[n, c, h, w]`, where x_0 is one of the images of `data` at the
/// indices `among`, at least one. `[n, c, h, w]`.
///
/// # Panics
/// An index that `data` does not have.
pub fn mean_x_0(x_t: &[f32], data: &Dataset, among: &[usize], alpha_cumprod: f64) -> Vec<f64> {
    let size = data.image_len();
    let mut means: Vec<Mean> = x_t.chunks_exact(size).map(|_| Mean::new(size)).collect();
    let mut room = vec![0.0; BLOCK * size];
    for indices in among.chunks(BLOCK) {
        let block = &mut room[..indices.len() * size];
        for (x_i, &index) in block.chunks_exact_mut(size).zip(indices) {
            data.image_into(index, x_i);
        }
        let block = &*block;
        let each = means.par_iter_mut().zip(x_t.par_chunks_exact(size));
        each.for_each(|(mean, x_t)| {
            for x_i in block.chunks_exact(size) {
                mean.add(log_weight(x_t, x_i, alpha_cumprod), x_i);
            }
        });
    }
    means.into_iter().flat_map(Mean::into_values).collect()
}

/// -|x_t - sqrt(abar) x_i|^2 / (2 (1 - abar)).
fn log_weight(x_t: &[f32], x_i: &[f32], alpha_cumprod: f64) -> f64 {
    let signal = alpha_cumprod.sqrt() as f32;
    let (x_t, rest_of_x_t) = x_t.as_chunks::<LANES>();
    let (x_i, rest_of_x_i) = x_i.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (x_t, x_i) in x_t.iter().zip(x_i) {
        for ((sum, x_t), x_i) in sums.iter_mut().zip(x_t).zip(x_i) {
            let difference = x_t - signal * x_i;
            *sum += difference * difference;
        }
    }
    let rest = rest_of_x_t.iter().zip(rest_of_x_i);
    let rest = rest.map(|(x_t, x_i)| (x_t - signal * x_i).powi(2));
    let distance: f64 = sums.into_iter().chain(rest).map(f64::from).sum();
    -distance / (2.0 * (1.0 - alpha_cumprod))
}

/// A weighted mean of images whose weights come one by one, as logarithms.
struct Mean {
    /// The largest logarithm so far.
    largest: f64,
    /// The sum of the weights, in units of the largest.
    weights: f64,
    /// The sum of the weighted images, likewise.
    sum: Vec<f64>,
}

impl Mean {
    fn new(size: usize) -> Self {
        Self {
            largest: f64::NEG_INFINITY,
            weights: 0.0,
            sum: vec![0.0; size],
        }
    }

    fn add(&mut self, log_weight: f64, image: &[f32]) {
        if log_weight > self.largest {
            let scale = (self.largest - log_weight).exp();
            self.weights *= scale;
            self.sum.iter_mut().for_each(|sum| *sum *= scale);
            self.largest = log_weight;
        }
        let weight = (log_weight - self.largest).exp();
        if weight > 0.0 {
            self.weights += weight;
            let values = self.sum.iter_mut().zip(image);
            values.for_each(|(sum, &value)| *sum += weight * f64::from(value));
        }
    }

    fn into_values(self) -> impl Iterator<Item = f64> {
        self.sum.into_iter().map(move |sum| sum / self.weights)
    }
}
