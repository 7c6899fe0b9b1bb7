//! Evaluates many images a few at a time, where the memory of the network does not hold all at once.

use std::num::NonZeroUsize;

use super::Denoiser;
use crate::denoiser::{Leg, Reached};

/// A network that evaluates no more than `at_most` images at once. Images do not see each other in it, so the answer
/// is the same up to rounding.
#[derive(Debug, Clone, Copy)]
pub struct InBatches<'a, D> {
    /// The network.
    pub model: &'a D,
    /// The largest batch.
    pub at_most: NonZeroUsize,
}

impl<D: Denoiser> Denoiser for InBatches<'_, D> {
    type Error = D::Error;

    async fn predict(
        &self,
        x_t: &[f32],
        shape: [usize; 4],
        timestep: usize,
        labels: Option<&[usize]>,
    ) -> Result<Vec<f32>, D::Error> {
        self.predict_at(x_t, shape, timestep as f32, labels).await
    }

    async fn predict_at(
        &self,
        x_t: &[f32],
        shape: [usize; 4],
        time: f32,
        labels: Option<&[usize]>,
    ) -> Result<Vec<f32>, D::Error> {
        let [n, c, h, w] = shape;
        let at_most = self.at_most.get();
        if n <= at_most {
            return self.model.predict_at(x_t, shape, time, labels).await;
        }
        let mut output = Vec::new();
        for first in (0..n).step_by(at_most) {
            let end = n.min(first + at_most);
            let size = c * h * w;
            let part = &x_t[first * size..end * size];
            let labels = labels.map(|labels| &labels[first..end]);
            let shape = [end - first, c, h, w];
            output.extend(self.model.predict_at(part, shape, time, labels).await?);
        }
        Ok(output)
    }

    async fn walk(&self, leg: Leg<'_>) -> Result<Option<Reached>, D::Error> {
        let at_most = leg.at_most.min(self.at_most.get());
        self.model.walk(Leg { at_most, ..leg }).await
    }
}
