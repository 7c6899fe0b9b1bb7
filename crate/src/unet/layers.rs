//! The layers that hold parameters, with PyTorch's names and shapes, so that a module path is a safetensors key.

#[cfg(any(feature = "gpu", test))]
use super::gpu::{HostConv, HostNorm};
use super::ops;
use burn::module::{Module, Param, ParamId};
use burn::tensor::{Device, Int, Tensor, TensorData};
use std::cell::RefCell;

thread_local! {
    /// The stream that fresh parameters are drawn from: on the host, so that one seed means the same network on every device.
    static INIT: RefCell<Option<rand_mt::Mt64>> = RefCell::new(Some(rand_mt::Mt64::new(0)));
}

/// Seeds the initialisation of every network built on this thread from here on.
pub fn seed_init(seed: u64) {
    INIT.set(Some(rand_mt::Mt64::new(seed)));
}

/// Builds a network whose parameters are 0 instead of drawn.
pub(super) fn undrawn<T>(build: impl FnOnce() -> T) -> T {
    let stream = INIT.take();
    let network = build();
    INIT.set(stream);
    network
}

/// A parameter drawn from U(-bound, bound).
fn uniform<const D: usize>(shape: [usize; D], bound: f64, device: &Device) -> Param<Tensor<D>> {
    let unit = |bits: u64| (bits >> 11) as f64 / (1u64 << 53) as f64;
    let mut values = vec![0.0; shape.iter().product()];
    INIT.with_borrow_mut(|stream| {
        if let Some(stream) = stream {
            values.fill_with(|| (bound * (2.0 * unit(stream.next_u64()) - 1.0)) as f32);
        }
    });
    parameter(values, shape, device)
}

fn constant<const D: usize>(shape: [usize; D], value: f32, device: &Device) -> Param<Tensor<D>> {
    parameter(vec![value; shape.iter().product()], shape, device)
}

pub(crate) fn parameter<const D: usize>(
    values: Vec<f32>,
    shape: [usize; D],
    device: &Device,
) -> Param<Tensor<D>> {
    let tensor = Tensor::from_data(TensorData::new(values, shape), device);
    let tensor = if device.is_autodiff() {
        tensor.require_grad()
    } else {
        tensor
    };
    Param::initialized(ParamId::new(), tensor)
}

/// A 2-D convolution: weight `[c_out, c_in, k, k]`, bias `[c_out]`.
#[derive(Module, Debug)]
pub struct Conv2d {
    weight: Param<Tensor<4>>,
    bias: Param<Tensor<1>>,
    #[module(skip)]
    stride: usize,
    #[module(skip)]
    padding: usize,
}

impl Conv2d {
    /// PyTorch's initialisation: U(-b, b) with b = 1/sqrt(fan-in), for weight and bias.
    pub fn new(
        c_in: usize,
        c_out: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
        device: &Device,
    ) -> Self {
        let bound = 1.0 / ((c_in * kernel * kernel) as f64).sqrt();
        Self {
            weight: uniform([c_out, c_in, kernel, kernel], bound, device),
            bias: uniform([c_out], bound, device),
            stride,
            padding,
        }
    }

    /// The 3x3 convolution of size-preserving layers.
    pub fn same(c_in: usize, c_out: usize, device: &Device) -> Self {
        Self::new(c_in, c_out, 3, 1, 1, device)
    }

    /// A layer whose output is 0 until trained: the network starts as a simpler one (Ho et al. 2020, released code).
    #[must_use]
    pub fn zeroed(mut self) -> Self {
        let (shape, device) = (self.weight.val().dims(), self.weight.val().device());
        let channels = [shape[0]];
        self.weight = constant(shape, 0.0, &device);
        self.bias = constant(channels, 0.0, &device);
        self
    }

    /// `[n, c_in, h, w]` to `[n, c_out, h', w']`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        ops::conv2d(
            x,
            self.weight.val(),
            self.bias.val(),
            None,
            self.stride,
            self.padding,
        )
    }

    /// The same plus `emb` `[n, c_out]` at every pixel.
    pub fn forward_with(&self, x: Tensor<4>, emb: Tensor<2>) -> Tensor<4> {
        ops::conv2d(
            x,
            self.weight.val(),
            emb + self.bias.val().unsqueeze(),
            None,
            self.stride,
            self.padding,
        )
    }

    /// The same plus `residual` `[n, c_out, h', w']`.
    pub fn forward_onto(&self, x: Tensor<4>, residual: Tensor<4>) -> Tensor<4> {
        ops::conv2d(
            x,
            self.weight.val(),
            self.bias.val(),
            Some(residual),
            self.stride,
            self.padding,
        )
    }
}

/// A linear layer: weight `[d_out, d_in]`, bias `[d_out]`.
#[derive(Module, Debug)]
pub struct Linear {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Linear {
    /// PyTorch's initialisation: U(-b, b) with b = 1/sqrt(d_in).
    pub fn new(d_in: usize, d_out: usize, device: &Device) -> Self {
        let bound = 1.0 / (d_in as f64).sqrt();
        Self {
            weight: uniform([d_out, d_in], bound, device),
            bias: uniform([d_out], bound, device),
        }
    }

    /// A layer whose output is 0 until trained.
    #[must_use]
    pub fn zeroed(mut self) -> Self {
        let (shape, device) = (self.weight.val().dims(), self.weight.val().device());
        self.weight = constant(shape, 0.0, &device);
        self.bias = constant([shape[0]], 0.0, &device);
        self
    }

    /// `[..., d_in]` to `[..., d_out]`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        x.matmul(self.weight.val().transpose().unsqueeze()) + self.bias.val().unsqueeze()
    }
}

/// Group normalisation (Wu & He 2018): weight and bias `[c]`.
#[derive(Module, Debug)]
pub struct GroupNorm {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
    #[module(skip)]
    groups: usize,
    #[module(skip)]
    eps: f64,
}

impl GroupNorm {
    /// Starts as the plain normalisation: weight 1, bias 0. `groups` must divide `channels`.
    pub fn new(groups: usize, channels: usize, eps: f64, device: &Device) -> Self {
        Self {
            weight: constant([channels], 1.0, device),
            bias: constant([channels], 0.0, device),
            groups,
            eps,
        }
    }

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
    weight: Param<Tensor<2>>,
}

impl Embedding {
    /// Rows drawn from U(-sqrt 3, sqrt 3): unit variance, as PyTorch's.
    pub fn new(rows: usize, d: usize, device: &Device) -> Self {
        Self {
            weight: uniform([rows, d], 3f64.sqrt(), device),
        }
    }

    /// Rows by index: `[n]` to `[n, d]`.
    pub fn forward(&self, index: Tensor<1, Int>) -> Tensor<2> {
        self.weight.val().select(0, index)
    }
}

/// A parameter's values on the host.
#[cfg(any(feature = "gpu", test))]
fn host<const D: usize>(parameter: &Param<Tensor<D>>) -> Vec<f32> {
    parameter.val().into_data().iter::<f32>().collect()
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
        }
    }
}

#[cfg(any(feature = "gpu", test))]
impl Linear {
    /// The layer on the host.
    pub(super) fn host(&self) -> HostConv {
        HostConv::linear(host(&self.weight), host(&self.bias))
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
