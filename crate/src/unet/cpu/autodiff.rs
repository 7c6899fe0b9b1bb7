//! The kernels' backward passes, registered with burn's autodiff.

use super::memory::reuse;
use super::{FlexTensor, Kernel, concat, dims4, tensor, upsample};
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

type State<K> = (K, [FlexTensor; 3], <K as Kernel>::Saved);

/// The gradients for the inputs, given that of the output; that of the first only if needed.
fn gradients<K: Kernel>(
    (kernel, inputs, saved): State<K>,
    dy: &FlexTensor,
    needs_dx: bool,
) -> [Option<FlexTensor>; 3] {
    let found = kernel.backward(&inputs, &saved, dy.storage(), needs_dx);
    let mut inputs = inputs.into_iter();
    found.map(|gradient| {
        let input = inputs.next()?;
        let gradient = gradient.map(|gradient| tensor(gradient, input.layout().shape()));
        reuse(input);
        gradient
    })
}

impl<K: Kernel> Backward<Flex, 3> for KernelBackward<K> {
    type State = State<K>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Flex>(&ops.node).to_contiguous();
        let found = gradients(ops.state, &dy, ops.parents[0].is_some());
        for (node, gradient) in ops.parents.into_iter().zip(found) {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                grads.register::<Flex>(node.id, gradient);
            }
        }
        reuse(dy);
    }
}

/// With a residual, whose gradient is that of the output.
impl<K: Kernel> Backward<Flex, 4> for KernelBackward<K> {
    type State = State<K>;

    fn backward(self, ops: Ops<Self::State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Flex>(&ops.node).to_contiguous();
        let [dx, dw, db] = gradients(ops.state, &dy, ops.parents[0].is_some());
        let found = [dx, dw, db, Some(dy)];
        for (node, gradient) in ops.parents.into_iter().zip(found) {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}

/// The kernel where gradients are tracked; `None` elsewhere.
pub(super) fn run<K: Kernel, const W: usize, const B: usize>(
    kernel: K,
    x: &Tensor<4>,
    weight: &Tensor<W>,
    bias: &Tensor<B>,
    residual: Option<&Tensor<4>>,
) -> Option<Tensor<4>> {
    let (x, x_node) = tracked(x)?.into_parts();
    let (weight, weight_node) = tracked(weight)?.into_parts();
    let (bias, bias_node) = tracked(bias)?.into_parts();
    let inputs = [x, weight, bias].map(|t| t.to_contiguous());
    let Some(residual) = residual else {
        let (y, saved) = kernel.forward(&inputs, None);
        let prep = KernelBackward::<K>(PhantomData)
            .prepare::<NoCheckpointing>([x_node, weight_node, bias_node])
            .compute_bound();
        return Some(wrap(match prep.stateful() {
            OpsKind::Tracked(prep) => prep.finish((kernel, inputs, saved), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }));
    };
    let (residual, residual_node) = tracked(residual)?.into_parts();
    let (y, saved) = kernel.forward(&inputs, Some(&residual.to_contiguous()));
    let prep = KernelBackward::<K>(PhantomData)
        .prepare::<NoCheckpointing>([x_node, weight_node, bias_node, residual_node])
        .compute_bound();
    Some(wrap(match prep.stateful() {
        OpsKind::Tracked(prep) => prep.finish((kernel, inputs, saved), y),
        OpsKind::UnTracked(prep) => prep.finish(y),
    }))
}

#[derive(Debug)]
struct ConcatBackward;

impl Backward<Flex, 2> for ConcatBackward {
    type State = [[usize; 4]; 2];

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Flex>(&ops.node).to_contiguous();
        let mut first = 0;
        for (node, shape) in ops.parents.into_iter().zip(ops.state) {
            let image = shape[1..].iter().product();
            if let Some(node) = node {
                let dx = super::concat::backward(dy.storage(), shape[0], first, image);
                grads.register::<Flex>(node.id, tensor(dx, &shape));
            }
            first += image;
        }
        reuse(dy);
    }
}

/// The concatenation where gradients are tracked; `None` elsewhere.
pub(super) fn concatenate(x: &Tensor<4>, skip: &Tensor<4>) -> Option<Tensor<4>> {
    let (x, x_node) = tracked(x)?.into_parts();
    let (skip, skip_node) = tracked(skip)?.into_parts();
    let [x, skip] = [x, skip].map(|t| t.to_contiguous());
    let y = concat(&x, &skip);
    let prep = ConcatBackward
        .prepare::<NoCheckpointing>([x_node, skip_node])
        .compute_bound();
    Some(wrap(match prep.stateful() {
        OpsKind::Tracked(prep) => prep.finish([dims4(&x), dims4(&skip)], y),
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
        reuse(dy);
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
