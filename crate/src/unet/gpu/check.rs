//! Known answers: whether a GPU computes what the CPU does, the network and its gradients.
//!
//! A kernel that a driver compiles wrongly leaves numbers behind that look like any others. So nothing is computed on a GPU
//! before a small network, with every kind of launch in it, has come out there as on the CPU: also the second time, which
//! is the recorded one, and at other timesteps.

use super::Engine;
use super::format::{Format, in_half};
use super::learner::{Bound, Learner, Lesson, Numbers, Rates};
use crate::likelihood::{
    LogVariance, decoder_slope, decoder_term, transition_slope, transition_term,
};
use crate::unet::{DownBlockType, UNet, UNetConfig, UpBlockType, dropout};
use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use cubecl::client::Client;
use std::collections::BTreeMap;

/// Of the largest number: what float32 sums in another order may differ by.
const TOLERANCE: f32 = 2e-3;
const IMAGES: usize = 2;
const LABELS: [usize; IMAGES] = [2, 0];
/// The bound of a learned variance, with a term of either kind.
pub(super) const BOUNDS: [Bound; 2] = [
    Bound {
        weight: 0.7,
        range: 0.9,
        distance: 0.4,
        smallest: 0.0,
        is_first: false,
    },
    Bound {
        weight: 0.3,
        range: 0.6,
        distance: 0.02,
        smallest: -9.0,
        is_first: true,
    },
];

/// Compares the GPU of `client` with the CPU.
///
/// # Errors
/// It computes something else, or fails: what is wrong.
pub async fn compare(client: &'static Client) -> Result<(), String> {
    let unet = small().map_err(|e| e.to_string())?;
    compare_network(&unet, Format::Single, client).await?;

    let (x_0, eps) = (wave(unet.config(), 0.7), wave(unet.config(), 1.3));
    let lesson = Lesson {
        x_0: &x_0,
        eps: &eps,
        timesteps: &[500.0, 17.0],
        labels: &LABELS,
        noising: &[[0.8, 0.6], [0.3, 0.9]],
        target: &[[0.0, 1.0], [0.5, 0.5]],
        weights: &[1.0, 0.6],
        bounds: &BOUNDS,
        keys: &dropout::keys(5, IMAGES),
    };
    let rates = Rates {
        learning_rate: 0.0,
        weight_decay: 0.0,
        max_grad_norm: 1.0,
        time: 1,
        ema_decay: 1.0,
    };
    let (loss, expected) = gradients(&unet, lesson);
    let learner = Learner::new(&unet, IMAGES, client);
    let mut learner = learner.map_err(|e| e.to_string())?;
    for _ in 0..2 {
        let learned = learner.take(lesson, rates).await;
        let found = learned.map_err(|e| e.to_string())?.loss;
        close("the loss", &[found], &[loss])?;
        let found = learner.gradients().await;
        let found: Numbers = found.map_err(|e| e.to_string())?;
        for (key, (id, expected)) in &expected {
            let found = found.get(id).map_or(&[][..], |found| found);
            close(&format!("the gradient of {key}"), found, expected)?;
        }
    }
    Ok(())
}

/// Compares the GPU of `client`, which has float16, with the CPU: a network whose parameters are stored so.
///
/// # Errors
/// It computes something else, or fails: what is wrong.
pub async fn compare_half(client: &Client) -> Result<(), String> {
    let unet = in_half(small().map_err(|e| e.to_string())?);
    compare_network(&unet, Format::Half, client).await
}

/// Compares what a network says at several timesteps.
async fn compare_network(unet: &UNet, format: Format, client: &Client) -> Result<(), String> {
    let config = unet.config();
    let [h, w] = config.sample_size;
    let x = wave(config, 1.3);
    let engine = Engine::stored(unet, format, client.clone()).map_err(|e| e.to_string())?;
    for timesteps in [[500.0, 17.0], [999.0, 0.0], [3.0, 250.0]] {
        let found = engine.predict(&x, &timesteps, Some(&LABELS)).await;
        let found = found.map_err(|e| e.to_string())?;
        let x_t = Tensor::<4>::from_data(
            TensorData::new(x.clone(), [IMAGES, config.in_channels, h, w]),
            &Device::flex().autodiff(),
        );
        let expected = unet.forward(x_t, &timesteps, Some(&LABELS));
        let expected: Vec<f32> = expected.into_data().iter::<f32>().collect();
        close("the network", &found, &expected)?;
    }
    Ok(())
}

/// Numbers for all images.
fn wave(config: &UNetConfig, by: f32) -> Vec<f32> {
    let [h, w] = config.sample_size;
    let len = IMAGES * config.in_channels * h * w;
    (0..len).map(|i| (i as f32 * by).sin()).collect()
}

/// Whether two lists of numbers are the same except for rounding.
fn close(what: &str, found: &[f32], expected: &[f32]) -> Result<(), String> {
    let largest = expected.iter().fold(1e-3_f32, |most, x| most.max(x.abs()));
    if found.len() != expected.len() {
        return Err(format!(
            "{what} has {} numbers, not {}",
            found.len(),
            expected.len()
        ));
    }
    let apart = |(a, b): (&f32, &f32)| {
        let apart = (a - b).abs();
        if apart <= TOLERANCE * largest {
            0.0
        } else {
            apart / largest
        }
    };
    // What is no number is not close.
    let apart = found
        .iter()
        .zip(expected)
        .map(apart)
        .find(|&apart| apart != 0.0);
    apart.map_or(Ok(()), |apart| {
        Err(format!("{what} is {apart:.2e} of its size away"))
    })
}

/// A network with every kind of launch, and no layer at zero.
fn small() -> Result<UNet, Box<dyn std::error::Error>> {
    let config = UNetConfig {
        sample_size: [8, 8],
        in_channels: 1,
        out_channels: 2,
        block_out_channels: vec![8, 16],
        down_block_types: vec![DownBlockType::DownBlock2D, DownBlockType::AttnDownBlock2D],
        up_block_types: vec![UpBlockType::AttnUpBlock2D, UpBlockType::UpBlock2D],
        layers_per_block: 1,
        norm_num_groups: Some(4),
        attention_head_dim: Some(8),
        num_class_embeds: Some(3),
        dropout: 0.2,
        ..UNetConfig::default()
    };
    UNet::without_zeros(&config, &Device::flex().autodiff())
}

/// Gradients by name, with the parameter's number.
pub(super) type Named = BTreeMap<String, (ParamId, Vec<f32>)>;

/// The loss of a lesson and its gradients, by burn.
pub(super) fn gradients(unet: &UNet, lesson: Lesson<'_>) -> (f32, Named) {
    let config = unet.config();
    let [h, w] = config.sample_size;
    let (images, c) = (lesson.timesteps.len(), config.in_channels);
    let device = Device::flex().autodiff();
    let size = c * h * w;
    let mixed = |by: &[[f32; 2]]| {
        let values: Vec<f32> = (0..images * size)
            .map(|i| by[i / size][0] * lesson.x_0[i] + by[i / size][1] * lesson.eps[i])
            .collect();
        Tensor::<4>::from_data(TensorData::new(values, [images, c, h, w]), &device)
    };
    let labels = config.num_class_embeds.is_some().then_some(lesson.labels);
    let x_t = mixed(lesson.noising);
    let out = match lesson.keys {
        [] => unet.forward(x_t, lesson.timesteps, labels),
        keys => unet.forward_dropping(x_t, lesson.timesteps, labels, keys),
    };
    let weights = TensorData::new(lesson.weights.to_vec(), [images, 1, 1, 1]);
    let weights = Tensor::<4>::from_data(weights, &device);
    let error = out.clone().narrow(1, 0, c) - mixed(lesson.target);
    let loss = (error.clone() * error.clone() * weights).mean();
    let loss = match lesson.bounds {
        [] => loss,
        _ => loss + bound(error, out.narrow(1, c, c), lesson),
    };
    let value = loss.clone().into_scalar::<f32>();
    let gradients = GradientsParams::from_grads(loss.backward(), unet);
    let mut visitor = Visitor {
        of: &gradients,
        path: Vec::new(),
        found: Named::new(),
    };
    unet.visit(&mut visitor);
    (value, visitor.found)
}

/// The bound as a function of v alone, with its slope at this v.
fn bound(error: Tensor<4>, v: Tensor<4>, lesson: Lesson<'_>) -> Tensor<1> {
    let host = |x: Tensor<4>| -> Vec<f32> { x.detach().into_data().iter::<f32>().collect() };
    let (error, at, shape) = (host(error), host(v.clone()), v.dims());
    let size = at.len() / lesson.bounds.len();
    let mut slope = Vec::with_capacity(at.len());
    let mut rest = 0.0;
    for (i, (&error, &v)) in error.iter().zip(&at).enumerate() {
        let (bound, x_0) = (lesson.bounds[i / size], lesson.x_0[i]);
        let above = (f64::from(v) + 1.0) / 2.0 * f64::from(bound.range);
        let apart = error * bound.distance;
        let (nats, by_log_variance) = if bound.is_first {
            let log_variance = f64::from(bound.smallest) + above;
            let same = LogVariance::Same(log_variance);
            let mean = x_0 - apart;
            (
                decoder_term(&[x_0], &[mean], same),
                decoder_slope(x_0, mean, log_variance),
            )
        } else {
            let same = LogVariance::Same(above);
            (
                transition_term(&[apart], 1.0, &[0.0], same),
                transition_slope(apart, 0.0, 0.0, above),
            )
        };
        let share = f64::from(bound.weight) / at.len() as f64;
        let by_v = share * by_log_variance * f64::from(bound.range) / 2.0;
        slope.push(by_v as f32);
        rest += share * nats - by_v * f64::from(v);
    }
    let slope = Tensor::<4>::from_data(TensorData::new(slope, shape), &v.device());
    (v * slope).sum() + rest
}

struct Visitor<'a> {
    of: &'a GradientsParams,
    path: Vec<String>,
    found: Named,
}

impl ModuleVisitor for Visitor<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.of.get::<D>(param.id) {
            let values = gradient.into_data().iter::<f32>().collect();
            self.found.insert(self.path.join("."), (param.id, values));
        }
    }
}
