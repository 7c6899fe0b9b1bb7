//! What the planner makes of flows that no network has, and what it refuses.

use super::*;
use crate::unet::UNetConfig;
use crate::unet::build::Builder;
use crate::unet::gpu::interpret::interpret;
use crate::unet::gpu::{channels_first, channels_last};
use crate::unet::tensors::Tensors;
use burn::tensor::{Device, Tensor, TensorData};

const SIDES: [usize; 2] = [4, 6];

/// A 1x1 convolution for readers that cannot take it in: a normalisation and one side of a join, which share it.
fn projections<E: Executor>(
    on: &mut E,
    x: E::Features,
    (narrow, norm, conv): &(Conv2d, GroupNorm, Conv2d),
) -> E::Features {
    let x = on.conv(x, narrow, Finish::nothing());
    let h = on.norm(x.clone(), norm, Then::Activate(Activation::Silu));
    let h = on.join(h, x);
    let h = on.upsample(h);
    on.conv(h, conv, Finish::nothing())
}

#[test]
fn what_no_reader_takes_in_is_a_launch_of_its_own() {
    let [h, w] = SIDES;
    let mut layers = Builder::fresh(&Device::flex());
    let layers = (
        layers.conv(8, 4, 1, 1, 0),
        layers.norm(2, 4, 1e-5),
        layers.conv3x3(8, 3),
    );
    let x: Vec<f32> = (0..8 * h * w).map(|i| (i as f32 * 0.7).sin()).collect();

    let device = Device::flex();
    let config = UNetConfig::default();
    let tensor = Tensor::from_data(TensorData::new(x.clone(), [1, 8, h, w]), &device);
    let mut tensors = Tensors::new(&config, &[], None, None, device);
    let expected = projections(&mut tensors, tensor, &layers);
    assert_eq!(expected.dims(), [1, 3, 2 * h, 2 * w]);

    let mut planner = Planner::new([h, w, 8], 1, 1, Layout::new(To::Host, ALIGN));
    let given = View::of(planner.given.x);
    let out = projections(&mut planner, given, &layers);
    let plan = planner.finish(out).expect("a plan");
    assert_eq!(plan.launches.len(), 3);
    let x = channels_last(&x, 8, 1);
    let out = channels_first(&interpret(&plan, 1, [&x, &[0.0], &[0.0]]), 3, 1);
    for (a, b) in out.iter().zip(expected.into_data().iter::<f32>()) {
        assert!((a - f64::from(b)).abs() < 1e-5, "{a} is not {b}");
    }
}

#[test]
fn what_the_kernels_cannot_do_is_said() {
    type Flow = fn(&mut Planner, View, &mut Builder) -> View;
    let refused: [(Flow, &str); 4] = [
        (
            |on, x, layers| {
                let (narrow, wide) = (layers.linear(4, 8), layers.conv3x3(8, 8));
                let timestep = on.timestep(None);
                let row = on.linear(timestep, &narrow);
                let x = on.conv(x, &wide, Finish::plus(row));
                let row = on.activate(row, Activation::Silu);
                on.conv(x, &wide, Finish::plus(row))
            },
            "a vector with and without an activation",
        ),
        (
            |on, x, layers| {
                let x = on.upsample(x);
                let norm = layers.norm(2, 8, 1e-5);
                on.norm(x, &norm, Then::Activate(Activation::Silu))
            },
            "a normalisation after an upsampling",
        ),
        (
            |on, x, layers| {
                let x = on.join(x.clone(), x);
                let conv = layers.conv3x3(16, 16);
                on.conv(x.clone(), &conv, Finish::onto(x, 1.0))
            },
            "a residual connection of two features side by side",
        ),
        (
            |on, x, layers| on.conv(x, &layers.conv3x3(4, 4), Finish::nothing()),
            "a layer of another width than its input",
        ),
    ];
    for (flow, reason) in refused {
        let mut planner = Planner::new([4, 6, 8], 4, 4, Layout::new(To::Host, ALIGN));
        let x = View::of(planner.given.x);
        let out = flow(&mut planner, x, &mut Builder::blank(&Device::flex()));
        let refused = planner.finish(out).expect_err(reason);
        assert_eq!(refused, Unsupported(reason.into()));
    }
}
