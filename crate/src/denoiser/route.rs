//! A whole walk in numbers, for a network that lies on a device: it can take the steps there, one after the other, without
//! the state coming back in between.

use std::any::Any;

use crate::noise::NoiseStream;

/// A walk as factors: every step the same arithmetic.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// n, c, h, w.
    pub shape: [usize; 4],
    /// c, or 2c where the network also predicts a variance.
    pub out_channels: usize,
    /// The labels of the network's batch: n, or with guidance those of the n images and as many null labels.
    pub labels: Option<Vec<usize>>,
    /// w of classifier-free guidance; `None` without.
    pub guidance_scale: Option<f64>,
    /// x_0-hat is clipped to [-range, range].
    pub clip: Option<f64>,
    /// The steps in order.
    pub stops: Vec<Stop>,
}

/// One step of a [`Route`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stop {
    /// When the network is evaluated; between two timesteps, perhaps.
    pub time: f32,
    /// The factors of x_t and of the network's answer in x_0-hat, before it is clipped.
    pub x_0: [f64; 2],
    /// The same in eps-hat.
    pub eps: [f64; 2],
    /// Those of x_t, x_0-hat, eps-hat and the x_0-hats of the two steps before in x_prev.
    pub x_prev: [f64; 5],
    /// Whether the step draws noise, used or not.
    pub draws: bool,
    /// The noise that is added.
    pub sigma: Sigma,
}

/// A standard deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sigma {
    /// The same everywhere; 0 for no noise.
    Fixed(f64),
    /// exp(base + slope v), with v from the network.
    Learned {
        /// Its logarithm at v = 0.
        base: f64,
        /// What each unit of v adds.
        slope: f64,
    },
}

/// What a device keeps of a walk from step to step: only the network that put it there looks inside.
pub type Kept = Option<Box<dyn Any + Send>>;

/// Some steps of a route, and where they begin.
#[derive(Debug)]
pub struct Leg<'a> {
    /// The whole walk.
    pub route: &'a Route,
    /// Steps taken so far.
    pub index: usize,
    /// Steps to take, at least 1.
    pub steps: usize,
    /// The state, [n, c, h, w].
    pub x_t: &'a [f32],
    /// x_0-hat of the step before, if there was one.
    pub x_0_before: Option<&'a [f32]>,
    /// That of the step before that.
    pub x_0_two_before: Option<&'a [f32]>,
    /// The stream where the walk is.
    pub noise: &'a mut NoiseStream,
    /// The most images that the network evaluates at once.
    pub at_most: usize,
    /// What the leg before left on the device.
    pub kept: &'a mut Kept,
}

/// Where a leg ended; all [n, c, h, w].
#[derive(Debug, Clone, PartialEq)]
pub struct Reached {
    /// The state before the last step; `None` if that was the only one.
    pub x_t: Option<Vec<f32>>,
    /// The state after it.
    pub x_prev: Vec<f32>,
    /// x_0-hat in it.
    pub x_0: Vec<f32>,
    /// eps-hat in it.
    pub eps: Vec<f32>,
    /// x_0-hat in the step before it; `None` if it was the only one.
    pub x_0_before: Option<Vec<f32>>,
}
