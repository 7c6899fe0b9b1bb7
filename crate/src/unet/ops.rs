//! The few operations that the time of a training step is made of, on burn's tensors.
//!
//! Each has a reference path in burn's plain operators, and a kernel of its own in `cpu` (forward and backward), because
//! burn-flex's convolution has no backward pass of its own and its normalisation is many passes over memory. A test holds
//! that both paths agree.

use super::cpu;
use burn::tensor::Tensor;
use burn::tensor::activation::silu;
use burn::tensor::module;
use burn::tensor::ops::{ConvOptions, PadMode};

/// Convolution of `x` `[n, c_in, h, w]` with `weight` `[c_out, c_in, k, k]`, the same padding on all sides, plus `bias`
/// `[c_out]`, for each image by itself `[n, c_out]`, plus `residual` `[n, c_out, h', w']`.
pub fn conv2d<const B: usize>(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<B>,
    residual: Option<Tensor<4>>,
    stride: usize,
    padding: usize,
) -> Tensor<4> {
    if let Some(y) = cpu::conv2d(&x, &weight, &bias, residual.as_ref(), stride, padding) {
        cpu::give_back([Some(x), residual]);
        return y;
    }
    reference::conv2d(x, weight, bias, residual, stride, padding)
}

/// Runs `f` with every convolution on the CPU computed tap by tap, to compare the quicker ways with.
pub fn directly<T>(f: impl FnOnce() -> T) -> T {
    cpu::directly(f)
}

/// Group normalisation of `[n, c, h, w]` (Wu & He 2018, eq. 1) with `weight` and `bias` `[c]`, then SiLU if `with_silu`.
pub fn group_norm(
    x: Tensor<4>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    groups: usize,
    eps: f64,
    with_silu: bool,
) -> Tensor<4> {
    if let Some(y) = cpu::group_norm(&x, &weight, &bias, groups, eps, with_silu) {
        cpu::give_back([Some(x)]);
        return y;
    }
    reference::group_norm(x, weight, bias, groups, eps, with_silu)
}

/// Each pixel becomes four: `[n, c, h, w]` to `[n, c, 2 h, 2 w]`.
pub fn upsample_nearest_2x(x: Tensor<4>) -> Tensor<4> {
    if let Some(y) = cpu::upsample_nearest_2x(&x) {
        cpu::give_back([Some(x)]);
        return y;
    }
    reference::upsample_nearest_2x(x)
}

/// The channels of two tensors after each other: `[n, c, h, w]` and `[n, c', h, w]` to `[n, c + c', h, w]`.
pub fn concatenate(x: Tensor<4>, skip: Tensor<4>) -> Tensor<4> {
    if let Some(y) = cpu::concatenate(&x, &skip) {
        cpu::give_back([Some(x), Some(skip)]);
        return y;
    }
    reference::concatenate(x, skip)
}

/// W x + b of each row of `x` `[n, d_in]`, with `weight` `[d_out, d_in]` and `bias` `[d_out]`: `[n, d_out]`.
pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    if let Some(y) = cpu::linear(&x, &weight, &bias) {
        return y;
    }
    reference::linear(x, weight, bias)
}

/// One row of zeros below and one column of zeros at the right: `[n, c, h, w]` to `[n, c, h + 1, w + 1]`.
pub fn pad_far_sides(x: Tensor<4>) -> Tensor<4> {
    x.pad((0, 1, 0, 1), PadMode::Constant(0.0))
}

/// The same in burn's plain operators.
pub mod reference {
    use super::*;

    /// See [`conv2d`](super::conv2d).
    pub fn conv2d<const B: usize>(
        x: Tensor<4>,
        weight: Tensor<4>,
        bias: Tensor<B>,
        residual: Option<Tensor<4>>,
        stride: usize,
        padding: usize,
    ) -> Tensor<4> {
        let options = ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1);
        let c_out = weight.dims()[0];
        let y = if B == 1 {
            module::conv2d(x, weight, Some(bias.reshape([c_out])), options)
        } else {
            let n = x.dims()[0];
            module::conv2d(x, weight, None, options) + bias.reshape([n, c_out, 1, 1])
        };
        match residual {
            Some(residual) => residual + y,
            None => y,
        }
    }

    /// See [`concatenate`](super::concatenate).
    pub fn concatenate(x: Tensor<4>, skip: Tensor<4>) -> Tensor<4> {
        Tensor::cat(vec![x, skip], 1)
    }

    /// See [`linear`](super::linear).
    pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
        x.matmul(weight.transpose()) + bias.unsqueeze()
    }

    /// See [`group_norm`](super::group_norm).
    pub fn group_norm(
        x: Tensor<4>,
        weight: Tensor<1>,
        bias: Tensor<1>,
        groups: usize,
        eps: f64,
        with_silu: bool,
    ) -> Tensor<4> {
        let [n, c, h, w] = x.dims();
        let x = x.reshape([n, groups, c / groups * h * w]); // [n, groups, c / groups h w]
        let centred = x.clone() - x.mean_dim(2);
        let variance = (centred.clone() * centred.clone()).mean_dim(2); // [n, groups, 1]
        let normed = (centred / (variance + eps).sqrt()).reshape([n, c, h, w]); // [n, c, h, w]
        let y = normed * weight.reshape([1, c, 1, 1]) + bias.reshape([1, c, 1, 1]);
        if with_silu { silu(y) } else { y }
    }

    /// See [`upsample_nearest_2x`](super::upsample_nearest_2x).
    pub fn upsample_nearest_2x(x: Tensor<4>) -> Tensor<4> {
        let [n, c, h, w] = x.dims();
        x.reshape([n, c, h, 1, w, 1]) // [n, c, h, 1, w, 1]
            .expand([n, c, h, 2, w, 2]) // [n, c, h, 2, w, 2]
            .reshape([n, c, 2 * h, 2 * w]) // [n, c, 2 h, 2 w]
    }
}
