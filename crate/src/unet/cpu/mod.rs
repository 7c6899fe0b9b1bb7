//! The operations of [`super::ops`] on the CPU: kernels on slices, and their way into burn-flex and its autodiff.
//!
//! Work is split over images in a fixed number of parts whose partial sums are added in order, so that results do not
//! depend on the number of threads.

#[cfg(feature = "native")]
mod autodiff;
mod conv;
mod matmul;
mod norm;
mod parallel;
mod upsample;

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{DType, Tensor, TensorData};
use conv::ConvShape;
use norm::NormShape;

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

fn plain<const D: usize>(x: &Tensor<D>) -> Option<FlexTensor> {
    let x = x.clone().try_into_primitive::<Flex>().ok()?;
    (x.dtype() == DType::F32).then(|| x.to_contiguous())
}

fn wrap(x: FlexTensor) -> Tensor<4> {
    Tensor::from_primitive::<Flex>(x)
}

fn conv_forward(
    x: &FlexTensor,
    weight: &FlexTensor,
    bias: &FlexTensor,
    stride: usize,
    padding: usize,
) -> (FlexTensor, ConvShape) {
    let shape = ConvShape::new(dims4(x), dims4(weight), stride, padding);
    let y = conv::forward(x.storage(), weight.storage(), bias.storage(), &shape);
    (tensor(y, &shape.output()), shape)
}

/// [`super::ops::conv2d`], or `None` where the tensors are not on the CPU.
pub(super) fn conv2d(
    x: &Tensor<4>,
    weight: &Tensor<4>,
    bias: &Tensor<1>,
    stride: usize,
    padding: usize,
) -> Option<Tensor<4>> {
    #[cfg(feature = "native")]
    if let Some(y) = autodiff::conv2d(x, weight, bias, stride, padding) {
        return Some(y);
    }
    let (y, _) = conv_forward(&plain(x)?, &plain(weight)?, &plain(bias)?, stride, padding);
    Some(wrap(y))
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
    #[cfg(feature = "native")]
    if let Some(y) = autodiff::group_norm(x, weight, bias, groups, eps, with_silu) {
        return Some(y);
    }
    let x = plain(x)?;
    let shape = NormShape::new(dims4(&x), groups, eps, with_silu);
    let (y, _) = norm::forward(
        x.storage(),
        plain(weight)?.storage(),
        plain(bias)?.storage(),
        &shape,
    );
    Some(wrap(tensor(y, &dims4(&x))))
}

/// [`super::ops::upsample_nearest_2x`], or `None` where the tensor is not on the CPU.
pub(super) fn upsample_nearest_2x(x: &Tensor<4>) -> Option<Tensor<4>> {
    #[cfg(feature = "native")]
    if let Some(y) = autodiff::upsample_nearest_2x(x) {
        return Some(y);
    }
    let x = plain(x)?;
    let [n, c, h, w] = dims4(&x);
    Some(wrap(tensor(
        upsample::forward(x.storage(), [n * c, h, w]),
        &[n, c, 2 * h, 2 * w],
    )))
}
