//! The network's operations on the CPU: kernels on slices. [`executor`] evaluates with them; training reaches those of
//! [`super::ops`] through burn-flex and its autodiff.
//!
//! Work is split over images in a fixed number of parts whose partial sums are added in order, so that results do not
//! depend on the number of threads.

mod activate;
mod attend;
#[cfg(feature = "learn")]
mod autodiff;
mod concat;
mod conv;
mod executor;
mod features;
mod filter;
mod linear;
mod memory;
mod norm;
mod parallel;
mod planes;
mod simd;
mod tile;
mod upsample;
#[cfg(feature = "learn")]
mod weight_gradient;
mod winograd;

#[cfg(all(test, feature = "native"))]
mod exactness;

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn::module::Param;
use burn::tensor::{DType, Tensor, TensorData};
use conv::{Added, ConvShape};
use norm::NormShape;
use std::cell::Cell;
use std::fmt::Debug;

pub(super) use executor::OnCpu;
pub(super) use features::Features;
#[cfg(test)]
pub(super) use filter::forward as filter;
pub(super) use memory::KeepsBuffers;
pub(super) use winograd::KeptFilters;

thread_local! {
    /// Whether convolutions are computed tap by tap.
    static DIRECTLY: Cell<bool> = const { Cell::new(false) };
}

/// [`super::ops::directly`].
pub(super) fn directly<T>(f: impl FnOnce() -> T) -> T {
    let before = DIRECTLY.replace(true);
    let result = f();
    DIRECTLY.set(before);
    result
}

type FlexTensor = FloatTensor<Flex>;

/// Makes a tensor of `values`, without a copy.
fn tensor(values: Vec<f32>, shape: &[usize]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.to_vec()))
}

/// The shape of a tensor that is known to have four axes.
fn dims4(x: &FlexTensor) -> [usize; 4] {
    let shape = x.layout().shape();
    std::array::from_fn(|axis| shape[axis])
}

/// A tensor on the CPU of `values`, without a copy.
pub(super) fn from_values<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_primitive::<Flex>(tensor(values, &shape))
}

/// A parameter without its gradient.
pub(super) fn values<const D: usize>(parameter: &Param<Tensor<D>>) -> FlexTensor {
    let tensor = parameter.val();
    #[cfg(feature = "learn")]
    let tensor = match tensor.device().is_autodiff() {
        true => tensor.inner(),
        false => tensor,
    };
    let tensor = tensor.try_into_primitive::<Flex>();
    let tensor = tensor.expect("burn-flex is the only backend that this crate enables");
    // A file's parameters are contiguous; an optimiser's may not be.
    #[cfg(feature = "learn")]
    let tensor = tensor.to_contiguous();
    tensor
}

fn plain<const D: usize>(x: &Tensor<D>) -> Option<FlexTensor> {
    let x = x.clone().try_into_primitive::<Flex>().ok()?;
    (x.dtype() == DType::F32).then(|| x.to_contiguous())
}

fn plain_option<const D: usize>(x: Option<&Tensor<D>>) -> Option<Option<FlexTensor>> {
    match x {
        Some(x) => plain(x).map(Some),
        None => Some(None),
    }
}

/// Frees tensors on the CPU; memory that is not shared is used again.
pub(super) fn give_back<const N: usize>(tensors: [Option<Tensor<4>>; N]) {
    for tensor in tensors.into_iter().flatten() {
        if let Ok(x) = tensor.try_into_primitive::<Flex>() {
            memory::reuse(x);
        }
    }
}

fn wrap(x: FlexTensor) -> Tensor<4> {
    Tensor::from_primitive::<Flex>(x)
}

/// A kernel with the inputs x, weight and bias, all contiguous.
trait Kernel: Copy + Debug + Send + 'static {
    /// What the forward pass saves for the backward pass, in addition to the inputs.
    type Saved: Clone + Debug + Send;

    /// The output, plus `residual` if there is one.
    fn forward(
        self,
        inputs: &[FlexTensor; 3],
        residual: Option<&FlexTensor>,
    ) -> (FlexTensor, Self::Saved);

    /// The gradients for the inputs, given that of the output; that for x may be missing if it is not needed.
    #[cfg(feature = "learn")]
    fn backward(
        self,
        inputs: &[FlexTensor; 3],
        saved: &Self::Saved,
        dy: &[f32],
        needs_dx: bool,
    ) -> [Option<Vec<f32>>; 3];
}

/// Runs a kernel, or returns `None` where the tensors are not on the CPU.
fn run<K: Kernel, const W: usize, const B: usize>(
    kernel: K,
    x: &Tensor<4>,
    weight: &Tensor<W>,
    bias: &Tensor<B>,
    residual: Option<&Tensor<4>>,
) -> Option<Tensor<4>> {
    #[cfg(feature = "learn")]
    if let Some(y) = autodiff::run(kernel, x, weight, bias, residual) {
        return Some(y);
    }
    let residual = plain_option(residual)?;
    let inputs = [plain(x)?, plain(weight)?, plain(bias)?];
    let (y, _) = kernel.forward(&inputs, residual.as_ref());
    Some(wrap(y))
}

#[derive(Debug, Clone, Copy)]
struct Conv {
    stride: usize,
    padding: usize,
}

impl Kernel for Conv {
    type Saved = ConvShape;

    fn forward(
        self,
        [x, weight, bias]: &[FlexTensor; 3],
        residual: Option<&FlexTensor>,
    ) -> (FlexTensor, ConvShape) {
        let shape = ConvShape::new(dims4(x), dims4(weight), self.stride, self.padding);
        let added = Added {
            bias: bias.storage(),
            residual: residual.map(|residual| residual.storage()),
        };
        let y = conv::forward(x.storage(), weight.storage(), added, &shape);
        (tensor(y, &shape.output()), shape)
    }

    #[cfg(feature = "learn")]
    fn backward(
        self,
        [x, weight, bias]: &[FlexTensor; 3],
        shape: &ConvShape,
        dy: &[f32],
        needs_dx: bool,
    ) -> [Option<Vec<f32>>; 3] {
        let (dx, dw) = conv::backward(x.storage(), weight.storage(), dy, shape, needs_dx);
        let for_each_image = bias.layout().shape().num_dims() == 2;
        [
            dx,
            Some(dw),
            Some(conv::bias_gradient(dy, shape, for_each_image)),
        ]
    }
}

#[derive(Debug, Clone, Copy)]
struct Norm {
    groups: usize,
    eps: f64,
    with_silu: bool,
}

impl Norm {
    fn shape(self, x: &FlexTensor) -> NormShape {
        NormShape::new(dims4(x), self.groups, self.eps, self.with_silu)
    }
}

impl Kernel for Norm {
    /// Mean and inverse deviation of each group.
    type Saved = Vec<f32>;

    fn forward(
        self,
        [x, weight, bias]: &[FlexTensor; 3],
        _: Option<&FlexTensor>,
    ) -> (FlexTensor, Vec<f32>) {
        let shape = self.shape(x);
        let (y, stats) = norm::forward(x.storage(), weight.storage(), bias.storage(), &shape);
        (tensor(y, &dims4(x)), stats)
    }

    #[cfg(feature = "learn")]
    fn backward(
        self,
        inputs: &[FlexTensor; 3],
        stats: &Vec<f32>,
        dy: &[f32],
        _: bool,
    ) -> [Option<Vec<f32>>; 3] {
        let shape = self.shape(&inputs[0]);
        let [x, weight, bias] = inputs.each_ref().map(|input| input.storage());
        let (dx, dw, db) = norm::backward(x, weight, bias, stats, dy, &shape);
        [dx, dw, db].map(Some)
    }
}

fn upsample(x: &FlexTensor) -> FlexTensor {
    let [n, c, h, w] = dims4(x);
    let y = upsample::forward(x.storage(), [n * c, h, w]);
    tensor(y, &[n, c, 2 * h, 2 * w])
}

/// [`super::ops::conv2d`], or `None` where the tensors are not on the CPU.
pub(super) fn conv2d<const B: usize>(
    x: &Tensor<4>,
    weight: &Tensor<4>,
    bias: &Tensor<B>,
    residual: Option<&Tensor<4>>,
    stride: usize,
    padding: usize,
) -> Option<Tensor<4>> {
    let shape = ConvShape::new(x.dims(), weight.dims(), stride, padding);
    if !shape.is_supported() {
        return None;
    }
    run(Conv { stride, padding }, x, weight, bias, residual)
}

/// [`super::ops::group_norm`], or `None` where the tensors are not on the CPU.
pub(super) fn group_norm(
    x: &Tensor<4>,
    weight: &Tensor<1>,
    bias: &Tensor<1>,
    groups: usize,
    eps: f64,
    with_silu: bool,
) -> Option<Tensor<4>> {
    let norm = Norm {
        groups,
        eps,
        with_silu,
    };
    run(norm, x, weight, bias, None)
}

fn concat(x: &FlexTensor, skip: &FlexTensor) -> FlexTensor {
    let ([n, c, h, w], [_, c_skip, ..]) = (dims4(x), dims4(skip));
    let y = concat::forward([x.storage(), skip.storage()], n);
    tensor(y, &[n, c + c_skip, h, w])
}

/// [`super::ops::concatenate`], or `None` where the tensors are not on the CPU.
pub(super) fn concatenate(x: &Tensor<4>, skip: &Tensor<4>) -> Option<Tensor<4>> {
    #[cfg(feature = "learn")]
    if let Some(y) = autodiff::concatenate(x, skip) {
        return Some(y);
    }
    Some(wrap(concat(&plain(x)?, &plain(skip)?)))
}

/// [`super::ops::upsample_nearest_2x`], or `None` where the tensor is not on the CPU.
pub(super) fn upsample_nearest_2x(x: &Tensor<4>) -> Option<Tensor<4>> {
    #[cfg(feature = "learn")]
    if let Some(y) = autodiff::upsample_nearest_2x(x) {
        return Some(y);
    }
    Some(wrap(upsample(&plain(x)?)))
}

/// [`super::ops::linear`], or `None` where the tensors are not on the CPU or their gradients are tracked.
pub(super) fn linear(x: &Tensor<2>, weight: &Tensor<2>, bias: &Tensor<1>) -> Option<Tensor<2>> {
    let ([n, _], [d_out, _]) = (x.dims(), weight.dims());
    let (x, weight, bias) = (plain(x)?, plain(weight)?, plain(bias)?);
    let y = linear::forward(x.storage(), weight.storage(), bias.storage(), n);
    Some(Tensor::from_primitive::<Flex>(tensor(y, &[n, d_out])))
}
