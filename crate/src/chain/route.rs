//! The chain's remaining steps as a [`Route`], where all of them are sums that a device can make.

use super::{Chain, Guidance};
use crate::denoiser::{Route, Sigma, Stop};
use crate::diffusion::{eps_factors, x_0_factors};
use crate::sampler::{Clipping, SamplerError, Spread};

impl Chain {
    /// The whole walk in factors; `None` where it takes more than sums: dynamic thresholding, rescaled guidance, inpainting,
    /// a learned variance that may be negative, or a number that single precision does not hold.
    pub(super) fn route(&self) -> Option<Route> {
        let reader = self.sampler.reader();
        let clip = match reader.clipping {
            Clipping::None => None,
            Clipping::Clip { range } => Some(range),
            Clipping::Threshold { .. } => return None,
        };
        if self.inpainting.is_some() || self.guidance.is_some_and(|it| it.rescale > 0.0) {
            return None;
        }
        let stops = (0..self.visits.len())
            .map(|index| self.stop(index).ok().flatten())
            .collect::<Option<Vec<_>>>()?;
        Some(Route {
            shape: self.shape,
            out_channels: self.out_channels,
            labels: self.labels_of_batch(),
            guidance_scale: self.guidance.map(|it| it.scale),
            clip,
            stops,
        })
    }

    /// The labels of the batch that the network is given: with guidance, also the null labels.
    pub(super) fn labels_of_batch(&self) -> Option<Vec<usize>> {
        let mut labels = self.labels.clone()?;
        if let Some(Guidance { null_label, .. }) = self.guidance {
            labels.resize(2 * labels.len(), null_label);
        }
        Some(labels)
    }

    /// One step of it.
    fn stop(&self, index: usize) -> Result<Option<Stop>, SamplerError> {
        let visit = self.visits[index];
        let formula = self.sampler.formula(visit, index)?;
        let sigma = match formula.noise {
            None => Sigma::Fixed(0.0),
            Some(Spread::Fixed(sigma)) => Sigma::Fixed(sigma),
            Some(Spread::LearnedRange(transition)) => {
                let at = |v| 0.5 * transition.learned_range_log_variance(v);
                Sigma::Learned {
                    base: at(0.0),
                    slope: at(1.0) - at(0.0),
                }
            }
            Some(Spread::Learned(_)) => return Ok(None),
        };
        let predicts = self.sampler.reader().prediction_type;
        let stop = Stop {
            time: self.sampler.time(visit),
            x_0: x_0_factors(predicts, formula.alpha_cumprod),
            eps: eps_factors(predicts, formula.alpha_cumprod),
            x_prev: formula.factors(),
            draws: self.sampler.draws_noise(visit),
            sigma,
        };
        let factors = stop.x_0.iter().chain(&stop.eps).chain(&stop.x_prev);
        let fits = factors.copied().all(|factor| (factor as f32).is_finite());
        Ok(fits.then_some(stop))
    }
}
