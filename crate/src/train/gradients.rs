//! The gradients of a batch (Algorithm 1, line 5, without the step), and clipping by the norm of all of them together
//! (Pascanu et al. 2013, Algorithm 1).

use super::batches::Batch;
use super::loss::Objective;
use crate::schedule::ScheduleError;
use crate::unet::{UNet, dropout};
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use std::ops::Range;

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

/// How the gradients of a batch are taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    /// Bound on the norm of all gradients together.
    pub(crate) max_norm: f64,
    /// The seed of dropout.
    pub(crate) seed: u64,
    /// The batch goes through the network in so many pieces, one after the other.
    pub(crate) pieces: usize,
}

/// Loss and gradients of a batch on the autodiff `device`, which holds `unet`.
///
/// # Errors
/// See [`NoSlope`]: what a number that is not finite would make of the weights is never kept.
pub(crate) fn of_batch(
    unet: &UNet,
    objective: &Objective,
    batch: &Batch,
    way: Way,
    device: &Device,
) -> Result<Slope, NoSlope> {
    let n = batch.timesteps.len();
    let keys = (unet.config().dropout > 0.0).then(|| dropout::keys(way.seed, n));
    let of_piece = |batch: &Batch, images: Range<usize>| {
        let keys = keys.as_ref().map(|keys| &keys[images]);
        of_piece(unet, objective, batch, keys, device)
    };
    let (loss, grads) = if way.pieces == 1 {
        of_piece(batch, 0..n)?
    } else {
        let (mut sum, mut loss) = (GradientsParams::new(), 0.0);
        for piece in 0..way.pieces {
            let images = n * piece / way.pieces..n * (piece + 1) / way.pieces;
            let share = images.len() as f64 / n as f64;
            let (loss_of_piece, mut grads) = of_piece(&batch.part(images.clone()), images)?;
            loss += loss_of_piece * share;
            let (sum, grads) = (&mut sum, &mut grads);
            unet.visit(&mut Add { sum, grads, share });
        }
        (loss, sum)
    };
    let (grads, grad_norm) = clip_by_global_norm(unet, grads, way.max_norm);
    if let Some((what, value)) = not_finite(loss, grad_norm) {
        return Err(NoSlope::NotFinite(what, value));
    }
    Ok(Slope {
        loss,
        grads,
        grad_norm,
    })
}

/// Loss and gradients of some images, with a key for dropout for each.
fn of_piece(
    unet: &UNet,
    objective: &Objective,
    batch: &Batch,
    keys: Option<&[u32]>,
    device: &Device,
) -> Result<(f64, GradientsParams), NoSlope> {
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

    let output = match keys {
        Some(keys) => unet.forward_dropping(x_t, &timesteps, labels, keys),
        None => unet.forward(x_t, &timesteps, labels),
    }; // [n, out_channels, h, w]
    let loss = objective.evaluate(output, batch); // [1]
    let loss = loss.map_err(NoSlope::Schedule)?;
    let grads = GradientsParams::from_grads(loss.backward(), unet);
    Ok((loss.into_scalar::<f64>(), grads))
}

/// Adds a share of some gradients to a sum.
struct Add<'a> {
    sum: &'a mut GradientsParams,
    grads: &'a mut GradientsParams,
    share: f64,
}

impl ModuleVisitor for Add<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(grad) = self.grads.remove::<D>(param.id) {
            let grad = grad * self.share;
            let sum = match self.sum.remove::<D>(param.id) {
                Some(sum) => sum + grad,
                None => grad,
            };
            self.sum.register(param.id, sum);
        }
    }
}

/// Which of the two cannot be built on, and its value.
pub(crate) fn not_finite(loss: f64, grad_norm: f64) -> Option<(&'static str, f64)> {
    [("the loss", loss), ("the norm of the gradients", grad_norm)]
        .into_iter()
        .find(|(_, value)| !value.is_finite())
}

struct SquaredNorm<'a> {
    grads: &'a mut GradientsParams,
    sum: f64,
}

impl ModuleVisitor for SquaredNorm<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        // Taken out and put back: what nobody else holds is read where it lies.
        if let Some(grad) = self.grads.remove::<D>(param.id) {
            let (shape, device) = (grad.dims(), grad.device());
            let values = floats(grad);
            self.sum += sum_of_squares(&values);
            let grad = Tensor::<D>::from_data(TensorData::new(values, shape), &device);
            self.grads.register(param.id, grad);
        }
    }
}

/// Numbers that are added side by side.
const LANES: usize = 8;

fn sum_of_squares(values: &[f32]) -> f64 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for (sum, &value) in sums.iter_mut().zip(chunk) {
            *sum += f64::from(value) * f64::from(value);
        }
    }
    let rest = rest.iter().map(|&value| f64::from(value).powi(2));
    sums.into_iter().chain(rest).sum()
}

/// The numbers of a tensor: its own memory, where nobody shares it.
pub(crate) fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let data = tensor.into_data();
    match data.try_into_vec() {
        Ok(values) => values,
        Err(_) => unreachable!("the numbers of a network are float32"),
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
        grads: &mut grads,
        sum: 0.0,
    };
    unet.visit(&mut visitor);
    // Beyond float32 it has diverged, as on a GPU, whose sum is in float32.
    let norm = f64::from(visitor.sum as f32).sqrt();
    if norm > max_norm {
        unet.visit(&mut Scale {
            grads: &mut grads,
            factor: max_norm / norm,
        });
    }
    (grads, norm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::NoiseStream;
    use crate::schedule::{PredictionType, Schedule, SchedulerConfig};
    use crate::train::loss::Loss;
    use crate::unet::{DownBlockType, UNetConfig, UpBlockType};

    /// The gradients of all parameters, one after the other.
    struct All<'a>(&'a GradientsParams, Vec<f32>);

    impl ModuleVisitor for All<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let found = self.0.get::<D>(param.id);
            (self.1).extend(
                found
                    .into_iter()
                    .flat_map(|g| g.into_data().iter::<f32>().collect::<Vec<_>>()),
            );
        }
    }

    #[test]
    fn a_batch_in_pieces_has_the_loss_and_the_gradients_of_the_whole() {
        let config = UNetConfig {
            sample_size: [8, 8],
            in_channels: 1,
            out_channels: 2,
            block_out_channels: vec![8],
            down_block_types: vec![DownBlockType::DownBlock2D],
            up_block_types: vec![UpBlockType::UpBlock2D],
            layers_per_block: 1,
            norm_num_groups: Some(4),
            num_class_embeds: Some(3),
            dropout: 0.3,
            ..UNetConfig::default()
        };
        let device = Device::flex().autodiff();
        let unet = UNet::without_zeros(&config, &device).expect("a network");
        let schedule = Schedule::new(&SchedulerConfig::default()).expect("a schedule");
        let objective = Objective {
            loss: Loss::Hybrid,
            prediction_type: PredictionType::Epsilon,
            schedule,
        };
        let x_0 = (0..4 * 64)
            .map(|i| (i % 256) as f32 / 127.5 - 1.0)
            .collect();
        let eps = NoiseStream::new(2).normal(4 * 64);
        let process = (&objective.schedule, objective.prediction_type);
        let batch = Batch::of(x_0, eps, vec![0, 3, 500, 900], vec![0, 1, 2, 0], process);
        let of = |pieces: usize, seed: u64| {
            let way = Way {
                max_norm: 0.1,
                seed,
                pieces,
            };
            let slope = of_batch(&unet, &objective, &batch, way, &device).expect("a slope");
            let mut all = All(&slope.grads, Vec::new());
            unet.visit(&mut all);
            (slope.loss, slope.grad_norm, all.1)
        };
        let whole = of(1, 7);
        assert!(whole.1 > 0.1, "nothing is clipped");
        let largest = whole.2.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        for pieces in [2, 4] {
            let found = of(pieces, 7);
            assert!((found.0 - whole.0).abs() < 1e-5 * whole.0);
            assert!((found.1 - whole.1).abs() < 1e-5 * whole.1);
            let apart = found.2.iter().zip(&whole.2).map(|(a, b)| (a - b).abs());
            let apart = apart.fold(0.0, f32::max);
            assert!(apart < 1e-5 * largest, "{apart} of {largest}, in {pieces}");
        }
        // The seed is that of dropout.
        assert_eq!(of(1, 7), whole);
        assert_ne!(of(1, 8), whole);
    }
}
