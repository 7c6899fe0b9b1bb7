//! The gradients of a batch (Algorithm 1, line 5, without the step), and clipping by the norm of all of them together
//! (Pascanu et al. 2013, Algorithm 1).

use super::batches::Batch;
use super::loss::Objective;
use crate::schedule::ScheduleError;
use crate::unet::UNet;
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};

/// What a batch says of the weights.
pub(crate) struct Slope {
    /// Its loss.
    pub(crate) loss: f64,
    /// The gradients, clipped.
    pub(crate) grads: GradientsParams,
    /// Their common norm before that.
    pub(crate) grad_norm: f64,
}

/// Why a batch says nothing.
#[derive(Debug)]
pub(crate) enum NoSlope {
    /// A timestep of the batch is not in the schedule.
    Schedule(ScheduleError),
    /// The first quantity that is not finite, and its value.
    NotFinite(&'static str, f64),
}

/// Loss and gradients of a batch on the autodiff `device`, which holds `unet`.
///
/// # Errors
/// See [`NoSlope`]: what a number that is not finite would make of the weights is never kept.
pub(crate) fn of_batch(
    unet: &UNet,
    objective: &Objective,
    batch: &Batch,
    max_norm: f64,
    device: &Device,
) -> Result<Slope, NoSlope> {
    let config = unet.config();
    let n = batch.timesteps.len();
    let [h, w] = config.sample_size;
    let (x_t, timesteps) = batch.given((&objective.schedule, objective.prediction_type));
    let labels = config
        .num_class_embeds
        .is_some()
        .then_some(&batch.labels[..]);
    let x_t = TensorData::new(x_t, [n, config.in_channels, h, w]);
    let x_t = Tensor::<4>::from_data(x_t, device);

    let output = unet.forward(x_t, &timesteps, labels); // [n, out_channels, h, w]
    let loss = objective.evaluate(output, batch); // [1]
    let loss = loss.map_err(NoSlope::Schedule)?;
    let grads = GradientsParams::from_grads(loss.backward(), unet);
    let (grads, grad_norm) = clip_by_global_norm(unet, grads, max_norm);
    let loss = loss.into_scalar::<f64>();
    if let Some((what, value)) = not_finite(loss, grad_norm) {
        return Err(NoSlope::NotFinite(what, value));
    }
    Ok(Slope {
        loss,
        grads,
        grad_norm,
    })
}

/// Which of the two cannot be built on, and its value.
pub(crate) fn not_finite(loss: f64, grad_norm: f64) -> Option<(&'static str, f64)> {
    [("the loss", loss), ("the norm of the gradients", grad_norm)]
        .into_iter()
        .find(|(_, value)| !value.is_finite())
}

struct SquaredNorm<'a> {
    grads: &'a GradientsParams,
    sum: Option<Tensor<1>>,
}

impl ModuleVisitor for SquaredNorm<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(grad) = self.grads.get::<D>(param.id) {
            let square = (grad.clone() * grad).sum();
            self.sum = Some(match self.sum.take() {
                Some(sum) => sum + square,
                None => square,
            });
        }
    }
}

struct Scale<'a> {
    grads: &'a mut GradientsParams,
    factor: f64,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(grad) = self.grads.remove::<D>(param.id) {
            self.grads.register(param.id, grad * self.factor);
        }
    }
}

/// Scales all gradients so that their common norm is at most `max_norm`; returns them and the norm before.
pub(crate) fn clip_by_global_norm(
    unet: &UNet,
    mut grads: GradientsParams,
    max_norm: f64,
) -> (GradientsParams, f64) {
    let mut visitor = SquaredNorm {
        grads: &grads,
        sum: None,
    };
    unet.visit(&mut visitor);
    let norm = visitor
        .sum
        .map_or(0.0, |sum| sum.into_scalar::<f64>().sqrt());
    if norm > max_norm {
        unet.visit(&mut Scale {
            grads: &mut grads,
            factor: max_norm / norm,
        });
    }
    (grads, norm)
}
