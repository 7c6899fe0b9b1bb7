//! What training minimises: L_simple, weighted or with the bound.
//!
//! ```text
//! L_simple  = E |target - output|^2                                   Ho et al. 2020, eq. 14
//! L_min-SNR = E w_t |target - output|^2                               Hang et al. 2023, section 3.4
//! L_hybrid  = L_simple + 0.001 L_vlb                                  Nichol & Dhariwal 2021, eq. 16
//! ```

use super::batches::Batch;
use super::bound::{Guess, bound_term};
use crate::schedule::{PredictionType, Schedule, ScheduleError, named};
use burn::tensor::{Tensor, TensorData};

named! {
    /// The loss.
    Loss, "loss" {
        /// The mean squared error of what the network predicts.
        Simple = "simple",
        /// That, and the bound for the variance, which the network learns with it.
        Hybrid = "hybrid",
        /// That, weighted so that timesteps with much signal do not outweigh the rest.
        MinSnr = "min-snr",
    }
}

/// gamma of min-SNR (Hang et al. 2023, arXiv 2303.09556, section 4).
const MIN_SNR_GAMMA: f64 = 5.0;
/// lambda of L_hybrid.
pub(super) const BOUND_WEIGHT: f64 = 0.001;

/// w_t: min(SNR, gamma) on the squared error of x_0, and on that of eps or v what amounts to the same.
pub fn min_snr_weight(prediction_type: PredictionType, snr: f64) -> f64 {
    match prediction_type {
        PredictionType::Sample => snr.min(MIN_SNR_GAMMA),
        // |eps - eps_hat|^2 = SNR |x_0 - x_0_hat|^2; the quotient has a limit where nothing of the signal is left.
        PredictionType::Epsilon => (MIN_SNR_GAMMA / snr).min(1.0),
        // |v - v_hat|^2 = |x_0 - x_0_hat|^2 / s^2, with 1 / s = 1 + sqrt(SNR)
        PredictionType::Flow => snr.min(MIN_SNR_GAMMA) / (1.0 + snr.sqrt()).powi(2),
        // |v - v_hat|^2 = (SNR + 1) |x_0 - x_0_hat|^2
        PredictionType::VPrediction => snr.min(MIN_SNR_GAMMA) / (snr + 1.0),
    }
}

/// The loss of a run.
#[derive(Debug, Clone)]
pub struct Objective {
    /// Which.
    pub loss: Loss,
    /// What the network's output means.
    pub prediction_type: PredictionType,
    /// abar_t for every timestep.
    pub schedule: Schedule,
}

impl Objective {
    /// The weight of each image's squared error.
    pub(crate) fn weights(&self, timesteps: &[usize]) -> Vec<f32> {
        let weight = |&t| match self.loss {
            Loss::MinSnr => min_snr_weight(self.prediction_type, self.schedule.snr(t)) as f32,
            Loss::Simple | Loss::Hybrid => 1.0,
        };
        timesteps.iter().map(weight).collect()
    }

    /// The loss of the network's `output` for a batch, `[n, c, h, w]`, or `[n, 2c, h, w]` with a learned variance.
    ///
    /// # Errors
    /// A timestep of the batch is not in the schedule.
    pub fn evaluate(&self, output: Tensor<4>, batch: &Batch) -> Result<Tensor<1>, ScheduleError> {
        let [n, channels, h, w] = output.dims();
        let c = batch.target.len() / (n * h * w);
        let target = TensorData::new(batch.target.clone(), [n, c, h, w]);
        let target = Tensor::<4>::from_data(target, &output.device());
        match self.loss {
            Loss::Simple => Ok(squared_error(output, target).mean()), // [1]
            Loss::MinSnr => {
                let weights = TensorData::new(self.weights(&batch.timesteps), [n, 1, 1, 1]);
                let weights = Tensor::<4>::from_data(weights, &output.device());
                Ok((squared_error(output, target) * weights).mean()) // [1]
            }
            Loss::Hybrid => {
                let prediction = output.clone().narrow(1, 0, c); // [n, c, h, w]
                let v = output.narrow(1, c, channels - c); // [n, c, h, w]
                let bound = self.bound(prediction.clone(), v, batch)?;
                let simple = squared_error(prediction, target).mean(); // [1]
                Ok(simple + bound)
            }
        }
    }

    /// 0.001 L_vlb as a function of v alone: a plane with its value and its slope at this v, which is all that a step of
    /// gradient descent sees of it.
    fn bound(
        &self,
        prediction: Tensor<4>,
        v: Tensor<4>,
        batch: &Batch,
    ) -> Result<Tensor<1>, ScheduleError> {
        let shape = v.dims();
        let [n, ..] = shape;
        let size = batch.x_0.len() / n;
        let prediction = values(prediction);
        let at = values(v.clone());
        let mut slope = vec![0.0; at.len()];
        let mut bits = 0.0;
        for (i, &timestep) in batch.timesteps.iter().enumerate() {
            let image = i * size..(i + 1) * size;
            let guess = Guess {
                x_0: &batch.x_0[image.clone()],
                x_t: &batch.x_t[image.clone()],
                timestep,
                prediction: &prediction[image.clone()],
                v: &at[image.clone()],
            };
            let slope = &mut slope[image];
            bits += bound_term(&self.schedule, self.prediction_type, guess, slope)?;
        }
        // L_vlb has a term for each of the T timesteps; the batch holds n of them.
        let scale = BOUND_WEIGHT * self.schedule.num_train_timesteps() as f64 / n as f64;
        let product = |(&slope, &at): (&f32, &f32)| f64::from(slope) * f64::from(at);
        let rise: f64 = slope.iter().zip(&at).map(product).sum();
        let slope = Tensor::<4>::from_data(TensorData::new(slope, shape), &v.device());
        Ok(((v * slope).sum() + (bits - rise)) * scale) // [1]
    }
}

fn squared_error(output: Tensor<4>, target: Tensor<4>) -> Tensor<4> {
    let error = output - target;
    error.clone() * error
}

/// The numbers in a tensor, out of reach of gradients.
fn values(tensor: Tensor<4>) -> Vec<f32> {
    tensor.detach().into_data().iter::<f32>().collect()
}
