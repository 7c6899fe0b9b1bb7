//! What a step of training is given, and what comes of it.

use crate::unet::UNetConfig;
use crate::unet::gpu::channels_last;
use crate::unet::gpu::kernels::learn::{COEFFICIENTS, RATES};
use crate::unet::gpu::plan::Plan;
use std::ops::Range;

/// What a step learns from: images and noise `[n, c, h, w]`, and for each image the rest.
#[derive(Debug, Clone, Copy)]
pub struct Lesson<'a> {
    /// Clean images in [-1, 1].
    pub x_0: &'a [f32],
    /// The noise in them.
    pub eps: &'a [f32],
    /// One timestep for each image.
    pub timesteps: &'a [f32],
    /// One label for each image.
    pub labels: &'a [usize],
    /// What the network is given = a x_0 + b eps, for each image.
    pub noising: &'a [[f32; 2]],
    /// The target = p x_0 + q eps.
    pub target: &'a [[f32; 2]],
    /// The weight of the squared error.
    pub weights: &'a [f32],
    /// The bound of a learned variance; empty where it is not minimised.
    pub bounds: &'a [Bound],
    /// Keys for dropout; empty where nothing is dropped.
    pub keys: &'a [u32],
}

/// What an image's term of the bound depends on besides the network's output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// The term's weight in the loss, of its nats for each number.
    pub weight: f32,
    /// log beta_t - log beta~_t.
    pub range: f32,
    /// For each unit by which the output is beyond its target: how far the means are apart, in standard deviations of the
    /// posterior; at timestep 0, how far x_0 is from x_0-hat.
    pub distance: f32,
    /// log beta~_t.
    pub smallest: f32,
    /// Whether the term is L_0, the decoder's.
    pub is_first: bool,
}

impl Bound {
    const NONE: Self = Self {
        weight: 0.0,
        range: 0.0,
        distance: 0.0,
        smallest: 0.0,
        is_first: false,
    };
}

impl<'a> Lesson<'a> {
    /// Some of the images.
    pub(super) fn part(&self, images: Range<usize>) -> Self {
        fn those<'a, T>(all: &'a [T], images: &Range<usize>) -> &'a [T] {
            if all.is_empty() {
                all
            } else {
                &all[images.clone()]
            }
        }
        let size = self.x_0.len() / self.timesteps.len();
        let numbers = images.start * size..images.end * size;
        Self {
            x_0: &self.x_0[numbers.clone()],
            eps: &self.eps[numbers],
            timesteps: those(self.timesteps, &images),
            labels: those(self.labels, &images),
            noising: those(self.noising, &images),
            target: those(self.target, &images),
            weights: those(self.weights, &images),
            bounds: those(self.bounds, &images),
            keys: those(self.keys, &images),
        }
    }

    /// What the host writes for it, in the order of the learner's memory. The loss counts for `share` of the step's.
    pub(super) fn given(&self, config: &UNetConfig, plan: &Plan, share: f32) -> Vec<Vec<f32>> {
        let (images, c) = (self.timesteps.len(), config.in_channels);
        let mut coefficients = Vec::with_capacity(images * COEFFICIENTS);
        let mut keys = Vec::with_capacity(images * 2);
        for i in 0..images {
            let factor = match plan.divided_by_timestep {
                true => 1.0 / self.timesteps[i],
                false => 1.0,
            };
            let [[a, b], [p, q]] = [self.noising[i], self.target[i]];
            coefficients.extend([a, b, p, q, self.weights[i] * share, factor]);
            let bound = self.bounds.get(i).copied().unwrap_or(Bound::NONE);
            coefficients.extend([bound.weight * share, bound.range, bound.distance]);
            coefficients.extend([bound.smallest, f32::from(bound.is_first), 0.0]);
            let key = self.keys.get(i).copied().unwrap_or(0);
            // Sixteen bits are exact in a float, and no bits of a key are ever no number.
            keys.extend([key >> 16, key & 0xffff].map(|half| half as f32));
        }
        let labels = config.num_class_embeds.is_some() || plan.labels_are_timesteps;
        let labels = labels.then_some(self.labels);
        let numbers = (0..images).map(|i| labels.map_or(0.0, |labels| labels[i] as f32));
        let [rows, classes] = plan.rows(config, self.timesteps, labels);
        let [x_0, eps] = [self.x_0, self.eps].map(|x| channels_last(x, c, images));
        let mut given = vec![x_0, eps, coefficients, keys, numbers.collect(), rows];
        if plan.classes.is_none() {
            given.push(classes);
        }
        given
    }
}

/// The numbers of a step of AdamW and of the average.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// The step size.
    pub learning_rate: f64,
    /// What weights lose of themselves, times the step size.
    pub weight_decay: f64,
    /// Bound on the norm of all gradients together.
    pub max_grad_norm: f64,
    /// Steps taken, this one included.
    pub time: u64,
    /// The decay of the average.
    pub ema_decay: f64,
}

impl Rates {
    /// As the kernels read them, for a piece of a step that `adds` to the pieces before it or is the `last`.
    pub(super) fn of_piece(&self, adds: bool, last: bool) -> [f32; RATES] {
        let bias = |beta: f32| 1.0 - beta.powi(i32::try_from(self.time).unwrap_or(i32::MAX));
        [
            self.learning_rate as f32,
            self.weight_decay as f32,
            self.max_grad_norm as f32,
            bias(0.9),
            bias(0.999),
            self.ema_decay as f32,
            f32::from(adds),
            f32::from(last),
        ]
    }
}

/// What is known of a step once the device has taken it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Learned {
    /// The loss.
    pub loss: f32,
    /// The norm of all gradients before clipping.
    pub grad_norm: f32,
}
