//! The walk forward: from images into noise, one step of eq. 2 (Ho et al. 2020) at a time, many walks side by side.

use crate::diffusion::{forward_step, naive_forward_step};
use crate::noise::NoiseStream;
use crate::schedule::{Schedule, ScheduleError};

/// Walks from one image, each with its own noise: q(x_t | x_{t-1}), eq. 2.
#[derive(Debug, Clone)]
pub struct ForwardWalk {
    x_t: Vec<f32>,
    size: usize,
    betas: Vec<f64>,
    t: usize,
    noise: NoiseStream,
    naive: bool,
}

impl ForwardWalk {
    /// At the start: `count` copies of `x_0`. With `naive` the factor sqrt(1 - beta) is left out.
    ///
    /// # Errors
    /// A beta that is none.
    pub fn new(
        x_0: &[f32],
        count: usize,
        betas: Vec<f64>,
        seed: u64,
        naive: bool,
    ) -> Result<Self, ScheduleError> {
        let Schedule { betas, .. } = Schedule::from_betas(betas)?;
        Ok(Self {
            x_t: x_0.repeat(count),
            size: x_0.len(),
            betas,
            t: 0,
            noise: NoiseStream::new(seed),
            naive,
        })
    }

    /// `steps` more steps, or as many as there are betas left.
    pub fn advance(&mut self, steps: usize) {
        let step = if self.naive {
            naive_forward_step
        } else {
            forward_step
        };
        let mut next = vec![0.0; self.x_t.len()];
        for &beta in self.betas.iter().skip(self.t).take(steps) {
            let eps = self.noise.normal(self.x_t.len());
            step(&self.x_t, &eps, beta, &mut next);
            std::mem::swap(&mut self.x_t, &mut next);
            self.t += 1;
        }
    }

    /// How many steps have been made, 0 to T. After t of them the noise level is that of timestep t - 1.
    pub fn t(&self) -> usize {
        self.t
    }

    /// The states, `[count, size]`.
    pub fn x_t(&self) -> &[f32] {
        &self.x_t
    }

    /// Mean and standard deviation over the walks, `[size]` each; by eq. 4 they tend to sqrt(abar) x_0 and sqrt(1 - abar).
    pub fn moments(&self) -> (Vec<f32>, Vec<f32>) {
        let count = (self.x_t.len() / self.size.max(1)) as f64;
        let moments = |pixel: usize| {
            let walks = || self.x_t[pixel..].iter().step_by(self.size);
            let mean = walks().map(|&x| f64::from(x)).sum::<f64>() / count;
            let square = walks().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>();
            (mean as f32, (square / count).sqrt() as f32)
        };
        (0..self.size).map(moments).unzip()
    }
}
