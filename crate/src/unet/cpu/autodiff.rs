//! The kernels' backward passes, registered with burn's autodiff.

use super::conv::{self, ConvShape};
use super::norm::{self, NormShape};
use super::{FlexTensor, conv_forward, dims4, tensor, upsample};
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use burn::tensor::{DType, Tensor};

type Tracked = FloatTensor<Autodiff<Flex>>;

fn tracked<const D: usize>(x: &Tensor<D>) -> Option<Tracked> {
    let x = x.clone().try_into_primitive::<Autodiff<Flex>>().ok()?;
    (x.primitive().dtype() == DType::F32).then_some(x)
}

fn wrap(x: Tracked) -> Tensor<4> {
    Tensor::from_primitive::<Autodiff<Flex>>(x)
}

#[derive(Debug)]
struct ConvBackward;

impl Backward<Flex, 3> for ConvBackward {
    type State = (FlexTensor, FlexTensor, ConvShape);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (x, weight, shape) = ops.state;
        let dy = grads.consume::<Flex>(&ops.node).to_contiguous();
        let [node_x, node_weight, node_bias] = ops.parents;
        let (dx, dw, db) = conv::backward(
            x.storage(),
            weight.storage(),
            dy.storage(),
            &shape,
            node_x.is_some(),
        );
        if let (Some(node), Some(dx)) = (node_x, dx) {
            grads.register::<Flex>(node.id, tensor(dx, &dims4(&x)));
        }
        if let Some(node) = node_weight {
            grads.register::<Flex>(node.id, tensor(dw, &dims4(&weight)));
        }
        if let Some(node) = node_bias {
            let channels = db.len();
            grads.register::<Flex>(node.id, tensor(db, &[channels]));
        }
    }
}

/// The convolution where gradients are tracked; `None` elsewhere.
pub(super) fn conv2d(
    x: &Tensor<4>,
    weight: &Tensor<4>,
    bias: &Tensor<1>,
    stride: usize,
    padding: usize,
) -> Option<Tensor<4>> {
    let (x, x_node) = tracked(x)?.into_parts();
    let (weight, weight_node) = tracked(weight)?.into_parts();
    let (bias, bias_node) = tracked(bias)?.into_parts();
    let [x, weight, bias] = [x, weight, bias].map(|t| t.to_contiguous());
    let (y, shape) = conv_forward(&x, &weight, &bias, stride, padding);
    let prep = ConvBackward
        .prepare::<NoCheckpointing>([x_node, weight_node, bias_node])
        .compute_bound();
    Some(wrap(match prep.stateful() {
        OpsKind::Tracked(prep) => prep.finish((x, weight, shape), y),
        OpsKind::UnTracked(prep) => prep.finish(y),
    }))
}

#[derive(Debug)]
struct NormBackward;

impl Backward<Flex, 3> for NormBackward {
    type State = ([FlexTensor; 3], Vec<f32>, NormShape);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let ([x, weight, bias], stats, shape) = ops.state;
        let dy = grads.consume::<Flex>(&ops.node).to_contiguous();
        let (dx, dw, db) = norm::backward(
            x.storage(),
            weight.storage(),
            bias.storage(),
            &stats,
            dy.storage(),
            &shape,
        );
        let channels = dw.len();
        let [node_x, node_weight, node_bias] = ops.parents;
        if let Some(node) = node_x {
            grads.register::<Flex>(node.id, tensor(dx, &dims4(&x)));
        }
        if let Some(node) = node_weight {
            grads.register::<Flex>(node.id, tensor(dw, &[channels]));
        }
        if let Some(node) = node_bias {
            grads.register::<Flex>(node.id, tensor(db, &[channels]));
        }
    }
}

/// The group normalisation where gradients are tracked; `None` elsewhere.
pub(super) fn group_norm(
    x: &Tensor<4>,
    weight: &Tensor<1>,
    bias: &Tensor<1>,
    groups: usize,
    eps: f64,
    with_silu: bool,
) -> Option<Tensor<4>> {
    let (x, x_node) = tracked(x)?.into_parts();
    let (weight, weight_node) = tracked(weight)?.into_parts();
    let (bias, bias_node) = tracked(bias)?.into_parts();
    let [x, weight, bias] = [x, weight, bias].map(|t| t.to_contiguous());
    let shape = NormShape::new(dims4(&x), groups, eps, with_silu);
    let (y, stats) = norm::forward(x.storage(), weight.storage(), bias.storage(), &shape);
    let y = tensor(y, &dims4(&x));
    let prep = NormBackward
        .prepare::<NoCheckpointing>([x_node, weight_node, bias_node])
        .compute_bound();
    Some(wrap(match prep.stateful() {
        OpsKind::Tracked(prep) => prep.finish(([x, weight, bias], stats, shape), y),
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
    let [n, c, h, w] = dims4(&x);
    let y = tensor(
        upsample::forward(x.storage(), [n * c, h, w]),
        &[n, c, 2 * h, 2 * w],
    );
    let prep = UpsampleBackward
        .prepare::<NoCheckpointing>([node])
        .compute_bound();
    Some(wrap(match prep.stateful() {
        OpsKind::Tracked(prep) => prep.finish([n, c, h, w], y),
        OpsKind::UnTracked(prep) => prep.finish(y),
    }))
}
