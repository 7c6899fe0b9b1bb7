//! The few operations that the U-Net is written in. An executor carries them out and knows no block.
//!
//! The blocks ([`resnet`](super::resnet), [`attention`](super::attention), [`down`](super::down) and their like) are written once, for
//! any [`Executor`]. [`OnCpu`](super::cpu::OnCpu) computes on slices; [`Tensors`](super::tensors::Tensors) computes with burn,
//! for training; `gpu::Planner` writes down the launches of fused kernels. The blocks' layers come from a
//! [`Builder`](super::build::Builder), which draws, blanks or only counts their parameters.

use super::activation::Activation;
use super::layers::{Conv2d, Embedding, Frequencies, GroupNorm, Linear};
use super::look::Stage;
use super::resample::Filter;
use burn::nn::Dropout;

/// Carries out an evaluation's operations, in their order.
pub trait Executor: Sized {
    /// Features, `[n, c, h, w]`.
    type Features: Clone;
    /// A vector for each image, `[n, d]`.
    type Vector: Clone;

    /// The timestep as the host describes it, sines and cosines: `[n, timestep_width]`.
    fn timestep(&mut self, frequencies: Option<&Frequencies>) -> Self::Vector;

    /// The rows of `table` for the labels, `[n, d]`; `None` where the evaluation has no labels.
    fn label(&mut self, table: &Embedding) -> Option<Self::Vector>;

    /// The labels as [`timestep`](Self::timestep) describes timesteps; 0 where the evaluation has no labels.
    fn label_as_timestep(&mut self, frequencies: Option<&Frequencies>) -> Self::Vector;

    /// `layer` of `[n, d_in]`: `[n, d_out]`.
    fn linear(&mut self, vector: Self::Vector, layer: &Linear) -> Self::Vector;

    /// The activation of every element.
    fn activate(&mut self, vector: Self::Vector, activation: Activation) -> Self::Vector;

    /// The sum of two vectors `[n, d]`.
    fn add(&mut self, vector: Self::Vector, other: Self::Vector) -> Self::Vector;

    /// A convolution and what follows it: `[n, c_in, h, w]` to `[n, c_out, h', w']`.
    fn conv(&mut self, x: Self::Features, layer: &Conv2d, then: Finish<Self>) -> Self::Features;

    /// A group normalisation of `[n, c, h, w]` and what follows it.
    fn norm(
        &mut self,
        x: Self::Features,
        layer: &GroupNorm,
        then: Then<Self::Vector>,
    ) -> Self::Features;

    /// Attention over the pixels of `x` plus `residual`, both `[n, c, h, w]`, divided by `divisor`.
    fn attention(
        &mut self,
        x: Self::Features,
        heads: Heads<'_>,
        residual: Self::Features,
        divisor: f64,
    ) -> Self::Features;

    /// The channels of `x` and `skip` after each other: `[n, c + c', h, w]`.
    fn join(&mut self, x: Self::Features, skip: Self::Features) -> Self::Features;

    /// Each pixel becomes four: `[n, c, 2 h, 2 w]`.
    fn upsample(&mut self, x: Self::Features) -> Self::Features;

    /// `x` filtered: `[n, c, h / 2, w / 2]` or `[n, c, 2 h, 2 w]`.
    fn filter(&mut self, x: Self::Features, filter: Filter) -> Self::Features;

    /// A row of zeros below and a column of zeros at the right: `[n, c, h + 1, w + 1]`.
    fn pad_far_sides(&mut self, x: Self::Features) -> Self::Features;

    /// Dropout: in training, zeros in random places.
    fn dropout(&mut self, x: Self::Features, dropout: &Dropout) -> Self::Features;

    /// Each image divided by its timestep.
    fn divide_by_timestep(&mut self, x: Self::Features) -> Self::Features;

    /// Names the features that a stage of the U ends in, for a look inside.
    fn stage(&mut self, stage: Stage, x: &Self::Features);

    /// A look inside shows what the next attention attends to.
    fn show_next_attention(&mut self);
}

/// What follows a convolution, in this order: a vector at every pixel, a residual connection, a division.
#[derive(Debug)]
pub struct Finish<E: Executor> {
    /// Added to every pixel, `[n, c_out]`.
    pub vector: Option<E::Vector>,
    /// Added, `[n, c_out, h', w']`.
    pub residual: Option<E::Features>,
    /// The sum is divided by it.
    pub divisor: f64,
}

impl<E: Executor> Finish<E> {
    /// Nothing follows.
    pub fn nothing() -> Self {
        Self {
            vector: None,
            residual: None,
            divisor: 1.0,
        }
    }

    /// `vector` is added to every pixel.
    pub fn plus(vector: E::Vector) -> Self {
        Self {
            vector: Some(vector),
            ..Self::nothing()
        }
    }

    /// The output is added to `residual`, and the sum divided by `divisor`.
    pub fn onto(residual: E::Features, divisor: f64) -> Self {
        Self {
            residual: Some(residual),
            divisor,
            ..Self::nothing()
        }
    }
}

/// What follows a normalisation.
#[derive(Debug)]
pub enum Then<V> {
    /// Nothing.
    Nothing,
    /// An activation.
    Activate(Activation),
    /// y (1 + scale) + shift, with scale and shift after each other in `[n, 2 c]`, then an activation.
    ScaleShift(V, Activation),
}

/// The layers of an attention: x to queries, keys and values, and what they mix back to x's width.
#[derive(Debug, Clone, Copy)]
pub struct Heads<'a> {
    pub to_q: &'a Linear,
    pub to_k: &'a Linear,
    pub to_v: &'a Linear,
    pub to_out: &'a Linear,
    /// Number of heads.
    pub heads: usize,
    /// Channels of each.
    pub head_dim: usize,
}
