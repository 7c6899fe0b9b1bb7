//! The layers that hold parameters, with PyTorch's names and shapes, so that a module path is a safetensors key.

use super::cpu::{self, KeptFilters};
#[cfg(any(feature = "gpu", test))]
use super::gpu::{HostConv, HostNorm, Part};
use super::ops;
use burn::module::{Module, Param, ParamId};
use burn::tensor::{Device, Int, Tensor};
use std::cell::RefCell;

thread_local! {
    /// The stream that fresh parameters are drawn from: on the host, so that one seed means the same network on every device.
    static INIT: RefCell<rand_mt::Mt64> = RefCell::new(rand_mt::Mt64::new(0));
}

/// Seeds the initialisation of every network built on this thread from here on.
pub fn seed_init(seed: u64) {
    INIT.set(rand_mt::Mt64::new(seed));
}

/// The next `len` draws from U(-bound, bound).
pub(super) fn draw(len: usize, bound: f64) -> Vec<f32> {
    let unit = |bits: u64| (bits >> 11) as f64 / (1u64 << 53) as f64;
    INIT.with_borrow_mut(|stream| {
        let value = || (bound * (2.0 * unit(stream.next_u64()) - 1.0)) as f32;
        std::iter::repeat_with(value).take(len).collect()
    })
}

pub(crate) fn parameter<const D: usize>(
    values: Vec<f32>,
    shape: [usize; D],
    device: &Device,
) -> Param<Tensor<D>> {
    let tensor = cpu::from_values(values, shape);
    #[cfg(feature = "learn")]
    let tensor = match device.is_autodiff() {
        true => Tensor::from_inner(tensor).require_grad(),
        false => tensor,
    };
    #[cfg(not(feature = "learn"))]
    let _ = device;
    Param::initialized(ParamId::new(), tensor)
}

/// A 2-D convolution: weight `[c_out, c_in, k, k]`, bias `[c_out]`.
#[derive(Module, Debug)]
pub struct Conv2d {
    pub(super) weight: Param<Tensor<4>>,
    pub(super) bias: Param<Tensor<1>>,
    #[module(skip)]
    pub(super) stride: usize,
    #[module(skip)]
    pub(super) padding: usize,
    #[module(skip)]
    pub(super) kept: KeptFilters,
}

impl Conv2d {
    /// `[n, c_in, h, w]` to `[n, c_out, h', w']`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_onto(x, None, None)
    }

    /// The same plus `vector` `[n, c_out]` at every pixel and `residual` `[n, c_out, h', w']`.
    pub fn forward_onto(
        &self,
        x: Tensor<4>,
        vector: Option<Tensor<2>>,
        residual: Option<Tensor<4>>,
    ) -> Tensor<4> {
        let (weight, bias) = (self.weight.val(), self.bias.val());
        let (stride, padding) = (self.stride, self.padding);
        match vector {
            Some(vector) => {
                let bias = vector + bias.unsqueeze(); // [n, c_out]
                ops::conv2d(x, weight, bias, residual, stride, padding)
            }
            None => ops::conv2d(x, weight, bias, residual, stride, padding),
        }
    }
}

/// A linear layer: weight `[d_out, d_in]`, bias `[d_out]`.
#[derive(Module, Debug)]
pub struct Linear {
    pub(super) weight: Param<Tensor<2>>,
    pub(super) bias: Param<Tensor<1>>,
}

impl Linear {
    /// `[..., d_in]` to `[..., d_out]`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        x.matmul(self.weight.val().transpose().unsqueeze()) + self.bias.val().unsqueeze()
    }
}

/// Group normalisation (Wu & He 2018): weight and bias `[c]`.
#[derive(Module, Debug)]
pub struct GroupNorm {
    pub(super) weight: Param<Tensor<1>>,
    pub(super) bias: Param<Tensor<1>>,
    #[module(skip)]
    pub(super) groups: usize,
    #[module(skip)]
    pub(super) eps: f64,
}

impl GroupNorm {
    /// Normalises `[n, c, h, w]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        ops::group_norm(
            x,
            self.weight.val(),
            self.bias.val(),
            self.groups,
            self.eps,
            false,
        )
    }

    /// Normalises `[n, c, h, w]` and applies SiLU.
    pub fn forward_silu(&self, x: Tensor<4>) -> Tensor<4> {
        ops::group_norm(
            x,
            self.weight.val(),
            self.bias.val(),
            self.groups,
            self.eps,
            true,
        )
    }
}

/// A table of vectors: weight `[rows, d]`.
#[derive(Module, Debug)]
pub struct Embedding {
    pub(super) weight: Param<Tensor<2>>,
}

impl Embedding {
    /// Rows by index: `[n]` to `[n, d]`.
    pub fn forward(&self, index: Tensor<1, Int>) -> Tensor<2> {
        self.weight.val().select(0, index)
    }
}

/// The frequencies of a Fourier embedding: weight `[d]`, drawn once and never trained (Song et al. 2021, appendix C).
#[derive(Module, Debug)]
pub struct Frequencies {
    pub(super) weight: Param<Tensor<1>>,
}

impl Frequencies {
    /// The frequencies on the host.
    pub(super) fn host(&self) -> Vec<f32> {
        host(&self.weight)
    }
}

/// A parameter's values on the host.
fn host<const D: usize>(parameter: &Param<Tensor<D>>) -> Vec<f32> {
    cpu::values(parameter).storage().to_vec()
}

#[cfg(any(feature = "gpu", test))]
impl Conv2d {
    /// The layer on the host.
    pub(super) fn host(&self) -> HostConv {
        let [c_out, c_in, window, _] = self.weight.val().dims();
        HostConv {
            weight: host(&self.weight),
            bias: host(&self.bias),
            c_in,
            c_out,
            window,
            stride: self.stride,
            padding: self.padding,
            parts: vec![Part::whole([self.weight.id, self.bias.id], c_out)],
        }
    }
}

#[cfg(any(feature = "gpu", test))]
impl Linear {
    /// Numbers of its output.
    pub(super) fn width(&self) -> usize {
        self.bias.val().dims()[0]
    }

    /// Numbers of its input.
    pub(super) fn input_width(&self) -> usize {
        self.weight.val().dims()[1]
    }

    /// The layer on the host.
    pub(super) fn host(&self) -> HostConv {
        let bias = host(&self.bias);
        let part = Part::whole([self.weight.id, self.bias.id], bias.len());
        HostConv::linear(host(&self.weight), bias, vec![part])
    }
}

#[cfg(any(feature = "gpu", test))]
impl GroupNorm {
    /// The layer on the host.
    pub(super) fn host(&self) -> HostNorm {
        HostNorm {
            weight: host(&self.weight),
            bias: host(&self.bias),
            groups: self.groups,
            eps: self.eps,
            ids: [self.weight.id, self.bias.id],
        }
    }
}

#[cfg(any(feature = "gpu", test))]
impl Embedding {
    /// The table on the host, `[rows, d]`.
    pub(super) fn host(&self) -> Vec<f32> {
        host(&self.weight)
    }
}
