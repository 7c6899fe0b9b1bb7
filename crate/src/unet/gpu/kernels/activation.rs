//! The activations, by forms in which nothing overflows.

use crate::unet::activation::Activation;
use cubecl::prelude::*;
use std::f32::consts::FRAC_1_SQRT_2;

/// The activation of every element, if there is one.
#[cube]
pub(super) fn activate<N: Size>(
    x: Vector<f32, N>,
    #[comptime] activation: Option<Activation>,
) -> Vector<f32, N> {
    let one = Vector::<f32, N>::new(1.0);
    let mut y = x;
    if comptime!(activation == Some(Activation::Silu)) {
        let most = Vector::<f32, N>::new(80.0);
        y = x / (one + min(-x, most).exp());
    }
    if comptime!(activation == Some(Activation::Gelu)) {
        let half = Vector::<f32, N>::new(0.5);
        y = half * x * (one + (x * Vector::new(FRAC_1_SQRT_2)).erf());
    }
    if comptime!(activation == Some(Activation::Relu)) {
        y = max(x, Vector::new(0.0));
    }
    if comptime!(activation == Some(Activation::Mish)) {
        // tanh(ln(1 + e)) = n / (n + 2) with n = e (e + 2); beyond 20 it is 1.
        let two = Vector::<f32, N>::new(2.0);
        let e = min(x, Vector::new(20.0)).exp();
        let n = e * (e + two);
        y = x * n / (n + two);
    }
    y
}

/// The derivative of the activation at every element, 1 without one.
#[cfg(feature = "learn")]
#[cube]
pub(super) fn slope_of<N: Size>(
    x: Vector<f32, N>,
    #[comptime] activation: Option<Activation>,
) -> Vector<f32, N> {
    let one = Vector::<f32, N>::new(1.0);
    let mut slope = one;
    if comptime!(activation == Some(Activation::Silu)) {
        let sigmoid = one / (one + min(-x, Vector::new(80.0)).exp());
        slope = sigmoid * (one + x * (one - sigmoid));
    }
    if comptime!(activation == Some(Activation::Gelu)) {
        let half = Vector::<f32, N>::new(0.5);
        let below = half * (one + (x * Vector::new(FRAC_1_SQRT_2)).erf());
        let density = max(-half * x * x, Vector::new(-80.0)).exp() * Vector::new(0.398_942_3);
        slope = below + x * density;
    }
    if comptime!(activation == Some(Activation::Relu)) {
        // 0 at 0, 1 from the smallest normal number on.
        slope = min(max(x * Vector::new(1e38), Vector::new(0.0)), one);
    }
    if comptime!(activation == Some(Activation::Mish)) {
        let two = Vector::<f32, N>::new(2.0);
        let e = min(x, Vector::new(20.0)).exp();
        let n = e * (e + two);
        let tanh = n / (n + two);
        slope = tanh + x * (one - tanh * tanh) * e / (one + e);
    }
    slope
}
