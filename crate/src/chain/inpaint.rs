//! Inpainting with a model that was never trained for it: RePaint (Lugmayr et al. 2022, arXiv 2201.09865, Algorithm 1).
//!
//! After every step the kept pixels are replaced by the known image, noised to the level the step ended at. The rest was
//! made without knowing what stands there, so the two do not fit; noising the whole back by one step and walking it down
//! again, `resamplings` times at every level, lets them grow together.

use super::checks::{check_values, refuse};
use super::{ChainError, ChainOptions};
use crate::diffusion::{Transition, add_noise, forward_step};
use crate::noise::NoiseStream;
use crate::sampler::{Sampler, SamplerKind};

/// The most times a level may be walked.
const MAX_RESAMPLINGS: usize = 100;

/// What is known of the image, and how hard to work at the seam.
#[derive(Debug, Clone, PartialEq)]
pub struct Inpaint {
    /// The known images, [n, c, h, w]; where the mask is 0, any finite value.
    pub x_0: Vec<f32>,
    /// 1 where a pixel is kept, 0 where it is to be made, [h, w]; between the two, both are mixed.
    pub mask: Vec<f32>,
    /// How often every level is walked, at least 1: RePaint's U, with a jump length of 1.
    pub resamplings: usize,
}

/// The same, bound to one chain's noise levels.
#[derive(Debug, Clone)]
pub(super) struct Inpainting {
    inpaint: Inpaint,
    /// The sampler's, one for each of its steps.
    transitions: Vec<Transition>,
}

impl Inpainting {
    /// Checks `inpaint` against `shape` [n, c, h, w]; the noise levels are those of `sampler`.
    pub(super) fn new(
        inpaint: Inpaint,
        options: &ChainOptions,
        sampler: &dyn Sampler,
        shape: [usize; 4],
    ) -> Result<Self, ChainError> {
        let Inpaint {
            x_0,
            mask,
            resamplings,
        } = &inpaint;
        if !matches!(options.sampler, SamplerKind::Ddpm | SamplerKind::Ddim) {
            let reason = format!("works with ddpm and ddim, not with {}", options.sampler);
            return Err(refuse("inpaint", reason));
        }
        if !(1..=MAX_RESAMPLINGS).contains(resamplings) {
            let reason =
                format!("resamplings is {resamplings}; use a number from 1 to {MAX_RESAMPLINGS}");
            return Err(refuse("inpaint", reason));
        }
        let [n, c, h, w] = shape;
        check_values("inpaint", "x_0", x_0, n * c * h * w)?;
        check_values("inpaint", "mask", mask, h * w)?;
        if let Some(value) = mask.iter().find(|value| !(0.0..=1.0).contains(*value)) {
            let reason = format!("mask holds {value}; it must lie between 0 (make) and 1 (keep)");
            return Err(refuse("inpaint", reason));
        }
        let transitions = (0..sampler.timesteps().len())
            .map(|step| sampler.transition(step))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            inpaint,
            transitions,
        })
    }

    /// The sampler's steps in the order they are made: each as often as it is resampled, the last, which ends in the
    /// clean image, once.
    pub(super) fn visits(&self) -> Vec<usize> {
        let times = |step| {
            if self.is_last(step) {
                1
            } else {
                self.inpaint.resamplings
            }
        };
        (0..self.transitions.len())
            .flat_map(|step| std::iter::repeat_n(step, times(step)))
            .collect()
    }

    fn is_last(&self, step: usize) -> bool {
        step + 1 == self.transitions.len()
    }

    /// Replaces the kept pixels of `x`, the state after `step`, by the known image at the same noise level. After the last
    /// step that is the image itself, also where the sampler leaves a little noise.
    pub(super) fn keep(&self, step: usize, x: &mut [f32], noise: &mut NoiseStream) {
        let alpha_cumprod = self.transitions[step].alpha_cumprod_prev;
        let mut known = vec![0.0; x.len()];
        if self.is_last(step) {
            known.copy_from_slice(&self.inpaint.x_0);
        } else {
            let eps = noise.normal(x.len());
            add_noise(&self.inpaint.x_0, &eps, alpha_cumprod, &mut known);
        }
        let mask = self.inpaint.mask.iter().cycle();
        for ((x, &known), &keep) in x.iter_mut().zip(&known).zip(mask) {
            // Exact at both ends, so that what is kept stays as it is to the bit.
            *x = match keep {
                1.0 => known,
                0.0 => *x,
                _ => keep * known + (1.0 - keep) * *x,
            };
        }
    }

    /// Noises `x` back to where `step` began: x_t from x_prev, eq. 2 of Ho et al. 2020.
    pub(super) fn noise_again(&self, step: usize, x: &mut Vec<f32>, noise: &mut NoiseStream) {
        let eps = noise.normal(x.len());
        let mut noised = vec![0.0; x.len()];
        forward_step(x, &eps, self.transitions[step].beta(), &mut noised);
        *x = noised;
    }
}
