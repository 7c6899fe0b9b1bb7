//! The kernels' backward passes, registered with burn's autodiff.

use super::{FlexTensor, Kernel, dims4, tensor, upsample};
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use burn::tensor::{DType, Tensor};
use std::marker::PhantomData;

type Tracked = FloatTensor<Autodiff<Flex>>;

fn tracked<const D: usize>(x: &Tensor<D>) -> Option<Tracked> {
    let x = x.clone().try_into_primitive::<Autodiff<Flex>>().ok()?;
    (x.primitive().dtype() == DType::F32).then_some(x)
}

fn wrap(x: Tracked) -> Tensor<4> {
    Tensor::from_primitive::<Autodiff<Flex>>(x)
}

/// The backward pass of a kernel, which remembers what went into it.
#[derive(Debug)]
struct KernelBackward<K>(PhantomData<K>);

impl<K: Kernel> Backward<Flex, 3> for KernelBackward<K> {
    type State = (K, [FlexTensor; 3], K::Saved);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (kernel, inputs, saved) = ops.state;
        let dy = grads.consume::<Flex>(&ops.node).to_contiguous();
        let needs_dx = ops.parents[0].is_some();
        let found = kernel.backward(&inputs, &saved, dy.storage(), needs_dx);
        for ((node, gradient), input) in ops.parents.into_iter().zip(found).zip(&inputs) {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                grads.register::<Flex>(node.id, tensor(gradient, input.layout().shape()));
            }
        }
    }
}

/// The kernel where gradients are tracked; `None` elsewhere.
pub(super) fn run<K: Kernel, const W: usize>(
    kernel: K,
    x: &Tensor<4>,
    weight: &Tensor<W>,
    bias: &Tensor<1>,
) -> Option<Tensor<4>> {
    let (x, x_node) = tracked(x)?.into_parts();
    let (weight, weight_node) = tracked(weight)?.into_parts();
    let (bias, bias_node) = tracked(bias)?.into_parts();
    let inputs = [x, weight, bias].map(|t| t.to_contiguous());
    let (y, saved) = kernel.forward(&inputs);
    let prep = KernelBackward::<K>(PhantomData)
        .prepare::<NoCheckpointing>([x_node, weight_node, bias_node])
        .compute_bound();
    Some(wrap(match prep.stateful() {
        OpsKind::Tracked(prep) => prep.finish((kernel, inputs, saved), y),
        OpsKind::UnTracked(prep) => prep.finish(y),
    }))
}

#[derive(Debug)]
struct UpsampleBackward;

impl Backward<Flex, 1> for UpsampleBackward {
    type State = [usize; 4];

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [n, c, h, w] = ops.state;
        let dy = grads.consume::<Flex>(&ops.node).to_contiguous();
        let [node] = ops.parents;
        if let Some(node) = node {
            let dx = upsample::backward(dy.storage(), [n * c, h, w]);
            grads.register::<Flex>(node.id, tensor(dx, &[n, c, h, w]));
        }
    }
}

/// The upsampling where gradients are tracked; `None` elsewhere.
pub(super) fn upsample_nearest_2x(x: &Tensor<4>) -> Option<Tensor<4>> {
    let (x, node) = tracked(x)?.into_parts();
    let x = x.to_contiguous();
    let y = super::upsample(&x);
    let prep = UpsampleBackward
        .prepare::<NoCheckpointing>([node])
        .compute_bound();
    Some(wrap(match prep.stateful() {
        OpsKind::Tracked(prep) => prep.finish(dims4(&x), y),
        OpsKind::UnTracked(prep) => prep.finish(y),
    }))
}
